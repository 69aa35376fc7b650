import { describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import * as saga from '../../src/index.js';
import { heldFiles } from '../support/held-files.js';
import { scratch } from '../support/scratch.js';

const { Flags, SeekMode } = saga;
const directory = scratch();

async function opened(content: string | Uint8Array, flags?: number): Promise<saga.File> {
  await writeFile(directory.at('file'), content);
  return saga.File.create(directory.at('file'), flags);
}

describe('readable()', () => {
  test('gives the whole content, and leaves the pointer', async () => {
    const content = randomBytes(3_000_001);
    await using file = await opened(content);
    expect((await buffer(file.readable())).equals(content)).toBe(true);
    expect(await file.seek(0, SeekMode.Current)).toBe(0);
  });

  test('gives a range: both ends are in it, and it begins where the pointer is', async () => {
    await using file = await opened('0123456789');
    const text = async (options?: { start?: number; end?: number }): Promise<string> =>
      (await buffer(file.readable(options))).toString();
    expect(await text({ start: 2, end: 4 })).toBe('234');
    expect(await text({ start: 7, end: 70 })).toBe('789');
    expect(await text({ start: 3, end: 2 })).toBe('');
    expect(await text({ start: 100 })).toBe('');
    await file.seek(6);
    expect(await text()).toBe('6789');
    expect(await text({ end: 6 })).toBe('6');
  });

  test('a range that is none is BadParameter', async () => {
    await using file = await opened('0123456789');
    expect(() => file.readable({ start: 5, end: 3 })).toThrow('the end 3 lies before the start 5');
    expect(() => file.readable({ start: -1 })).toThrow(saga.BadParameter);
    expect(() => file.readable({ end: 1.5 })).toThrow('end is a place in the file');
  });

  test('several streams and the pointer do not disturb each other', async () => {
    await using file = await opened('0123456789');
    const memory = Buffer.alloc(2);
    const [first, second] = await Promise.all([
      buffer(file.readable()),
      buffer(file.readable({ start: 5 })),
      file.read(memory),
    ]);
    expect([first.toString(), second.toString(), memory.toString()]).toEqual(['0123456789', '56789', '01']);
  });

  test('tells its progress', async () => {
    await using file = await opened(Buffer.alloc(600_000));
    const told: saga.Progress[] = [];
    await buffer(file.readable({ start: 0, end: 599_999, onProgress: (progress) => told.push(progress) }));
    expect(told.at(-1)).toEqual({ done: 600_000, total: 600_000, what: 'bytes' });
    expect(told.length).toBeGreaterThan(2);
  });

  test('ends with its signal, also while nobody reads', async () => {
    await using file = await opened(Buffer.alloc(5_000_000));
    const abort = new AbortController();
    const stream = file.readable({ signal: abort.signal });
    const failed = once(stream, 'error') as Promise<[Error]>;
    abort.abort();
    const [error] = await failed;
    expect(error).toBeInstanceOf(saga.NoSuccess);
    expect(error.message).toContain('file.readable was aborted');
    expect(stream.destroyed).toBe(true);
    expect(() => file.readable({ signal: abort.signal })).toThrow('aborted');
  });

  test('fails when the file is closed meanwhile', async () => {
    const file = await opened(Buffer.alloc(5_000_000));
    const stream = file.readable();
    await once(stream, 'readable');
    await file.close();
    await expect(buffer(stream)).rejects.toThrow(saga.IncorrectState);
  });
});

describe('writable()', () => {
  test('writes what it is given, and leaves the pointer', async () => {
    const content = randomBytes(3_000_001);
    await using file = await opened('', Flags.Write);
    await pipeline(Readable.from(content.subarray(0)), file.writable());
    expect((await readFile(directory.at('file'))).equals(content)).toBe(true);
    expect(await file.seek(0, SeekMode.Current)).toBe(0);
  });

  test('begins where the pointer is, so that Append appends', async () => {
    await using end = await opened('text', Flags.Write | Flags.Append);
    await pipeline(['book', 's'], end.writable());
    expect(await readFile(directory.at('file'), 'utf8')).toBe('textbooks');
    await pipeline(['n'], end.writable({ start: 0 }));
    await pipeline(['!'], end.writable({ start: 11 }));
    expect(await readFile(directory.at('file'), 'utf8')).toBe('nextbooks\0\0!');
  });

  test('asks to wait while the service is behind, and small pieces go together', async () => {
    const memory = heldFiles('slow', ['file.read', 'file.write']);
    memory.contents.set('/file', new Uint8Array());
    saga.registerAdaptor(memory.manifest);
    await using file = await saga.File.create('slow://host/file', Flags.Write);
    let go!: () => void;
    const gate = new Promise<void>((resolve) => (go = resolve));
    memory.before = (call) => (call.startsWith('write') ? gate : undefined);

    const stream = file.writable();
    let accepted = 0;
    while (stream.write(Buffer.alloc(1000, accepted))) accepted += 1;
    expect(accepted).toBeGreaterThan(100);
    expect(accepted).toBeLessThan(1000);
    go();
    await once(stream, 'drain');
    stream.end();
    await once(stream, 'finish');
    expect(memory.contents.get('/file')).toHaveLength((accepted + 1) * 1000);
    expect(memory.calls.filter((call) => call.startsWith('write'))).toHaveLength(2);
  });

  test('tells its progress, and fails with what the service says', async () => {
    await using file = await opened('', Flags.Write);
    const told: number[] = [];
    await pipeline(['abc', 'de'], file.writable({ onProgress: ({ done }) => told.push(done) }));
    expect(told.at(-1)).toBe(5);
    await file.close();
    expect(() => file.writable()).toThrow(saga.IncorrectState);
  });

  test('ends with its signal', async () => {
    await using file = await opened('', Flags.Write);
    const abort = new AbortController();
    async function* endless(): AsyncGenerator<Buffer> {
      for (let n = 0; ; n++) {
        if (n === 5) abort.abort();
        yield await Promise.resolve(Buffer.alloc(1000));
      }
    }
    await expect(pipeline(endless, file.writable({ signal: abort.signal }))).rejects.toThrow(
      'file.writable was aborted',
    );
  });
});
