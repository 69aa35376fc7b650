/** Directories on the disk of this machine: rules 229 to 252. */
import { describe, expect, test } from '@jest/globals';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as saga from '../../src/index.js';
import { rule } from '../support/rules.js';
import { scratch } from '../support/scratch.js';

const { Flags } = saga;
const work = scratch();

function open(name = '.', flags?: number): Promise<saga.NSDirectory> {
  return saga.NSDirectory.create(work.at(name), flags);
}

function files(...names: string[]): void {
  for (const name of names) writeFileSync(work.at(name), name);
}

function directories(...names: string[]): void {
  for (const name of names) mkdirSync(work.at(name), { recursive: true });
}

/** The paths that a list tells, in order. */
async function paths(urls: Promise<saga.URL[]>): Promise<string[]> {
  return (await urls).map((url) => url.getString()).sort();
}

const url = (name: string): string => `file://${work.path}/${name}`;
const asUrl = (path: string): saga.URL => {
  const made = new saga.URL();
  made.setPath(path);
  return made;
};
const failing = (code: saga.ExceptionCategory, message = '') => ({ code, message: expect.stringContaining(message) });

rule(229, 'changeDir moves URL, directory and name, or throws DoesNotExist', async () => {
  directories('a/b');
  files('f');
  symlinkSync('a/b', work.at('link'));
  await using dir = await open();
  await dir.changeDir('a/b');
  expect((await dir.getUrl()).getString()).toBe(url('a/b/'));
  expect((await dir.getCwd()).getString()).toBe(url('a/b/'));
  expect((await dir.getName()).getString()).toBe('b');
  await dir.changeDir('../../link');
  expect((await dir.getUrl()).getString()).toBe(url('link/'));
  await expect(dir.changeDir('missing')).rejects.toMatchObject(failing('DoesNotExist', 'missing'));
  await expect(dir.changeDir('../f')).rejects.toMatchObject(failing('BadParameter', 'is no directory'));
  expect((await dir.getUrl()).getString()).toBe(url('link/'));
});

describe('list', () => {
  rule(230, 'without a pattern lists the directory, without "." and ".."', async () => {
    directories('d', '.hidden');
    files('f', 'd/in');
    symlinkSync('nowhere', work.at('link'));
    await using dir = await open();
    for (const pattern of [undefined, '', '.', './']) {
      expect(await paths(dir.list(pattern))).toEqual(['.hidden', 'd', 'f', 'link']);
    }
  });

  rule(231, 'of the name of a directory lists that directory', async () => {
    directories('d/e');
    files('d/f', 'f');
    symlinkSync('d', work.at('link'));
    await using dir = await open();
    expect(await paths(dir.list('d'))).toEqual(['e', 'f']);
    expect(await paths(dir.list('link/'))).toEqual(['e', 'f']);
    expect(await paths(dir.list(url('d')))).toEqual(['e', 'f']);
    expect(await paths(dir.list('d/../f'))).toEqual(['f']);
    await expect(dir.list('missing')).rejects.toMatchObject(failing('DoesNotExist', 'missing does not exist'));
  });

  rule(232, 'of a wildcard that matches nothing is empty', async () => {
    await using dir = await open();
    expect(await dir.list('*.dat')).toEqual([]);
    expect(await dir.list('no*/x')).toEqual([]);
  });

  rule(233, 'gives the names of links, with Dereference of their targets', async () => {
    directories('d');
    files('f', 'd/deep');
    symlinkSync('f', work.at('to-f'));
    symlinkSync('to-f', work.at('to-to-f'));
    symlinkSync('d/deep', work.at('to-deep'));
    symlinkSync('/etc/passwd', work.at('out'));
    symlinkSync('nowhere', work.at('broken'));
    await using dir = await open();
    expect(await paths(dir.list())).toEqual(['broken', 'd', 'f', 'out', 'to-deep', 'to-f', 'to-to-f']);
    const followed = ['broken', 'd', 'd/deep', 'f', 'f', 'f', 'file:///etc/passwd'];
    expect(await paths(dir.list('', Flags.Dereference))).toEqual(followed);
    expect(await paths(dir.list('to-*', Flags.Dereference))).toEqual(['d/deep', 'f', 'f']);
  });

  rule(234, 'takes the wildcards of the shell', async () => {
    files('a1', 'a2', 'b1', 'c.dat', '.dot');
    directories('x1', 'x2', 'x3');
    files('x1/in', 'x2/in', 'x2/out');
    await using dir = await open();
    const patterns: Record<string, string[]> = {
      '*': ['a1', 'a2', 'b1', 'c.dat', 'x1', 'x2', 'x3'],
      '.*': ['.dot'],
      'a?': ['a1', 'a2'],
      '[a-b]1': ['a1', 'b1'],
      '[!a]1': ['b1', 'x1'],
      '{a,b}1': ['a1', 'b1'],
      '*.{dat,txt}': ['c.dat'],
      'x*/in': ['x1/in', 'x2/in'],
      './x*/../x2/*': ['x2/in', 'x2/out', 'x2/in', 'x2/out', 'x2/in', 'x2/out'].sort(),
      [url('a*')]: ['a1', 'a2'],
      [`${work.path}/b*`]: ['b1'],
    };
    for (const [pattern, names] of Object.entries(patterns)) {
      expect([pattern, await paths(dir.list(pattern))]).toEqual([pattern, names]);
    }
    for (const pattern of ['[', 'a[b', '{a', '*{a/b,c}', '*\\']) {
      await expect(dir.list(pattern)).rejects.toMatchObject(failing('BadParameter', 'malformed pattern'));
    }
    await dir.changeDir('x1');
    expect(await paths(dir.list('../x2/*'))).toEqual([url('x2/in'), url('x2/out')]);
  });

  test('a slash at its end asks for directories', async () => {
    directories('a', 'b/a');
    files('f', 'b/f');
    symlinkSync('a', work.at('link'));
    await using dir = await open();
    expect(await paths(dir.list('*/'))).toEqual(['a', 'b', 'link']);
    expect(await paths(dir.list('*/a/'))).toEqual(['b/a']);
    expect(await paths(dir.list('*/f/'))).toEqual([]);
    await dir.remove('*/', Flags.Recursive);
    expect(readdirSync(work.path)).toEqual(['f']);
  });

  test('a backslash or an escape makes a wildcard literal', async () => {
    files('a*', 'ab', '[x]', 'ü1');
    await using dir = await open();
    expect(await paths(dir.list('a\\*'))).toEqual(['a*']);
    expect(await paths(dir.list('?%2A'))).toEqual(['a*']);
    expect(await paths(dir.list('\\[*'))).toEqual([new saga.URL('[x]').getString()]);
    expect(await paths(dir.list('%C3%BC?'))).toEqual(['ü1']);
    await expect(dir.list(asUrl('a*') as never)).rejects.toMatchObject(
      failing('BadParameter', 'a pattern is a string'),
    );
  });
});

describe('find', () => {
  rule([235, 236], 'is recursive by default, and tells paths relative to the directory', async () => {
    directories('a/b', '.c');
    files('x', 'a/x', 'a/b/x', 'a/b/y', '.c/x', 'a/.x');
    await using dir = await open();
    expect(await paths(dir.find('x'))).toEqual(['.c/x', 'a/b/x', 'a/x', 'x']);
    expect(await paths(dir.find('x', Flags.Recursive))).toEqual(['.c/x', 'a/b/x', 'a/x', 'x']);
    expect(await paths(dir.find('*', Flags.None))).toEqual(['a', 'x']);
    expect(await paths(dir.find('b/*'))).toEqual([]);
    expect(await paths(dir.find('a/*/[xy]'))).toEqual(['a/b/x', 'a/b/y']);
    expect(await paths(dir.find('{b,y}'))).toEqual(['a/b', 'a/b/y']);
    await dir.changeDir('a');
    expect(await paths(dir.find('x'))).toEqual(['b/x', 'x']);
    for (const found of await dir.find('x')) expect(await dir.exists(found)).toBe(true);
    await expect(dir.find('[')).rejects.toMatchObject(failing('BadParameter', 'malformed pattern'));
  });

  rule(237, 'follows linked directories with Dereference only, and never in circles', async () => {
    directories('a', 'b');
    files('b/x');
    symlinkSync('../b', work.at('a/to-b'));
    symlinkSync('../a', work.at('a/circle'));
    symlinkSync('circle', work.at('a/x'));
    await using dir = await open();
    expect(await paths(dir.find('x'))).toEqual(['a/x', 'b/x']);
    expect(await paths(dir.find('x', Flags.Recursive | Flags.Dereference))).toEqual(['a/to-b/x', 'a/x', 'b/x']);
  });

  test('a directory that cannot be read is PermissionDenied and named', async () => {
    directories('a/closed');
    chmodSync(work.at('a/closed'), 0);
    await using dir = await open();
    const found = dir.find('*');
    // root may read everything
    if (process.getuid?.() === 0) expect(await paths(found)).toEqual(['a', 'a/closed']);
    else await expect(found).rejects.toMatchObject(failing('PermissionDenied', 'a/closed'));
    chmodSync(work.at('a/closed'), 0o700);
  });

  test('many entries in many directories', async () => {
    const wanted: string[] = [];
    for (let d = 0; d < 40; d++) {
      directories(`d${String(d)}`);
      for (let f = 0; f < 25; f++) {
        files(`d${String(d)}/f${String(f)}`);
        wanted.push(`d${String(d)}/f${String(f)}`);
      }
    }
    await using dir = await open();
    expect(await paths(dir.find('f*'))).toEqual(wanted.sort());
  });
});

describe('questions', () => {
  rule(238, 'exists is false for what is missing, and does not throw', async () => {
    files('f');
    symlinkSync('nowhere', work.at('broken'));
    await using dir = await open();
    const answers = await Promise.all(
      ['f', 'broken', '.', 'missing', 'no/such/way', 'f/in'].map((name) => dir.exists(name)),
    );
    expect(answers).toEqual([true, true, true, false, false, false]);
  });

  rule(239, 'of what is missing throw DoesNotExist', async () => {
    directories('d');
    files('f');
    symlinkSync('d', work.at('link'));
    await using dir = await open();
    const calls = [() => dir.isDir('x'), () => dir.isEntry('x'), () => dir.isLink('x')];
    for (const call of calls) await expect(call()).rejects.toMatchObject(failing('DoesNotExist', 'x does not exist'));
    expect([await dir.isDir('d'), await dir.isDir('f'), await dir.isDir('link'), await dir.isDir()]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([await dir.isEntry('f'), await dir.isEntry('d'), await dir.isEntry('link'), await dir.isEntry()]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect([await dir.isLink('link'), await dir.isLink('f'), await dir.isLink({})]).toEqual([true, false, false]);
    expect((await dir.readLink('link')).getString()).toBe(url('d'));
    await expect(dir.readLink('f')).rejects.toMatchObject(failing('IncorrectState', 'is no link'));
    await expect(dir.readLink()).rejects.toMatchObject(failing('IncorrectState', 'is no link'));
    await expect(dir.readLink('x')).rejects.toMatchObject(failing('DoesNotExist', 'x does not exist'));
  });

  rule(240, 'getEntry counts from 0, a bad index is DoesNotExist', async () => {
    files('a', 'b', 'c');
    await using dir = await open();
    const count = await dir.getNumEntries();
    const names = await paths(Promise.all(Array.from({ length: count }, (_, i) => dir.getEntry(i))));
    expect(names).toEqual(['a', 'b', 'c']);
    for (const index of [3, -1, 0.5, Number.NaN, 'length' as never]) {
      await expect(dir.getEntry(index)).rejects.toMatchObject(failing('DoesNotExist', 'there are 3, counted from 0'));
    }
  });

  rule(241, 'counting locks nothing: what changes is seen when it is counted anew', async () => {
    files('a', 'b');
    await using dir = await open();
    expect(await dir.getNumEntries()).toBe(2);
    rmSync(work.at('a'));
    files('c', 'd');
    expect(await dir.getEntry(1)).toBeDefined();
    expect(await dir.getNumEntries()).toBe(3);
  });

  test('iteration tells names, URLs and kinds', async () => {
    directories('d');
    files('f');
    symlinkSync('f', work.at('l'));
    await using dir = await open();
    const seen: Record<string, string> = {};
    for await (const { name, url: where, kind } of dir) {
      expect(where.getString()).toBe(url(name));
      seen[name] = kind;
    }
    expect(seen).toEqual({ d: 'directory', f: 'file', l: 'link' });
    writeFileSync(work.at('d', '100%?'), '');
    await using inner = await open('d');
    for await (const { url: where } of inner) expect(where.getEscaped()).toBe(url('d/100%25%3F'));
    for await (const first of dir) {
      expect(first.name).not.toBe('');
      break;
    }
    let count = 0;
    for await (const each of dir) {
      await dir.close();
      count += each.name.length;
    }
    expect(count).toBe(3);
    await expect(dir[Symbol.asyncIterator]().next()).rejects.toMatchObject(failing('IncorrectState', 'is closed'));
  });
});

describe('operations on names', () => {
  rule(242, 'strings may hold wildcards, URL objects may not', async () => {
    directories('out');
    files('a.dat', 'b.dat', '*.dat', 'c.txt');
    await using dir = await open();
    await dir.copy('*.dat', 'out/');
    expect(readdirSync(work.at('out')).sort()).toEqual(['*.dat', 'a.dat', 'b.dat']);
    await dir.remove(asUrl('*.dat'));
    expect(readdirSync(work.path).sort()).toEqual(['a.dat', 'b.dat', 'c.txt', 'out']);
    await dir.move('[ab].dat', 'out', Flags.Overwrite);
    await dir.link('out/{a,b}.dat', '.');
    expect(readlinkSync(work.at('b.dat'))).toBe(work.at('out/b.dat'));
    await dir.permissionsDeny('*.txt', '*', saga.Permission.Write);
    expect(statSync(work.at('c.txt')).mode & 0o222).toBe(0);
    await dir.permissionsAllow('*.txt', '*', saga.Permission.Write);
    expect(statSync(work.at('c.txt')).mode & 0o222).toBe(0o222);
    await dir.remove('*', Flags.Recursive);
    expect(readdirSync(work.path)).toEqual([]);
    await expect(dir.remove('*')).rejects.toMatchObject(failing('DoesNotExist', "matches '*'"));
  });

  rule(243, 'a wildcard that matches many wants a directory as target', async () => {
    files('a1', 'a2', 'b');
    await using dir = await open();
    for (const target of ['b', 'missing', 'missing/']) {
      await expect(dir.copy('a*', target, Flags.Overwrite)).rejects.toMatchObject(
        failing('BadParameter', '2 entries match'),
      );
    }
    await dir.copy('a*', 'new/deep/', Flags.CreateParents);
    expect(readdirSync(work.at('new/deep')).sort()).toEqual(['a1', 'a2']);
    await dir.copy('b*', 'c');
    expect(readFileSync(work.at('c'), 'utf8')).toBe('b');
  });

  rule(244, 'the first error of an operation with a wildcard is thrown', async () => {
    directories('out/a1', 'out/a2');
    files('a1', 'a2', 'a3');
    await using dir = await open();
    await expect(dir.copy('a[12]', 'out')).rejects.toMatchObject(failing('AlreadyExists', 'is a directory'));
    expect(statSync(work.at('out/a1')).isDirectory()).toBe(true);
  });

  rule(245, 'Recursive is ignored for what is no directory', async () => {
    directories('d', 'out');
    files('f', 'd/in');
    await using dir = await open();
    await dir.copy('?', 'out', Flags.Recursive);
    expect(readdirSync(work.at('out')).sort()).toEqual(['d', 'f']);
    await dir.link('f', 'link', Flags.Recursive);
    await dir.move('f', 'g', Flags.Recursive);
    await dir.remove('g', Flags.Recursive);
    expect(existsSync(work.at('g'))).toBe(false);
    await expect(dir.remove('out')).rejects.toMatchObject(failing('BadParameter', 'wants the flag Recursive'));
    await expect(dir.copy('d', 'e')).rejects.toMatchObject(failing('BadParameter', 'wants the flag Recursive'));
  });

  rule(246, 'Dereference on what is no link is BadParameter', async () => {
    directories('d');
    files('f');
    await using dir = await open();
    const calls = [
      () => dir.copy('f', 'g', Flags.Dereference),
      () => dir.move('f', 'g', Flags.Dereference),
      () => dir.link('f', 'g', Flags.Dereference),
      () => dir.remove('f', Flags.Dereference),
      () => dir.permissionsAllow('f', '*', saga.Permission.Read, Flags.Dereference),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject(failing('BadParameter', 'leave out the flag Dereference'));
    }
    expect(existsSync(work.at('f'))).toBe(true);
  });

  rule(247, '".", ".." and parents are neither moved nor removed', async () => {
    directories('a/b', 'out');
    await using dir = await open('a/b');
    for (const name of ['.', '..', '../..', './', '../b', work.at('a'), '/', url('a/b')]) {
      for (const call of [
        () => dir.move(name, work.at('out'), Flags.Recursive),
        () => dir.remove(name, Flags.Recursive),
      ]) {
        await expect(call()).rejects.toMatchObject(failing('BadParameter', 'do it from outside'));
      }
    }
    expect(existsSync(work.at('a/b'))).toBe(true);
    await dir.remove(Flags.Recursive);
    expect(existsSync(work.at('a/b'))).toBe(false);
  });

  test('of the directory itself, with one name', async () => {
    directories('d');
    files('d/in');
    await using dir = await open('d');
    await dir.copy('../e', Flags.Recursive);
    expect(readFileSync(work.at('e/in'), 'utf8')).toBe('d/in');
    await dir.link('../to-d');
    expect(lstatSync(work.at('to-d')).isSymbolicLink()).toBe(true);
    await dir.move('../moved', Flags.Recursive, {});
    expect((await dir.getUrl()).getString()).toBe(url('moved/'));
    expect(await paths(dir.list())).toEqual(['in']);
    await dir.permissionsDeny('*', saga.Permission.Write);
    expect(statSync(work.at('moved')).mode & 0o222).toBe(0);
    await dir.permissionsAllow('*', saga.Permission.Write);
    const removed = dir.async.remove(Flags.Recursive);
    await removed.wait();
    expect(removed.getState()).toBeDefined();
    expect(existsSync(work.at('moved'))).toBe(false);
  });
});

describe('makeDir', () => {
  rule(248, 'wants CreateParents for missing parents', async () => {
    files('f');
    await using dir = await open();
    await expect(dir.makeDir('a/b/c')).rejects.toMatchObject(
      failing('DoesNotExist', 'the flag CreateParents makes it'),
    );
    await dir.makeDir('a/b/c', Flags.CreateParents);
    expect(statSync(work.at('a/b/c')).isDirectory()).toBe(true);
    for (const flags of [Flags.None, Flags.CreateParents]) {
      for (const name of ['f/x', 'f/x/y']) {
        const code = flags === Flags.None && name === 'f/x/y' ? 'DoesNotExist' : 'BadParameter';
        await expect(dir.makeDir(name, flags)).rejects.toMatchObject(failing(code));
      }
      await expect(dir.makeDir('f/x', flags)).rejects.toMatchObject(failing('BadParameter', '/f is no directory'));
    }
  });

  rule(249, 'of what exists throws AlreadyExists with Exclusive only', async () => {
    directories('d');
    files('f', 'd/in');
    await using dir = await open();
    await dir.makeDir('d');
    await dir.makeDir('d/', Flags.CreateParents);
    expect(existsSync(work.at('d/in'))).toBe(true);
    await expect(dir.makeDir('d', Flags.Exclusive)).rejects.toMatchObject(failing('AlreadyExists', 'exists already'));
    for (const flags of [Flags.None, Flags.Exclusive]) {
      await expect(dir.makeDir('f', flags)).rejects.toMatchObject(failing('AlreadyExists'));
    }
    await Promise.all(Array.from({ length: 8 }, () => dir.makeDir('x/y/z', Flags.CreateParents)));
    expect(existsSync(work.at('x/y/z'))).toBe(true);
  });
});

describe('open and openDir', () => {
  rule(250, 'each opens its own, openDir with Create makes a directory', async () => {
    directories('d');
    files('f');
    symlinkSync('d', work.at('to-d'));
    await using dir = await open();
    for (const name of ['d', 'to-d', 'd/']) {
      await expect(dir.open(name)).rejects.toMatchObject(
        failing('BadParameter', 'is a directory; open it with openDir'),
      );
    }
    await expect(dir.openDir('f')).rejects.toMatchObject(failing('BadParameter', 'is no directory'));
    await expect(dir.openDir('new')).rejects.toMatchObject(failing('DoesNotExist', 'the flag Create makes it'));
    await using made = await dir.openDir('new', Flags.Create);
    expect((await made.getUrl()).getString()).toBe(url('new/'));
    await using entry = await dir.open('new/f', Flags.Create);
    expect([entry.getType(), made.getType()]).toEqual([saga.ObjectType.NSEntry, saga.ObjectType.NSDirectory]);
    await dir.close();
    expect(await made.exists('f')).toBe(true);
  });

  rule(251, 'links are followed to their end, and the name stays', async () => {
    directories('d');
    files('d/f');
    symlinkSync('d', work.at('one'));
    symlinkSync('one', work.at('two'));
    symlinkSync('two/f', work.at('link'));
    await using dir = await open();
    await using opened = await dir.openDir('two');
    expect((await opened.getUrl()).getString()).toBe(url('two/'));
    expect(await paths(opened.list())).toEqual(['f']);
    await using link = await dir.open('link');
    expect((await link.getName()).getString()).toBe('link');
    await link.copy('copy');
    expect(readFileSync(work.at('copy'), 'utf8')).toBe('d/f');
    symlinkSync('nowhere', work.at('broken'));
    await expect(dir.open('broken')).rejects.toMatchObject(failing('DoesNotExist', 'leads nowhere'));
  });

  rule(252, 'CreateParents works together with Create only', async () => {
    await using dir = await open();
    for (const call of [() => dir.open('a/b', Flags.CreateParents), () => dir.openDir('a/b', Flags.CreateParents)]) {
      await expect(call()).rejects.toMatchObject(failing('DoesNotExist'));
      expect(existsSync(work.at('a'))).toBe(false);
    }
    await using made = await dir.openDir('a/b', Flags.CreateParents | Flags.Create);
    await using entry = await made.open('c/d', Flags.CreateParents | Flags.Create);
    expect((await entry.getUrl()).getString()).toBe(url('a/b/c/d'));
  });
});

test('relative names count from the directory of the object, never from that of the process', async () => {
  directories('d');
  files('d/f');
  await using dir = await open('d');
  await using f = await dir.open('f');
  await f.copy('g');
  expect(existsSync(work.at('d/g'))).toBe(true);
  await using copy = dir.clone();
  await copy.changeDir('..');
  expect((await dir.getUrl()).getString()).toBe(url('d/'));
  expect(await copy.exists('d/g')).toBe(true);
});

test('progress tells files by their URLs, and adds them up', async () => {
  directories('d/e');
  writeFileSync(work.at('d/100%'), '12345');
  writeFileSync(work.at('d/e/f'), '678');
  await using dir = await open();
  const told: unknown[] = [];
  await dir.copy('d/e/f', 'f', Flags.None, { onProgress: (progress) => told.push(progress) });
  expect(told).toEqual([{ done: 3, total: 3, what: url('d/e/f') }]);

  const files: string[] = [];
  let bytes = 0;
  const onProgress = ({ done, total, what }: saga.Progress) => {
    expect(total).toBeUndefined();
    expect(done).toBeGreaterThan(bytes);
    bytes = done;
    files.push(what);
  };
  await dir.copy('d', 'copy', Flags.Recursive, { onProgress });
  expect(files.sort()).toEqual([url('d/100%25'), url('d/e/f')]);
  expect(bytes).toBe(8);
});
