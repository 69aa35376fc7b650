/** One File object in many hands: the order of calls, aborts, and closing, on a service whose calls a test holds up. */
import { beforeEach, describe, expect, test } from '@jest/globals';

import * as saga from '../../src/index.js';
import { heldFiles, type HeldFiles, type Offered } from '../support/held-files.js';

const { Flags, SeekMode } = saga;

let services = 0;
let memory: HeldFiles;

/** A service of its own with the file `/file`. */
function service(content: string, offered: readonly Offered[] = ['file.read', 'file.write', 'file.readWrite']): string {
  const scheme = `memory${String(services++)}`;
  memory = heldFiles(scheme, offered);
  memory.contents.set('/file', Buffer.from(content));
  saga.registerAdaptor(memory.manifest);
  return `${scheme}://host/file`;
}

function content(): string {
  return Buffer.from(memory.contents.get('/file') ?? []).toString('latin1');
}

async function text(reading: (memory: Uint8Array) => Promise<number>, length: number): Promise<string> {
  const into = Buffer.alloc(length);
  return into.toString('latin1', 0, await reading(into));
}

/** Holds calls up. `arrived` resolves when the first one is there, `open` lets it and all further ones go. */
class Gate {
  #arrive!: () => void;
  #open!: () => void;
  readonly arrived = new Promise<void>((resolve) => (this.#arrive = resolve));
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  constructor(holds: (call: string) => boolean) {
    memory.before = (call) => {
      if (!holds(call)) return;
      this.#arrive();
      return this.#opened;
    };
  }

  open(): void {
    this.#open();
  }
}

describe('calls on one file', () => {
  test('reads that are not waited for follow each other', async () => {
    await using file = await saga.File.create(service('abcdefghijkl'));
    const reads = Array.from({ length: 4 }, () => text((into) => file.read(into), 3));
    expect(await Promise.all(reads)).toEqual(['abc', 'def', 'ghi', 'jkl']);
  });

  test('reads, writes and seeks take their turns, also when the service is slower with the first', async () => {
    const url = service('..........');
    await using file = await saga.File.create(url, Flags.ReadWrite);
    const gate = new Gate((call) => call === 'write 0 2');
    const calls = [
      file.write(Buffer.from('ab')),
      file.write(Buffer.from('cd')),
      file.seek(-1, SeekMode.Current),
      text((into) => file.read(into), 2),
      file.write(Buffer.from('e')),
      file.seek(0, SeekMode.End),
      file.write(Buffer.from('f')),
    ];
    await gate.arrived;
    expect(memory.calls.filter((call) => call.startsWith('write'))).toEqual(['write 0 2']);
    gate.open();
    expect(await Promise.all(calls)).toEqual([2, 2, 3, 'd.', 1, 10, 1]);
    expect(content()).toBe('abcd.e....f');
  });

  test('a call that fails leaves the pointer, and the next one has its turn', async () => {
    await using file = await saga.File.create(service('abcdef'), Flags.ReadWrite);
    let failures = 1;
    memory.before = (call) => {
      if (call.startsWith('read') && failures-- > 0) throw new saga.NoSuccess('EIO: the disk is broken');
    };
    const failing = text((into) => file.read(into), 3);
    const next = text((into) => file.read(into), 3);
    await expect(failing).rejects.toThrow('EIO');
    expect(await next).toBe('abc');
  });

  test('short reads of the service are natural for read, and completed for scattered and pattern reads', async () => {
    await using file = await saga.File.create(service('abcdefghij'));
    memory.most = 2;
    expect(await text((into) => file.read(into), 5)).toBe('ab');
    const part = new saga.IOVec(Buffer.alloc(5));
    await file.readV([part]);
    expect(Buffer.from(part.getData()).toString()).toBe('cdefg');
    await file.seek(0);
    expect(await text((into) => file.readP('(0,3,5,2)', into), 8)).toBe('abcdfghi');
    expect(await text((into) => file.readE('partial', '1,6', into), 6)).toBe('bcdefg');
  });

  test('a service without files that are open for both is given two handles', async () => {
    const url = service('abc', ['file.read', 'file.write']);
    const file = await saga.File.create(url, Flags.ReadWrite | Flags.Truncate);
    await file.write(Buffer.from('xyz'));
    await file.seek(1);
    expect(await text((into) => file.read(into), 5)).toBe('yz');
    await file.close();
    expect(memory.calls.filter((call) => call === 'open')).toHaveLength(2);
    expect(memory.calls.filter((call) => call === 'close')).toHaveLength(2);
  });

  test('a service that only reads', async () => {
    const url = service('abc', ['file.read']);
    await using file = await saga.File.create(url);
    expect(await text((into) => file.read(into), 5)).toBe('abc');
    const writing = saga.File.create(url, Flags.ReadWrite);
    await expect(writing).rejects.toThrow(saga.NotImplemented);
    await expect(writing).rejects.toThrow('does not offer file.write');
  });
});

describe('an aborted call', () => {
  let file: saga.File;
  beforeEach(async () => {
    file = await saga.File.create(service('abcdef'), Flags.ReadWrite);
  });

  test('rejects at once, leaves the pointer, and no later write overtakes it', async () => {
    const gate = new Gate((call) => call === 'write 0 3');
    const abort = new AbortController();
    const writing = file.write(Buffer.from('old'), -1, { signal: abort.signal });
    await gate.arrived;
    abort.abort(new Error('changed my mind'));
    await expect(writing).rejects.toThrow('file.write was aborted by its signal');
    const next = file.write(Buffer.from('new'));
    await Promise.resolve();
    expect(memory.calls.filter((call) => call.startsWith('write'))).toEqual(['write 0 3']);
    gate.open();
    expect(await next).toBe(3);
    expect(content()).toBe('newdef');
    await file.close();
  });

  test('of several parts leaves the pointer, and its parts tell what they got', async () => {
    const gate = new Gate((call) => call === 'read 2 2');
    const abort = new AbortController();
    const parts = [new saga.IOVec(2), new saga.IOVec(2)];
    const reading = file.readV(parts, { signal: abort.signal });
    await gate.arrived;
    abort.abort();
    await expect(reading).rejects.toThrow('file.readV was aborted');
    gate.open();
    expect(await file.seek(0, SeekMode.Current)).toBe(0);
    expect(parts.map((part) => part.getLenOut())).toEqual([2, -1]);
    await file.close();
  });

  test('that still waits for its turn is never made', async () => {
    const gate = new Gate((call) => call.startsWith('read'));
    const abort = new AbortController();
    const reading = text((into) => file.read(into), 2);
    const writing = file.write(Buffer.from('xy'), -1, { signal: abort.signal });
    await gate.arrived;
    abort.abort();
    await expect(writing).rejects.toThrow(saga.NoSuccess);
    gate.open();
    expect(await reading).toBe('ab');
    expect(await text((into) => file.read(into), 9)).toBe('cdef');
    await file.close();
    expect(content()).toBe('abcdef');
  });

  test('after its time limit is Timeout', async () => {
    new Gate((call) => call.startsWith('read')).arrived.catch(() => undefined);
    const abort = new AbortController();
    const reading = file.read(Buffer.alloc(1), 1, { signal: abort.signal });
    abort.abort(new DOMException('late', 'TimeoutError'));
    await expect(reading).rejects.toThrow(saga.Timeout);
  });

  test('a file that is opened too late is closed', async () => {
    const gate = new Gate((call) => call === 'open');
    const abort = new AbortController();
    const before = memory.calls.length;
    const opening = saga.File.create(`${memory.manifest.name}://host/file`, Flags.Read, { signal: abort.signal });
    await gate.arrived;
    abort.abort();
    await expect(opening).rejects.toThrow('file.create was aborted');
    const closed = new Promise<void>((resolve) => {
      memory.before = (call) => {
        if (call === 'close') resolve();
      };
    });
    gate.open();
    await closed;
    expect(memory.calls.slice(before)).toEqual(['open', 'close']);
  });
});

describe('closing', () => {
  test('during calls lets them end, refuses further ones, and then closes the handle', async () => {
    const file = await saga.File.create(service('abcdef'), Flags.ReadWrite);
    const gate = new Gate((call) => call.startsWith('read'));
    const reads = [text((into) => file.read(into), 2), text((into) => file.read(into), 2)];
    await gate.arrived;
    await file.close();
    await expect(file.read(Buffer.alloc(1))).rejects.toThrow(saga.IncorrectState);
    expect(memory.calls).not.toContain('close');
    gate.open();
    expect(await Promise.all(reads)).toEqual(['ab', 'cd']);
    await file.close(-1);
    expect(memory.calls.filter((call) => call === 'close')).toHaveLength(1);
  });

  test('waits for what was aborted and is still under way', async () => {
    const file = await saga.File.create(service('abcdef'), Flags.ReadWrite);
    const gate = new Gate((call) => call.startsWith('write'));
    const abort = new AbortController();
    const writing = file.write(Buffer.from('x'), -1, { signal: abort.signal });
    await gate.arrived;
    abort.abort();
    await expect(writing).rejects.toThrow('aborted');
    const closing = file.close(-1);
    await Promise.resolve();
    expect(memory.calls).not.toContain('close');
    gate.open();
    await closing;
    expect(memory.calls.at(-1)).toBe('close');
  });

  test('tells what the service could not keep', async () => {
    const file = await saga.File.create(service('abcdef'), Flags.Write);
    memory.before = (call) => {
      if (call === 'close') throw new saga.NoSuccess('EDQUOT: the quota is used up');
    };
    await expect(file.close()).rejects.toThrow('EDQUOT');
  });
});
