import { beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';

import * as saga from '../../src/index.js';
import { rule } from '../support/rules.js';
import { scratch } from '../support/scratch.js';

const { Flags } = saga;
const here = scratch();
let directory: saga.Directory;

beforeEach(async () => {
  await writeFile(here.at('file'), '12345');
  await mkdir(here.at('dir'));
  await symlink('file', here.at('link'));
  await symlink('nowhere', here.at('broken'));
  directory = await saga.Directory.create(here.path);
});

describe('a directory of files', () => {
  rule(274, 'getSize tells the size of a file, and of what a link leads to with Dereference only', async () => {
    expect(await directory.getSize('file')).toBe(5);
    expect(await directory.getSize('link')).toBe('file'.length);
    expect(await directory.getSize('link', Flags.Dereference)).toBe(5);
    expect(await directory.getSize(new saga.URL('file'), Flags.None)).toBe(5);
  });

  rule(274, 'what is missing is DoesNotExist, another flag BadParameter', async () => {
    await expect(directory.getSize('missing')).rejects.toThrow(saga.DoesNotExist);
    await expect(directory.getSize('missing')).rejects.toThrow('missing does not exist');
    await expect(directory.getSize('file', Flags.Recursive)).rejects.toThrow(
      'directory.getSize does not take the flags Recursive; it takes Dereference',
    );
    await expect(directory.getSize('file', Flags.Dereference)).rejects.toThrow(saga.BadParameter);
    await expect(directory.getSize('dir')).rejects.toThrow('is a directory, which has no size');
    await expect(directory.getSize('broken', Flags.Dereference)).rejects.toThrow(saga.IncorrectState);
  });

  rule(275, 'isFile is isEntry', async () => {
    for (const name of ['file', 'dir', 'link', 'broken']) {
      expect(await directory.isFile(name)).toBe(await directory.isEntry(name));
      expect(await directory.isFile(name)).toBe(name === 'file');
    }
    await expect(directory.isFile('missing')).rejects.toThrow(saga.DoesNotExist);
  });

  test('open gives a File, in the session of the directory', async () => {
    const session = new saga.Session(false);
    await using dir = await saga.Directory.create(here.path, Flags.Read, { session });
    await using file = await dir.open('dir/new', Flags.Write | Flags.Create);
    expect(file).toBeInstanceOf(saga.File);
    await file.write(Buffer.from('text'));
    expect(await readFile(here.at('dir/new'), 'utf8')).toBe('text');
    expect((await file.getUrl()).getPath()).toBe(here.at('dir/new'));
    expect(file.getSession()).toEqual(session);
    await expect(dir.open('dir')).rejects.toThrow(saga.BadParameter);
    await expect(dir.open('missing')).rejects.toThrow(saga.DoesNotExist);
    await expect(dir.open('file', Flags.None)).rejects.toThrow('directory.open: a file is opened with Flags.Read');
  });

  test('openDir gives a Directory, which opens files by names of its own', async () => {
    await using inner = await directory.openDir('dir');
    expect(inner).toBeInstanceOf(saga.Directory);
    expect(inner.getType()).toBe(saga.ObjectType.Directory);
    await using file = await inner.open('../file');
    expect(await file.getSize()).toBe(5);
    await using made = await directory.openDir('a/b', Flags.Create | Flags.CreateParents);
    expect(await made.getNumEntries()).toBe(0);
  });

  test('the file is there when the directory is closed', async () => {
    const file = await directory.open('file');
    await directory.close();
    const memory = Buffer.alloc(5);
    expect(await file.read(memory)).toBe(5);
    await file.close();
    await expect(directory.open('file')).rejects.toThrow(saga.IncorrectState);
    await expect(directory.getSize('file')).rejects.toThrow(saga.IncorrectState);
  });

  test('a clone is a Directory', async () => {
    await using copy = directory.clone();
    await directory.close();
    expect(copy).toBeInstanceOf(saga.Directory);
    expect(await copy.getSize('file')).toBe(5);
  });

  test('the views make tasks with what the methods give', async () => {
    const opening = directory.async.open('file');
    await using file = await opening.toPromise();
    expect(await file.async.getSize().toPromise()).toBe(5);
    const size = directory.task.getSize('link', Flags.Dereference);
    await size.run();
    expect(await size.toPromise()).toBe(5);
  });
});

describe('a file that goes elsewhere', () => {
  test('is still open after a move', async () => {
    await using file = await directory.open('file', Flags.ReadWrite);
    const memory = Buffer.alloc(2);
    await file.read(memory);
    await file.move('dir/');
    await file.read(memory);
    expect(memory.toString()).toBe('34');
    await file.write(Buffer.from('!'));
    expect(await readFile(here.at('dir/file'), 'utf8')).toBe('1234!');
    expect(await file.getSize()).toBe(5);
  });

  test('is closed when it is removed', async () => {
    const file = await directory.open('file');
    await file.remove();
    await expect(file.read(Buffer.alloc(1))).rejects.toThrow(saga.IncorrectState);
    expect(await directory.exists('file')).toBe(false);
  });
});
