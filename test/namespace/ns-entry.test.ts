/** Entries on the disk of this machine: rules 208 to 228. */
import { describe, expect, test } from '@jest/globals';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { basename } from 'node:path';
import * as saga from '../../src/index.js';
import { rule } from '../support/rules.js';
import { scratch } from '../support/scratch.js';

const { Flags } = saga;
const work = scratch();

/** Opens an entry of the directory. */
function entry(name: string, flags?: number): Promise<saga.NSEntry> {
  return saga.NSEntry.create(work.at(name), flags);
}

function file(name: string, text = name): void {
  writeFileSync(work.at(name), text);
}

function content(name: string): string {
  return readFileSync(work.at(name), 'utf8');
}

/** A directory with a file and a directory with a file. */
function tree(name: string): void {
  mkdirSync(work.at(name, 'sub'), { recursive: true });
  file(`${name}/a`, 'a');
  file(`${name}/sub/b`, 'b');
}

const failing = (code: saga.ExceptionCategory, message = '') => ({ code, message: expect.stringContaining(message) });

describe('flags', () => {
  rule(208, 'None switches off the default flags', async () => {
    mkdirSync(work.at('deep'));
    file('deep/x');
    await using dir = await saga.NSDirectory.create(work.path);
    expect(await dir.find('x')).toHaveLength(1);
    expect(await dir.find('x', Flags.None)).toHaveLength(0);
  });

  rule(209, 'a flag that an operation does not know is BadParameter and named', async () => {
    file('a');
    mkdirSync(work.at('d'));
    await using a = await entry('a');
    await using d = await saga.NSDirectory.create(work.at('d'));
    const refused: (() => Promise<unknown>)[] = [
      () => entry('a', Flags.Truncate),
      () => a.copy('b', Flags.Create),
      () => a.move('b', Flags.Lock),
      () => a.link('b', Flags.Exclusive),
      () => a.remove(Flags.Overwrite),
      () => a.permissionsAllow('*', 2, Flags.Create),
      () => d.list('', Flags.Recursive),
      () => d.find('*', Flags.Overwrite),
      () => d.makeDir('x', Flags.Overwrite),
      () => d.open('x', Flags.Overwrite),
      () => d.openDir('x', Flags.Append),
      () => a.copy('b', 4096),
      () => a.copy('b', -1),
      () => a.copy('b', 0.5),
    ];
    for (const call of refused) await expect(call()).rejects.toMatchObject(failing('BadParameter'));
    await expect(a.remove(Flags.Overwrite)).rejects.toThrow(
      'ns_entry.remove does not take the flags Overwrite; it takes Recursive, Dereference',
    );
    expect(existsSync(work.at('a'))).toBe(true);
  });
});

describe('what an entry is', () => {
  rule(210, 'getCwd is the directory, getName the last element, getUrl all of it', async () => {
    file('a b%20#?');
    const name = new saga.URL();
    name.setPath(work.at('a b%20#?'));
    await using a = await saga.NSEntry.create(name);
    expect((await a.getCwd()).getString()).toBe(`file://${work.path}/`);
    expect((await a.getName()).getPath()).toBe('a b%20#?');
    expect((await a.getUrl()).getEscaped()).toBe(`file://${work.path}/a%20b%2520%23%3F`);
    const again = (await a.getCwd()).resolve(await a.getName());
    expect(again.getEscaped()).toBe((await a.getUrl()).getEscaped());

    await using d = await saga.NSDirectory.create(`file://${work.path}/../${basename(work.path)}//.`);
    expect((await d.getUrl()).getString()).toBe(`file://${work.path}/`);
    expect((await d.getCwd()).getString()).toBe(`file://${work.path}/`);
    expect((await d.getName()).getPath()).toBe(basename(work.path));
  });

  rule([211, 212], 'a link is neither entry nor directory, and is read one step', async () => {
    mkdirSync(work.at('d'));
    file('f');
    symlinkSync('d', work.at('to-d'));
    symlinkSync('to-d', work.at('to-link'));
    symlinkSync(work.at('f'), work.at('to-f'));
    const kinds: Record<string, [boolean, boolean, boolean]> = {};
    for (const name of ['d', 'f', 'to-d', 'to-f', 'to-link']) {
      await using one = await entry(name);
      kinds[name] = [await one.isDir(), await one.isEntry(), await one.isLink()];
    }
    expect(kinds).toEqual({
      d: [true, false, false],
      f: [false, true, false],
      'to-d': [false, false, true],
      'to-f': [false, false, true],
      'to-link': [false, false, true],
    });
    await using link = await entry('to-link');
    expect((await link.readLink()).getString()).toBe(`file://${work.path}/to-d`);
    await using f = await entry('f');
    await expect(f.readLink()).rejects.toMatchObject(failing('IncorrectState', 'is no link'));
  });

  test('a link that leads up leads up from where it is', async () => {
    mkdirSync(work.at('real/deep'), { recursive: true });
    symlinkSync('real/deep', work.at('short'));
    symlinkSync('../up', work.at('real/deep/link'));
    file('real/up');
    await using link = await entry('short/link');
    expect((await link.readLink()).getString()).toBe(`file://${work.path}/real/up`);
  });

  test('names with newlines, quotes, dashes, 255 bytes and bytes that are not UTF-8', async () => {
    await using dir = await saga.NSDirectory.create(work.path);
    const names = [
      'a\nb',
      `it's "so"`,
      '-rf',
      'n'.repeat(255),
      'latin\udce9',
      ':colon',
      'per%41cent',
      'star*',
      'ü',
      ' ',
    ];
    for (const name of names) {
      const url = new saga.URL();
      url.setPath(name);
      await using one = await dir.open(url, Flags.Create | Flags.Exclusive);
      expect((await one.getName()).getPath()).toBe(name);
      await one.move('moved');
      await one.copy(url);
      await one.remove();
    }
    expect((await dir.list()).map((url) => url.getPath()).sort()).toEqual([...names].sort());
    expect((await dir.find('*')).map((url) => url.getPath()).sort()).toEqual([...names].sort());
    for (const url of await dir.list()) await dir.remove(url);
    expect(await dir.getNumEntries()).toBe(0);
  });
});

describe('copy, move, link and remove', () => {
  rule(213, 'into a directory they place the entry inside', async () => {
    file('a');
    mkdirSync(work.at('d'));
    mkdirSync(work.at('e'));
    symlinkSync('e', work.at('to-e'));
    await using a = await entry('a');
    await a.copy('d');
    await a.link('to-e');
    expect(content('d/a')).toBe('a');
    expect(readlinkSync(work.at('e/a'))).toBe(work.at('a'));
    await a.move('d/', Flags.Overwrite);
    expect(existsSync(work.at('a'))).toBe(false);
    expect((await a.getUrl()).getString()).toBe(`file://${work.path}/d/a`);
  });

  rule(214, 'a directory wants Recursive', async () => {
    tree('d');
    await using d = await entry('d');
    for (const call of [() => d.copy('e'), () => d.move('e'), () => d.remove()]) {
      await expect(call()).rejects.toMatchObject(failing('BadParameter', 'wants the flag Recursive'));
    }
    await d.copy('e', Flags.Recursive);
    expect([content('e/a'), content('e/sub/b')]).toEqual(['a', 'b']);
    await d.move('f', Flags.Recursive);
    expect([existsSync(work.at('d')), content('f/sub/b')]).toEqual([false, 'b']);
    await d.remove(Flags.Recursive);
    expect(existsSync(work.at('f'))).toBe(false);
  });

  rule(215, 'what is no directory refuses Recursive', async () => {
    file('a');
    symlinkSync('a', work.at('link'));
    for (const name of ['a', 'link']) {
      await using one = await entry(name);
      const calls = [
        () => one.copy('b', Flags.Recursive),
        () => one.move('b', Flags.Recursive),
        () => one.link('b', Flags.Recursive),
        () => one.remove(Flags.Recursive),
      ];
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject(failing('BadParameter', 'leave out the flag Recursive'));
      }
    }
  });

  rule(216, 'a target that is there wants Overwrite', async () => {
    file('a', 'new');
    for (const operation of ['copy', 'link', 'move'] as const) {
      rmSync(work.at('b'), { force: true });
      file('b', 'old');
      await using a = await entry('a');
      await expect(a[operation]('b')).rejects.toMatchObject(failing('AlreadyExists', 'Overwrite replaces it'));
      expect(content('b')).toBe('old');
      await a[operation]('b', Flags.Overwrite);
      expect(content('b')).toBe('new');
    }
    tree('d');
    tree('e/d');
    file('d/a', 'newer');
    file('e/d/kept');
    await using d = await entry('d');
    await expect(d.copy('e', Flags.Recursive)).rejects.toMatchObject(failing('AlreadyExists', 'Overwrite adds to it'));
    await d.copy('e', Flags.Recursive | Flags.Overwrite);
    expect([content('e/d/a'), content('e/d/kept'), content('e/d/sub/b')]).toEqual(['newer', 'e/d/kept', 'b']);
    await d.move('e', Flags.Recursive | Flags.Overwrite);
    expect([existsSync(work.at('d')), content('e/d/kept')]).toEqual([false, 'e/d/kept']);
  });

  test('a link at the target is replaced, not written through', async () => {
    file('a', 'new');
    file('b', 'old');
    symlinkSync('b', work.at('link'));
    symlinkSync('nowhere', work.at('broken'));
    await using a = await entry('a');
    await expect(a.copy('broken')).rejects.toMatchObject(failing('AlreadyExists'));
    await a.copy('link', Flags.Overwrite);
    await a.copy('broken', Flags.Overwrite);
    expect([content('b'), content('link'), content('broken')]).toEqual(['old', 'new', 'new']);
    expect(lstatSync(work.at('link')).isSymbolicLink()).toBe(false);
  });

  rule(217, 'a directory is not copied onto what is none', async () => {
    tree('d');
    file('a');
    await using d = await entry('d');
    for (const flags of [Flags.Recursive, Flags.Recursive | Flags.Overwrite]) {
      await expect(d.copy('a', flags)).rejects.toMatchObject(failing('AlreadyExists', 'is no directory'));
    }
    expect(content('a')).toBe('a');
    mkdirSync(work.at('e', 'a'), { recursive: true });
    await using a = await entry('a');
    await expect(a.copy('e', Flags.Overwrite)).rejects.toMatchObject(failing('AlreadyExists', 'is a directory'));
  });

  rule(218, 'missing parents of the target want CreateParents', async () => {
    file('a');
    for (const operation of ['copy', 'link', 'move'] as const) {
      await using a = await entry('a');
      const target = `${operation}/to/b`;
      await expect(a[operation](target)).rejects.toMatchObject(
        failing('DoesNotExist', 'the flag CreateParents makes it'),
      );
      await a[operation](target, Flags.CreateParents);
      expect(existsSync(work.at(target))).toBe(true);
      if (operation === 'move') await a.move(work.at('a'));
      await expect(a[operation]('a/b')).rejects.toMatchObject(failing('BadParameter', 'is no directory'));
    }
    await using a = await entry('a');
    await expect(a.copy('new/')).rejects.toMatchObject(failing('DoesNotExist'));
    await a.copy('new/', Flags.CreateParents);
    expect(content('new/a')).toBe('a');
  });

  rule(219, 'copy follows a link, the others with Dereference only', async () => {
    file('a');
    symlinkSync('a', work.at('link'));
    symlinkSync('nowhere', work.at('broken'));
    await using link = await entry('link');
    await link.copy('copied');
    await link.link('linked');
    await link.link('linked-end', Flags.Dereference);
    expect(lstatSync(work.at('copied')).isFile()).toBe(true);
    expect(readlinkSync(work.at('linked'))).toBe(work.at('link'));
    expect(readlinkSync(work.at('linked-end'))).toBe(work.at('a'));
    await link.move('moved');
    expect([readlinkSync(work.at('moved')), content('a')]).toEqual(['a', 'a']);
    await link.move('b', Flags.Dereference);
    expect([existsSync(work.at('a')), content('b')]).toEqual([false, 'a']);

    await using broken = await entry('broken');
    for (const call of [
      () => broken.copy('x'),
      () => broken.move('x', Flags.Dereference),
      () => broken.link('x', Flags.Dereference),
      () => broken.remove(Flags.Dereference),
    ]) {
      await expect(call()).rejects.toMatchObject(failing('IncorrectState', 'leads nowhere'));
    }
    await broken.remove();
    expect(() => lstatSync(work.at('broken'))).toThrow('ENOENT');

    file('c');
    symlinkSync('c', work.at('to-c'));
    await using toC = await entry('to-c');
    await toC.remove(Flags.Dereference);
    expect([existsSync(work.at('c')), lstatSync(work.at('to-c')).isSymbolicLink()]).toEqual([false, true]);
  });

  rule(220, 'link makes a link at the target that leads to the entry', async () => {
    file('a');
    tree('d');
    await using a = await entry('a');
    await a.link('d/link');
    expect(readlinkSync(work.at('d/link'))).toBe(work.at('a'));
    await using d = await entry('d');
    await d.link('to-d');
    expect(content('to-d/sub/b')).toBe('b');
  });

  rule(221, 'a recursive link mirrors a directory inside one', async () => {
    tree('d');
    file('f');
    mkdirSync(work.at('e'));
    await using d = await entry('d');
    for (const target of ['f', 'missing']) {
      await expect(d.link(target, Flags.Recursive)).rejects.toMatchObject(failing('BadParameter', 'is no directory'));
    }
    await d.link('e', Flags.Recursive);
    expect(lstatSync(work.at('e/d/sub')).isDirectory()).toBe(true);
    expect([readlinkSync(work.at('e/d/a')), readlinkSync(work.at('e/d/sub/b'))]).toEqual([
      work.at('d/a'),
      work.at('d/sub/b'),
    ]);
    await expect(d.link('e', Flags.Recursive)).rejects.toMatchObject(failing('AlreadyExists'));
    await d.link('e', Flags.Recursive | Flags.Overwrite);
  });

  test('nothing is copied or moved onto or into itself, under whatever name', async () => {
    tree('d');
    file('a');
    symlinkSync('d', work.at('to-d'));
    await using a = await entry('a');
    await using d = await entry('d');
    await expect(a.copy('a', Flags.Overwrite)).rejects.toMatchObject(failing('BadParameter', 'is the source itself'));
    for (const target of ['.', 'd', 'd/sub', 'd/sub/new', 'to-d/sub']) {
      for (const operation of ['copy', 'move'] as const) {
        await expect(d[operation](target, Flags.Recursive | Flags.Overwrite)).rejects.toMatchObject(
          failing('BadParameter'),
        );
      }
    }
    await a.link('here');
    await using here = await entry('here');
    await expect(here.copy('a', Flags.Overwrite)).rejects.toMatchObject(
      failing('BadParameter', 'is the source itself'),
    );
    expect(content('a')).toBe('a');
  });

  test('links in a directory are copied as they are, circles too', async () => {
    tree('d');
    symlinkSync('a', work.at('d/link'));
    symlinkSync('.', work.at('d/circle'));
    symlinkSync('/etc', work.at('d/out'));
    await using d = await entry('d');
    await d.copy('e', Flags.Recursive);
    expect(['link', 'circle', 'out'].map((name) => readlinkSync(work.at('e', name)))).toEqual(['a', '.', '/etc']);
    await d.remove(Flags.Recursive);
    expect([existsSync(work.at('d')), existsSync('/etc/passwd')]).toEqual([false, true]);
  });

  rule([222, 223, 224], 'remove closes the object, and then all but close is IncorrectState', async () => {
    file('a');
    const a = await entry('a');
    await a.remove();
    expect(existsSync(work.at('a'))).toBe(false);
    const calls: (() => unknown)[] = [
      () => a.remove(),
      () => a.getUrl(),
      () => a.getCwd(),
      () => a.getName(),
      () => a.isDir(),
      () => a.isEntry(),
      () => a.isLink(),
      () => a.readLink(),
      () => a.copy('b'),
      () => a.move('b'),
      () => a.link('b'),
      () => a.permissionsAllow('*', 2),
      () => a.permissionsDeny('*', 2),
      () => a.permissionsCheck('*', 2),
      () => a.getOwner(),
      () => a.getGroup(),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject(failing('IncorrectState', 'is closed; open it again'));
    }
    expect(() => a.clone()).toThrow('is closed');
    await a.close();
    await a.close(-1);

    mkdirSync(work.at('d'));
    const d = await saga.NSDirectory.create(work.at('d'));
    await d.close();
    for (const call of [
      () => d.list(),
      () => d.find('*'),
      () => d.exists('x'),
      () => d.makeDir('x'),
      () => d.open('x'),
    ]) {
      await expect(call()).rejects.toMatchObject(failing('IncorrectState'));
    }
    await expect(
      (async () => {
        for await (const one of d) expect(one).toBeUndefined();
      })(),
    ).rejects.toMatchObject(failing('IncorrectState'));
  });

  test('calls under way when it is closed go on, and close waits for them when it is told to', async () => {
    file('a', 'x'.repeat(100_000));
    const a = await entry('a');
    const copied = a.copy('b');
    await a.close(-1);
    expect(content('b')).toHaveLength(100_000);
    await copied;
    await expect(a.close(Number.NaN)).rejects.toMatchObject(failing('BadParameter'));
  });
});

describe('opening', () => {
  rule(225, 'what is missing wants Create', async () => {
    await expect(entry('a')).rejects.toMatchObject(failing('DoesNotExist', 'the flag Create makes it'));
    await expect(entry('x/a', Flags.Create)).rejects.toMatchObject(failing('DoesNotExist'));
    await using a = await entry('a', Flags.Create);
    expect([await a.isEntry(), content('a')]).toEqual([true, '']);
    await using b = await entry('x/y/b', Flags.Create | Flags.CreateParents);
    expect(await b.isEntry()).toBe(true);
  });

  rule(226, 'Create opens what is there, with Exclusive it is AlreadyExists', async () => {
    file('a', 'kept');
    mkdirSync(work.at('d'));
    symlinkSync('nowhere', work.at('broken'));
    await (await entry('a', Flags.Create)).close();
    expect(content('a')).toBe('kept');
    for (const name of ['a', 'd', 'broken']) {
      await expect(entry(name, Flags.Create | Flags.Exclusive)).rejects.toMatchObject(failing('AlreadyExists'));
    }
    const d = saga.NSDirectory.create(work.at('d'), Flags.Create | Flags.Exclusive);
    await expect(d).rejects.toMatchObject(failing('AlreadyExists'));
  });

  rule(227, 'a second lock is NoSuccess, an open without lock succeeds, close unlocks', async () => {
    file('a');
    const first = await entry('a', Flags.Lock);
    await expect(entry('a', Flags.Lock)).rejects.toMatchObject(failing('NoSuccess'));
    await (await entry('a')).close();
    await first.close();
    const second = await entry('a', Flags.Lock);
    await second.remove();
    await (await entry('a', Flags.Lock | Flags.Create)).close();
  });

  test('what no adaptor serves, and what is no absolute name', async () => {
    await expect(saga.NSEntry.create('nosuch://host/a')).rejects.toMatchObject(failing('IncorrectURL', 'nosuch'));
    await expect(saga.NSEntry.create('a/b')).rejects.toMatchObject(failing('BadParameter', 'is relative'));
    await expect(saga.NSEntry.create(`file://${work.path}/a?b`)).rejects.toMatchObject(failing('BadParameter', '%3F'));
    await expect(saga.NSEntry.create(7 as never)).rejects.toMatchObject(failing('BadParameter'));
    expect(() => Reflect.construct(saga.NSEntry, []) as unknown).toThrow('opened by await create(url)');
  });

  test('an aborted call', async () => {
    file('a');
    await using a = await entry('a');
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(a.copy('b', Flags.None, { signal })).rejects.toMatchObject(
      failing('NoSuccess', 'ns_entry.copy was aborted'),
    );
    await expect(saga.NSEntry.create(work.at('a'), 0, { signal })).rejects.toMatchObject(
      failing('NoSuccess', 'aborted'),
    );
    expect(existsSync(work.at('b'))).toBe(false);
  });
});

describe('permissions', () => {
  const everybody = '*';

  rule(228, 'allow and deny take Recursive and Dereference only', async () => {
    tree('d');
    symlinkSync('d/a', work.at('link'));
    await using d = await entry('d');
    await using a = await entry('d/a');
    await using link = await entry('link');
    await expect(a.permissionsAllow(everybody, 2, Flags.Overwrite)).rejects.toMatchObject(failing('BadParameter'));
    await expect(a.permissionsAllow(everybody, 2, Flags.Recursive)).rejects.toMatchObject(
      failing('BadParameter', 'leave out the flag Recursive'),
    );
    await expect(a.permissionsAllow(everybody, 2, Flags.Dereference)).rejects.toMatchObject(failing('BadParameter'));
    await expect(link.permissionsAllow(everybody, 2)).rejects.toMatchObject(
      failing('BadParameter', 'the flag Dereference changes what it leads to'),
    );
    await d.permissionsDeny(everybody, saga.Permission.Write, Flags.Recursive);
    expect(statSync(work.at('d/sub/b')).mode & 0o222).toBe(0);
    await d.permissionsAllow(everybody, saga.Permission.Write, Flags.Recursive);
    expect(statSync(work.at('d/sub/b')).mode & 0o222).toBe(0o222);
    await link.permissionsDeny(everybody, saga.Permission.Read, Flags.Dereference);
    expect(statSync(work.at('d/a')).mode & 0o444).toBe(0);
    await expect(a.permissionsAllow('no id*', 2)).rejects.toMatchObject(failing('BadParameter', 'is no id'));
    await expect(a.permissionsAllow(everybody, 99)).rejects.toMatchObject(failing('BadParameter', 'is no permission'));
  });

  test('owner, group and what is granted are told', async () => {
    file('a');
    await using a = await entry('a');
    expect(await a.getOwner()).toBe(`user-${userInfo().username}`);
    expect(await a.getGroup()).toMatch(/^group-./);
    await a.permissionsDeny(everybody, saga.Permission.Exec);
    expect(await a.permissionsCheck(everybody, saga.Permission.Exec)).toBe(false);
    await a.permissionsAllow(everybody, saga.Permission.Exec);
    expect(await a.permissionsCheck(everybody, saga.Permission.Exec)).toBe(true);
  });
});

test('as tasks', async () => {
  file('a');
  await using a = await entry('a');
  const task = a.task.copy('b');
  expect(existsSync(work.at('b'))).toBe(false);
  await task.run();
  await task.wait();
  expect(content('b')).toBe('a');
  expect(await a.async.isDir().toPromise()).toBe(false);
  expect(JSON.stringify(a)).toBe(JSON.stringify({ url: `file://${work.path}/a` }));
});
