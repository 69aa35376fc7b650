import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';

import { decodeNative } from '../../../src/saga/core/native-string.js';
import { scratch } from '../../support/scratch.js';
import { failure, files, listed, NEW } from './files.js';

const place = scratch();

/** Names that text tools stumble over; the last three are not UTF-8, or only nearly. */
const NAMES = [
  'two\nlines',
  `'"\`$(x) \\`,
  '-rf',
  ' ',
  '%41?*[a]{b,c}',
  'ü\u0308\u{1F600}',
  'n'.repeat(255),
  '\udcff\udcfe',
  'a\udc80ä',
  '\udced\udca0\udc80',
];

describe('names', () => {
  test.each(NAMES)('%j is kept byte for byte', async (name) => {
    const path = place.at('d') + '/' + name;
    await files.makeDir(place.at('d'), {});
    const file = await files.openWrite(path, { create: true, exclusive: true }, {});
    await file.write(Buffer.from('content'), 0, {});
    await file.close();

    const onDisk = readdirSync(place.at('d'), { encoding: 'buffer' }).map((each) => decodeNative(each));
    expect(onDisk).toEqual([name]);
    expect(await listed(place.at('d'))).toEqual([{ name, kind: 'file' }]);
    expect(await files.stat(path, false, {})).toMatchObject({ kind: 'file', size: 7 });

    await files.copyTree(place.at('d'), place.at('e'), NEW, {});
    const other = `${place.at('e')}/${name}`;
    await files.rename(other, place.at('f'), false, {});
    await files.copyFile(place.at('f'), other, NEW, {});
    expect(await listed(place.at('e'))).toEqual([{ name, kind: 'file' }]);
    await files.remove(other, {});
    await files.makeLink(other, `../d/${name}`, {});
    expect(await files.readLink(other, {})).toBe(`../d/${name}`);
    expect(await files.stat(other, true, {})).toMatchObject({ kind: 'file', size: 7 });
    await files.removeTree(place.at('e'), {});
    expect(await files.stat(place.at('e'), false, {})).toBeUndefined();
  });

  test('what no name can hold is refused', async () => {
    expect((await failure(files.makeDir('/tmp/a\0b', {}))).message).toContain('NUL');
    expect((await failure(files.makeDir(`/tmp/${'n'.repeat(256)}`, {}))).name).not.toBe('AlreadyExists');
  });
});

describe('stat', () => {
  test('tells kinds, and follows links when asked to', async () => {
    writeFileSync(place.at('file'), '12345', { mode: 0o640 });
    utimesSync(place.at('file'), 1, 2);
    symlinkSync('file', place.at('link'));
    symlinkSync('nowhere', place.at('broken'));
    symlinkSync('circle', place.at('circle'));
    execFileSync('mkfifo', [place.at('pipe')]);

    expect(await files.stat(place.at('file'), false, {})).toMatchObject({
      kind: 'file',
      size: 5,
      modified: new Date(2000),
      mode: 0o640,
    });
    expect(await files.stat(place.at('link'), false, {})).toMatchObject({ kind: 'link', size: 0 });
    expect(await files.stat(place.at('link'), true, {})).toMatchObject({ kind: 'file', size: 5 });
    expect(await files.stat(place.at('pipe'), true, {})).toMatchObject({ kind: 'other', size: 0 });
    for (const name of ['broken', 'circle', 'missing', 'file/x']) {
      expect(await files.stat(place.at(name), true, {})).toBeUndefined();
    }
  });

  test('two names of one file have one identity', async () => {
    writeFileSync(place.at('a'), '');
    linkSync(place.at('a'), place.at('b'));
    writeFileSync(place.at('c'), '');
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => files.stat(place.at(name), false, {})));
    expect(a?.identity).toBe(b?.identity);
    expect(a?.identity).not.toBe(c?.identity);
  });
});

describe('list', () => {
  test('a large directory comes in batches, each entry once', async () => {
    for (let i = 0; i < 2500; i++) writeFileSync(place.at(`file ${i}`), '');
    const names = new Set<string>();
    for await (const batch of files.list(place.path, false, {})) {
      expect(batch.length).toBeLessThanOrEqual(1024);
      for (const { name } of batch) names.add(name);
    }
    expect(names.size).toBe(2500);
  });

  test('follows a link to a directory when asked to', async () => {
    mkdirSync(place.at('d'));
    writeFileSync(place.at('d/x'), '');
    symlinkSync('d', place.at('link'));
    expect(await listed(place.at('link'), true)).toEqual([{ name: 'x', kind: 'file' }]);
    const refused = await failure(listed(place.at('link')));
    expect(refused.name).toBe('BadParameter');
    expect(refused.message).toContain('is no directory');
  });

  test('a file and a missing directory are told apart', async () => {
    writeFileSync(place.at('file'), '');
    await expect(listed(place.at('file'))).rejects.toMatchObject({ code: 'BadParameter' });
    await expect(listed(place.at('missing'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('ends when it is aborted', async () => {
    writeFileSync(place.at('file'), '');
    const iterator = files.list(place.path, false, { signal: AbortSignal.abort(new Error('enough')) });
    await expect(iterator[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'NoSuccess' });
  });

  test('leaves no descriptor open when it is left early', async () => {
    for (let i = 0; i < 1100; i++) writeFileSync(place.at(`${i}`), '');
    const before = openDescriptors();
    for await (const batch of files.list(place.path, false, {})) {
      expect(batch).toHaveLength(1024);
      break;
    }
    expect(openDescriptors()).toEqual(before);
  });
});

/** Those of directories; Node has others of its own. */
function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(place.path) ? [target] : [];
    } catch {
      return [];
    }
  });
}

describe('removing', () => {
  test('a file, a link, an empty directory', async () => {
    writeFileSync(place.at('file'), '');
    symlinkSync('file', place.at('link'));
    mkdirSync(place.at('d'));
    await files.remove(place.at('link'), {});
    expect(lstatSync(place.at('file')).isFile()).toBe(true);
    await files.remove(place.at('file'), {});
    await files.removeDir(place.at('d'), {});
    expect(readdirSync(place.path)).toEqual([]);
  });

  test('the wrong kind is refused', async () => {
    mkdirSync(place.at('d/e'), { recursive: true });
    writeFileSync(place.at('file'), '');
    await expect(files.remove(place.at('d'), {})).rejects.toMatchObject({ code: 'BadParameter' });
    await expect(files.removeDir(place.at('file'), {})).rejects.toMatchObject({ code: 'BadParameter' });
    await expect(files.removeDir(place.at('d'), {})).rejects.toMatchObject({ code: 'ENOTEMPTY' });
  });
});

describe('open files', () => {
  test('reads and writes stand side by side, gaps are null bytes', async () => {
    const file = await files.openReadWrite(place.at('f'), { create: true }, {});
    await Promise.all([file.write(Buffer.from('end'), 10, {}), file.write(Buffer.from('start'), 0, {})]);
    const into = Buffer.alloc(20);
    expect(await file.read(into, 0, {})).toBe(13);
    expect(into.toString('latin1', 0, 13)).toBe('start\0\0\0\0\0end');
    expect(await file.read(into, 13, {})).toBe(0);
    expect(await file.read(new Uint8Array(0), 0, {})).toBe(0);
    await file.close();
    await file.close();
  });

  test('what is no file is refused at once, a pipe too', async () => {
    mkdirSync(place.at('d'));
    execFileSync('mkfifo', [place.at('pipe')]);
    expect((await failure(files.openRead(place.at('d'), {}))).message).toContain('is a directory, not a file');
    expect((await failure(files.openRead(place.at('pipe'), {}))).message).toContain('a pipe or a socket');
    await expect(files.openWrite(place.at('pipe'), {}, {})).rejects.toThrow();
    await expect(files.openWrite(place.at('d'), {}, {})).rejects.toMatchObject({ code: 'EISDIR' });
  });

  test('an exclusive file follows no link', async () => {
    symlinkSync('elsewhere', place.at('link'));
    const exclusive = { create: true, exclusive: true };
    await expect(files.openWrite(place.at('link'), exclusive, {})).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readdirSync(place.path)).toEqual(['link']);
  });
});
