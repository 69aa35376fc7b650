import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';

import { scratch } from '../../support/scratch.js';
import { Child, failure, files, KEEP, namesIn, NEW, OVER } from './files.js';

const place = scratch();

/** What find(1) says of a tree: kinds, sizes and names. */
function shape(path: string): string {
  return execFileSync('find', ['.', '-printf', '%y %s %l %p\\n'], { cwd: path, encoding: 'utf8' })
    .split('\n')
    .filter((line) => !line.startsWith('d') || line.endsWith('/empty'))
    .sort()
    .join('\n');
}

function makeTree(path: string, directories: number, each: number): void {
  mkdirSync(path);
  for (let d = 0; d < directories; d++) {
    mkdirSync(`${path}/d${d}`);
    for (let i = 0; i < each; i++) writeFileSync(`${path}/d${d}/f${i}`, `${d} ${i}`);
  }
}

describe('copyTree', () => {
  test('copies files, links and empty directories, and follows no link', async () => {
    makeTree(place.at('a'), 3, 5);
    mkdirSync(place.at('a/d1/empty'));
    symlinkSync('../d0/f1', place.at('a/d1/link'));
    symlinkSync('/etc', place.at('a/outside'));
    symlinkSync('circle', place.at('a/circle'));
    await files.copyTree(place.at('a'), place.at('b'), NEW, {});
    expect(shape(place.at('b'))).toBe(shape(place.at('a')));
    expect(readlinkSync(place.at('b/outside'))).toBe('/etc');
    expect(readFileSync(place.at('b/d2/f3'), 'utf8')).toBe('2 3');
    expect(namesIn(place.path)).toEqual(['a', 'b']);
  });

  test('a directory of many entries comes whole', async () => {
    makeTree(place.at('a'), 1, 2100);
    await files.copyTree(place.at('a'), place.at('b'), NEW, {});
    expect(namesIn(place.at('b/d0'))).toEqual(namesIn(place.at('a/d0')));
  });

  test('modes: what the source does not grant the copy does not; what was read-only is filled', async () => {
    makeTree(place.at('a'), 1, 1);
    chmodSync(place.at('a/d0/f0'), 0o400);
    chmodSync(place.at('a/d0'), 0o500);
    await files.copyTree(place.at('a'), place.at('b'), NEW, {});
    expect(statSync(place.at('b/d0')).mode & 0o7777).toBe(0o500);
    expect(statSync(place.at('b/d0/f0')).mode & 0o7777).toBe(0o400);
    for (const each of ['a/d0', 'b/d0']) chmodSync(place.at(each), 0o700);
  });

  test('keeps bits and times of everything when asked to', async () => {
    makeTree(place.at('a'), 1, 1);
    symlinkSync('x', place.at('a/link'));
    chmodSync(place.at('a/d0'), 0o1777);
    chmodSync(place.at('a/d0/f0'), 0o606);
    for (const each of ['a/d0/f0', 'a/d0', 'a']) utimesSync(place.at(each), 3, 5);
    await files.copyTree(place.at('a'), place.at('b'), KEEP, {});
    expect(statSync(place.at('b/d0')).mode & 0o7777).toBe(0o1777);
    expect(statSync(place.at('b/d0/f0')).mode & 0o7777).toBe(0o606);
    for (const each of ['b/d0/f0', 'b/d0', 'b']) expect(statSync(place.at(each)).mtimeMs).toBe(5000);
    expect(lstatSync(place.at('b/link')).mtimeMs).toBeCloseTo(lstatSync(place.at('a/link')).mtimeMs, 0);
  });

  test('adds to a directory that is there, with overwrite', async () => {
    makeTree(place.at('a'), 2, 2);
    symlinkSync('new', place.at('a/link'));
    mkdirSync(place.at('b/d0'), { recursive: true });
    writeFileSync(place.at('b/d0/f0'), 'old');
    writeFileSync(place.at('b/d0/other'), 'stays');
    symlinkSync('old', place.at('b/link'));

    await expect(files.copyTree(place.at('a'), place.at('b'), NEW, {})).rejects.toMatchObject({
      code: 'AlreadyExists',
    });
    await files.copyTree(place.at('a'), place.at('b'), OVER, {});
    expect(readFileSync(place.at('b/d0/f0'), 'utf8')).toBe('0 0');
    expect(readFileSync(place.at('b/d0/other'), 'utf8')).toBe('stays');
    expect(readlinkSync(place.at('b/link'))).toBe('new');
    expect(namesIn(place.at('b'))).toEqual(['d0', 'd1', 'link']);
    expect(namesIn(place.at('b/d0'))).toEqual(['f0', 'f1', 'other']);
  });

  test.each([
    [
      'a file',
      () => {
        writeFileSync(place.at('b/d0'), 'x');
      },
    ],
    [
      'a link to a directory',
      () => {
        symlinkSync(place.at('elsewhere'), place.at('b/d0'));
      },
    ],
  ])('puts no directory in the place of %s', async (_, make) => {
    makeTree(place.at('a'), 1, 1);
    mkdirSync(place.at('b'));
    mkdirSync(place.at('elsewhere'));
    make();
    const error = await failure(files.copyTree(place.at('a'), place.at('b'), OVER, {}));
    expect(error).toMatchObject({ code: 'AlreadyExists' });
    expect(error.message).toContain(`'${place.at('b/d0')}' is there already and no directory`);
    expect(namesIn(place.at('elsewhere'))).toEqual([]);
  });

  test('is not made in itself', async () => {
    makeTree(place.at('a'), 2, 2);
    const before = shape(place.at('a'));
    const error = await failure(files.copyTree(place.at('a'), place.at('a/d1/copy'), NEW, {}));
    expect(error).toMatchObject({ code: 'BadParameter' });
    expect(error.message).toContain('cannot be copied into itself');
    expect(shape(place.at('a'))).toBe(before);
  });

  test('what has no content is named, and nothing is left', async () => {
    makeTree(place.at('a'), 2, 2);
    execFileSync('mkfifo', [place.at('a/d1/pipe')]);
    const error = await failure(files.copyTree(place.at('a'), place.at('b'), NEW, {}));
    expect(error).toMatchObject({ code: 'BadParameter' });
    expect(error.message).toContain('a device, a pipe or a socket has no content');
    expect(namesIn(place.path)).toEqual(['a']);
  });

  test('a directory that may not be read is named, and nothing is left', async () => {
    mkdirSync(place.at('a/closed'), { recursive: true });
    chmodSync(place.at('a/closed'), 0);
    chmodSync(place.path, 0o777);
    const child = new Child(`
      // Root may read everything.
      if (process.geteuid() === 0) process.seteuid(65534);
      const [from, to] = ${JSON.stringify([place.at('a'), place.at('b')])};
      const error = await files.copyTree(from, to, { overwrite: false }, {}).catch((error) => error);
      console.log(error.code + ' ' + error.message);
    `);
    const told = (await child.line()).replace(/\.xosaga-\w+\.part/, 'PART');
    expect(told).toBe(
      `PermissionDenied copying '${place.at('a/closed')}' to '${place.at('PART/closed')}': EACCES: permission denied`,
    );
    expect(namesIn(place.path)).toEqual(['a']);
    chmodSync(place.at('a/closed'), 0o700);
  });

  test('an abort leaves nothing', async () => {
    makeTree(place.at('a'), 4, 50);
    const controller = new AbortController();
    let reports = 0;
    const onProgress = (): void => {
      if (++reports === 100) controller.abort();
    };
    const error = await failure(
      files.copyTree(place.at('a'), place.at('b'), NEW, { signal: controller.signal, onProgress }),
    );
    expect(error).toMatchObject({ code: 'NoSuccess' });
    expect(namesIn(place.path)).toEqual(['a']);
  });

  test('a kill leaves no part of it under its name', async () => {
    makeTree(place.at('a'), 4, 100);
    const child = new Child(`
      const onProgress = ({ done }) => console.log(done);
      const mode = { overwrite: false, preserve: false };
      await files.copyTree(${JSON.stringify(place.at('a'))}, ${JSON.stringify(place.at('b'))}, mode, { onProgress });
      console.log('done');
    `);
    for (let i = 0; i < 150; i++) await child.line();
    await child.kill();
    const isWhole = existsSync(place.at('b')) && shape(place.at('b')) === shape(place.at('a'));
    expect(isWhole || !existsSync(place.at('b'))).toBe(true);
  });

  test('is as deep as it is', async () => {
    const depth = 600;
    // Deeper than a path can be long: step by step.
    const make = `
      const fs = require('node:fs');
      for (let i = 0; i <= ${depth}; i++) { fs.mkdirSync('a23456789'); process.chdir('a23456789'); }
      fs.writeFileSync('f', 'x');
    `;
    execFileSync(process.execPath, ['-e', make], { cwd: place.path });
    renameSync(place.at('a23456789'), place.at('a'));
    await files.copyTree(place.at('a'), place.at('b'), NEW, {});
    const found = execFileSync('find', ['b', '-name', 'f', '-printf', '%d'], { cwd: place.path, encoding: 'utf8' });
    expect(Number(found)).toBe(depth + 1);
    for (const each of ['a', 'b']) await files.removeTree(place.at(each), {});
    expect(namesIn(place.path)).toEqual([]);
  });
});

describe('removeTree', () => {
  test('removes everything, links themselves', async () => {
    makeTree(place.at('a'), 2, 3);
    mkdirSync(place.at('outside'));
    writeFileSync(place.at('outside/precious'), '');
    symlinkSync(place.at('outside'), place.at('a/d0/link'));
    symlinkSync(place.at('outside'), place.at('link'));
    await files.removeTree(place.at('a'), {});
    await files.removeTree(place.at('link'), {});
    expect(namesIn(place.path)).toEqual(['outside']);
    expect(namesIn(place.at('outside'))).toEqual(['precious']);
  });

  test('what is missing is told, the root refused', async () => {
    await expect(files.removeTree(place.at('missing'), {})).rejects.toMatchObject({ code: 'DoesNotExist' });
    await expect(files.removeTree('/', {})).rejects.toMatchObject({ code: 'BadParameter' });
  });

  test('ends when it is aborted', async () => {
    makeTree(place.at('a'), 1, 5);
    await expect(files.removeTree(place.at('a'), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'NoSuccess',
    });
    expect(existsSync(place.at('a'))).toBe(true);
  });
});

describe('somebody who puts links in the place of directories', () => {
  /** Moves a directory away, and puts a link to `outside` in its place. */
  function swap(directory: string): void {
    renameSync(place.at(directory), place.at('away'));
    symlinkSync(place.at('outside'), place.at(directory));
  }

  function linkOf(fd: string): string {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  }

  /** Does it at the n-th call. */
  function atCall(n: number, work: () => void): () => void {
    let calls = 0;
    return () => {
      if (++calls === n) work();
    };
  }

  function makeOutside(): void {
    mkdirSync(place.at('outside'));
    for (let i = 0; i < 100; i++) writeFileSync(place.at(`outside/f${i}`), 'secret');
  }

  /** Options whose signal is asked for between any two entries. */
  function between(work: () => void): { readonly signal: undefined } {
    return {
      get signal() {
        work();
        return undefined;
      },
    };
  }

  test('in which something is being removed: nothing is removed elsewhere', async () => {
    makeOutside();
    makeTree(place.at('t'), 1, 100);
    const options = between(
      atCall(50, () => {
        swap('t/d0');
      }),
    );
    const error = await failure(files.removeTree(place.at('t'), options));
    expect(error.message).toContain(`removing '${place.at('t/d0')}': ENOTDIR`);
    expect(namesIn(place.at('outside'))).toHaveLength(100);
    expect(namesIn(place.at('away'))).toEqual([]);
  });

  test.each([
    ['removed', (options: object) => files.removeTree(place.at('t'), options)],
    ['copied', (options: object) => files.copyTree(place.at('t'), place.at('copy'), NEW, options)],
  ])('which are to be entered: what they lead to is not %s', async (_, work) => {
    makeOutside();
    makeTree(place.at('t'), 2, 1);
    // The first question comes when the root has been listed, and one of both has been entered.
    const isEntered = (name: string): boolean =>
      readdirSync('/proc/self/fd').some((fd) => linkOf(fd) === place.at(`t/${name}`));
    const options = between(
      atCall(1, () => {
        swap(isEntered('d0') ? 't/d1' : 't/d0');
      }),
    );
    const error = await failure(work(options));
    expect(error).toMatchObject({ code: 'BadParameter' });
    expect(error.message).toContain('is no directory');
    expect(namesIn(place.at('outside'))).toHaveLength(100);
    expect(existsSync(place.at('copy'))).toBe(false);
  });

  test('from which something is being copied: nothing comes from elsewhere', async () => {
    makeOutside();
    makeTree(place.at('t'), 1, 100);
    const onProgress = atCall(50, () => {
      swap('t/d0');
    });
    await files.copyTree(place.at('t'), place.at('copy'), NEW, { onProgress });
    const texts = namesIn(place.at('copy/d0')).map((name) => readFileSync(place.at(`copy/d0/${name}`), 'utf8'));
    expect(texts).toHaveLength(100);
    expect(texts).not.toContain('secret');
  });

  test('to which something is being copied: nothing goes elsewhere', async () => {
    mkdirSync(place.at('outside'));
    makeTree(place.at('t'), 1, 100);
    mkdirSync(place.at('copy/d0'), { recursive: true });
    const onProgress = atCall(50, () => {
      swap('copy/d0');
    });
    await files.copyTree(place.at('t'), place.at('copy'), OVER, { onProgress });
    expect(namesIn(place.at('outside'))).toEqual([]);
    expect(namesIn(place.at('away'))).toHaveLength(100);
  });
});
