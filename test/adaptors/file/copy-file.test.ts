import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  ftruncateSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { scratch } from '../../support/scratch.js';
import { Child, failure, files, KEEP, namesIn, NEW, OVER } from './files.js';

const place = scratch();
const MIB = 1024 * 1024;

/** Around what is copied in one go, in one part, in several. */
const SIZES = [0, 1, 128 * 1024 - 1, 128 * 1024, 128 * 1024 + 1, 2 * MIB, 5 * MIB + 7];

describe('copyFile', () => {
  test.each(SIZES)('copies %d bytes', async (size) => {
    const content = randomBytes(size);
    writeFileSync(place.at('a'), content);
    await files.copyFile(place.at('a'), place.at('b'), NEW, {});
    expect(readFileSync(place.at('b')).equals(content)).toBe(true);
    expect(namesIn(place.path)).toEqual(['a', 'b']);
  });

  test('copies what says to be empty and is not', async () => {
    await files.copyFile('/proc/self/environ', place.at('b'), NEW, {});
    expect(statSync(place.at('b')).size).toBeGreaterThan(0);
  });

  test('holes stay holes', async () => {
    const fd = openSync(place.at('a'), 'w');
    writeSync(fd, 'begin', 0);
    writeSync(fd, 'middle', 9 * MIB + 5);
    ftruncateSync(fd, 20 * MIB + 1);
    closeSync(fd);
    await files.copyFile(place.at('a'), place.at('b'), NEW, {});
    expect(readFileSync(place.at('b')).equals(readFileSync(place.at('a')))).toBe(true);
    expect(statSync(place.at('b')).blocks * 512).toBeLessThan(MIB);
  });

  test('the copy grants at most what the source does', async () => {
    writeFileSync(place.at('a'), 'x');
    chmodSync(place.at('a'), 0o4700);
    await files.copyFile(place.at('a'), place.at('b'), NEW, {});
    expect(statSync(place.at('b')).mode & 0o7777).toBe(0o700);
  });

  test('keeps bits and times when asked to', async () => {
    writeFileSync(place.at('a'), 'x');
    chmodSync(place.at('a'), 0o666);
    utimesSync(place.at('a'), 1000.5, 2000.25);
    await files.copyFile(place.at('a'), place.at('b'), KEEP, {});
    expect(statSync(place.at('b')).mode & 0o7777).toBe(0o666);
    expect(statSync(place.at('b')).mtimeMs).toBe(2000250);
  });

  test('replaces a file, and a link itself', async () => {
    writeFileSync(place.at('a'), 'new');
    writeFileSync(place.at('b'), 'old');
    symlinkSync('b', place.at('link'));
    await files.copyFile(place.at('a'), place.at('link'), OVER, {});
    expect(readFileSync(place.at('b'), 'utf8')).toBe('old');
    await files.copyFile(place.at('a'), place.at('b'), OVER, {});
    expect(readFileSync(place.at('b'), 'utf8')).toBe('new');
    expect(namesIn(place.path)).toEqual(['a', 'b', 'link']);
  });

  test.each([
    ['something that is there', 'b', NEW, 'AlreadyExists', 'the flag Overwrite replaces it'],
    ['a directory', 'd', OVER, 'AlreadyExists', 'is a directory'],
    ['the source itself', 'a', OVER, 'BadParameter', 'is the file that is to be copied'],
    ['a directory that is missing', 'x/y', NEW, 'ENOENT', 'no such file or directory'],
  ])('refuses %s', async (_, target, mode, code, text) => {
    writeFileSync(place.at('a'), 'new');
    writeFileSync(place.at('b'), 'old');
    mkdirSync(place.at('d'));
    const error = await failure(files.copyFile(place.at('a'), place.at(target), mode, {}));
    expect(error).toMatchObject({ code });
    expect(error.message).toContain(text);
    expect(namesIn(place.path)).toEqual(['a', 'b', 'd']);
    expect(readFileSync(place.at('b'), 'utf8')).toBe('old');
  });

  test('refuses a pipe and a directory as the source', async () => {
    execFileSync('mkfifo', [place.at('pipe')]);
    await expect(files.copyFile(place.at('pipe'), place.at('b'), NEW, {})).rejects.toMatchObject({
      code: 'BadParameter',
    });
    await expect(files.copyFile(place.path, place.at('b'), NEW, {})).rejects.toMatchObject({ code: 'BadParameter' });
  });

  test('reports bytes, and leaves nothing when it is aborted', async () => {
    writeFileSync(place.at('a'), randomBytes(12 * MIB));
    writeFileSync(place.at('b'), 'old');
    const done: number[] = [];
    const controller = new AbortController();
    const onProgress = (progress: { done: number; what: string }): void => {
      expect(progress.what).toBe(place.at('a'));
      done.push(progress.done);
      if (progress.done > 4 * MIB) controller.abort(new Error('enough'));
    };
    const { signal } = controller;
    const error = await failure(files.copyFile(place.at('a'), place.at('b'), OVER, { signal, onProgress }));
    expect(error).toMatchObject({ code: 'NoSuccess', cause: new Error('enough') });
    expect(done.length).toBeGreaterThan(1);
    expect(done).toEqual([...done].sort((x, y) => x - y));
    expect(namesIn(place.path)).toEqual(['a', 'b']);
    expect(readFileSync(place.at('b'), 'utf8')).toBe('old');
  });

  test.each([1, 24, 48])('killed after %d reports, it leaves the old file or the new one', async (reports) => {
    writeFileSync(place.at('a'), Buffer.alloc(96 * MIB, 'n'));
    writeFileSync(place.at('b'), 'old');
    const child = new Child(`
      const onProgress = ({ done }) => console.log(done);
      await files.copyFile(${JSON.stringify(place.at('a'))}, ${JSON.stringify(place.at('b'))}, { overwrite: true }, { onProgress });
    `);
    for (let left = reports; left > 0; left--) await child.line();
    await child.kill();
    const found = readFileSync(place.at('b'));
    const isOld = found.equals(Buffer.from('old'));
    expect(isOld || found.equals(readFileSync(place.at('a')))).toBe(true);
    const others = namesIn(place.path).filter((name) => name !== 'a' && name !== 'b');
    for (const name of others) expect(name).toMatch(/^\.xosaga-[0-9a-f]{16}\.part$/);
  });
});

// Who may not mount has no file system that is small enough to be filled.
const mayMount = process.getuid?.() === 0 && process.platform === 'linux';
if (mayMount) {
  describe('a full file system', () => {
    let mounted = '';

    beforeAll(() => {
      mounted = mkdtempSync(join(tmpdir(), 'xosaga-tiny-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mounted]);
    });
    afterAll(() => {
      execFileSync('umount', [mounted]);
      rmSync(mounted, { recursive: true });
    });

    test('a copy that does not fit leaves what was there', async () => {
      writeFileSync(place.at('a'), randomBytes(3 * MIB));
      writeFileSync(join(mounted, 'b'), 'old');
      const error = await failure(files.copyFile(place.at('a'), join(mounted, 'b'), OVER, {}));
      expect(error).toMatchObject({ code: 'NoSuccess' });
      expect(error.message).toContain(`copying '${place.at('a')}' to '${join(mounted, 'b')}': ENOSPC`);
      expect(error.message).toContain('free some space');
      expect(namesIn(mounted)).toEqual(['b']);
      expect(readFileSync(join(mounted, 'b'), 'utf8')).toBe('old');
    });

    test('a tree that does not fit leaves nothing', async () => {
      mkdirSync(place.at('t/d'), { recursive: true });
      for (let i = 0; i < 40; i++) writeFileSync(place.at(`t/d/${i}`), randomBytes(64 * 1024));
      const error = await failure(files.copyTree(place.at('t'), join(mounted, 't'), NEW, {}));
      expect(error.message).toContain('ENOSPC');
      expect(namesIn(mounted)).toEqual(['b']);
    });

    test('other file systems are another device', async () => {
      writeFileSync(place.at('a'), 'x');
      const error = await failure(files.rename(place.at('a'), join(mounted, 'x'), false, {}));
      expect(error).toMatchObject({ code: 'NotImplemented' });
      expect(error.message).toContain('on different file systems');
      expect(namesIn(mounted)).toEqual(['b']);
      expect(namesIn(place.path)).toEqual(['a']);
    });
  });
}
