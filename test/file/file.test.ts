import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, stat, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import * as saga from '../../src/index.js';
import { rule } from '../support/rules.js';
import { scratch } from '../support/scratch.js';

const { Flags, SeekMode } = saga;
const directory = scratch();

/** A file with a content, open. */
async function opened(content: string, flags?: number, name = 'file'): Promise<saga.File> {
  await writeFile(directory.at(name), content);
  return saga.File.create(directory.at(name), flags);
}

function content(name = 'file'): Promise<string> {
  return readFile(directory.at(name), 'latin1');
}

function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}

/** What a read gives. */
async function read(file: saga.File, length: number): Promise<string> {
  const memory = Buffer.alloc(length, '.');
  const count = await file.read(memory);
  return memory.toString('latin1', 0, count);
}

describe('opening a file', () => {
  rule(253, 'without flags it is open for reading', async () => {
    await using file = await opened('text');
    expect(await read(file, 4)).toBe('text');
    await expect(file.write(bytes('x'))).rejects.toThrow(saga.PermissionDenied);
    expect(file.getType()).toBe(saga.ObjectType.File);
  });

  rule(254, 'without Read, Write or ReadWrite it is BadParameter', async () => {
    await writeFile(directory.at('file'), '');
    for (const flags of [Flags.None, Flags.Create, Flags.Truncate, Flags.Append | Flags.Binary]) {
      const opening = saga.File.create(directory.at('file'), flags);
      await expect(opening).rejects.toThrow(saga.BadParameter);
      await expect(opening).rejects.toThrow('is opened with Flags.Read, Flags.Write or Flags.ReadWrite');
    }
    await expect(saga.File.create(directory.at('new'), Flags.Create)).rejects.toThrow(saga.BadParameter);
    expect(existsSync(directory.at('new'))).toBe(false);
  });

  rule(254, 'Read and Write are ReadWrite', async () => {
    expect(Flags.Read | Flags.Write).toBe(Flags.ReadWrite);
    await using file = await opened('text', Flags.Read | Flags.Write);
    await file.write(bytes('n'));
    expect(await read(file, 9)).toBe('ext');
    expect(await content()).toBe('next');
  });

  rule(255, 'Truncate empties the file', async () => {
    await using file = await opened('text', Flags.ReadWrite | Flags.Truncate);
    expect(await file.getSize()).toBe(0);
    expect(await read(file, 4)).toBe('');
    expect(await content()).toBe('');
  });

  rule(255, 'Append puts the pointer at the end, else it is at the start', async () => {
    await using end = await opened('text', Flags.Write | Flags.Append);
    expect(await end.seek(0, SeekMode.Current)).toBe(4);
    await end.write(bytes('book'));
    expect(await content()).toBe('textbook');
    await using start = await saga.File.create(directory.at('file'), Flags.Write);
    expect(await start.seek(0, SeekMode.Current)).toBe(0);
    // Append is about the pointer alone: it may be moved.
    await end.seek(0);
    await end.write(bytes('n'));
    expect(await content()).toBe('nextbook');
  });

  test('Truncate without Write is BadParameter, and the file keeps its content', async () => {
    await expect(opened('text', Flags.Read | Flags.Truncate)).rejects.toThrow(
      'file.create: Truncate empties the file, which needs Flags.Write or Flags.ReadWrite',
    );
    expect(await content()).toBe('text');
  });

  rule(256, 'Binary changes nothing', async () => {
    await using file = await opened('a\r\nb\n', Flags.ReadWrite | Flags.Binary);
    expect(await read(file, 9)).toBe('a\r\nb\n');
    await file.write(bytes('\r\n'));
    expect(await content()).toBe('a\r\nb\n\r\n');
  });

  test('Create makes what is missing, with its parents if that is wanted', async () => {
    const name = directory.at('a/b/new');
    await expect(saga.File.create(name, Flags.Write | Flags.Create)).rejects.toThrow(saga.DoesNotExist);
    await using file = await saga.File.create(name, Flags.Write | Flags.Create | Flags.CreateParents);
    await file.write(bytes('x'));
    expect(await content('a/b/new')).toBe('x');
    const again = saga.File.create(name, Flags.Write | Flags.Create | Flags.Exclusive);
    await expect(again).rejects.toThrow(saga.AlreadyExists);
  });

  test('what is missing is DoesNotExist, a directory BadParameter, a flag that is none BadParameter', async () => {
    await mkdir(directory.at('dir'));
    await expect(saga.File.create(directory.at('missing'))).rejects.toThrow(saga.DoesNotExist);
    await expect(saga.File.create(directory.at('dir'))).rejects.toThrow(saga.BadParameter);
    await expect(saga.File.create(directory.at('dir'), Flags.Read | Flags.Recursive)).rejects.toThrow(
      'file.create does not take the flags Recursive',
    );
  });

  test('a link leads to the file', async () => {
    await writeFile(directory.at('file'), 'text');
    await symlink('file', directory.at('link'));
    await using file = await saga.File.create(directory.at('link'));
    expect(await read(file, 9)).toBe('text');
    expect(await file.getSize()).toBe(4);
  });

  test('the views make tasks', async () => {
    await using file = await opened('text');
    const memory = Buffer.alloc(4);
    const task = file.async.read(memory);
    await task.wait();
    expect(await task.getResult()).toBe(4);
    expect(memory.toString()).toBe('text');
    const size = file.task.getSize();
    expect(await size.getState()).toBe(saga.TaskState.New);
    await size.run();
    expect(await size.toPromise()).toBe(4);
  });
});

describe('reading and writing', () => {
  rule(257, 'a read gives fewer bytes at the end of the file, and 0 behind it', async () => {
    await using file = await opened('text');
    expect(await read(file, 3)).toBe('tex');
    expect(await read(file, 3)).toBe('t');
    expect(await read(file, 3)).toBe('');
    expect(await read(file, 3)).toBe('');
  });

  rule(258, 'what the file is not open for is PermissionDenied, and the message tells the flag', async () => {
    await using reading = await opened('text', Flags.Read);
    await using writing = await saga.File.create(directory.at('file'), Flags.Write);
    const part = [new saga.IOVec(Buffer.alloc(2))];
    const reads = [
      () => writing.read(Buffer.alloc(2)),
      () => writing.readV(part),
      () => writing.readP('(0,1,2,1)', Buffer.alloc(2)),
      () => writing.readE('partial', '0,2', Buffer.alloc(2)),
    ];
    const writes = [
      () => reading.write(Buffer.alloc(2)),
      () => reading.writeV(part),
      () => reading.writeP('(0,1,2,1)', Buffer.alloc(2)),
      () => reading.writeE('partial', '0,2', Buffer.alloc(2)),
    ];
    for (const call of [...reads, ...writes]) await expect(call()).rejects.toThrow(saga.PermissionDenied);
    await expect(reads[0]?.()).rejects.toThrow(
      'file.read: the file is open for writing only; open it with Flags.ReadWrite',
    );
    await expect(writes[0]?.()).rejects.toThrow('file.write: the file is open for reading only');
    expect(() => writing.readable()).toThrow(saga.PermissionDenied);
    expect(() => reading.writable()).toThrow(saga.PermissionDenied);
    expect(await content()).toBe('text');
  });

  rule(259, 'without a length the size of the buffer counts', async () => {
    await using file = await opened('abcdefgh', Flags.ReadWrite);
    const given = new saga.Buffer(Buffer.alloc(6), 2);
    expect(await file.read(given)).toBe(2);
    const own = new saga.Buffer(3);
    expect(await file.read(own, -1)).toBe(3);
    expect(Buffer.from(own.getData()).toString()).toBe('cde');
    await file.seek(0);
    expect(await file.write(given)).toBe(2);
    expect(await file.write(own, -5)).toBe(3);
    expect(await content()).toBe('abcdefgh');
  });

  rule(259, 'without a length and without a size it is BadParameter', async () => {
    await using file = await opened('text', Flags.ReadWrite);
    await expect(file.read(new saga.Buffer())).rejects.toThrow(saga.BadParameter);
    await expect(file.write(new saga.Buffer())).rejects.toThrow('the buffer has no data to write, nor a size');
    await expect(file.write(new saga.Buffer(), 4)).rejects.toThrow(saga.BadParameter);
    await expect(file.read(Buffer.alloc(4), 1.5)).rejects.toThrow('a length is a whole number of bytes, not 1.5');
    await expect(file.write('text' as never)).rejects.toThrow('encode a string first');
    expect(await content()).toBe('text');
  });

  test('a buffer of unset size gets the memory that the read asks for', async () => {
    await using file = await opened('text');
    const buffer = new saga.Buffer();
    expect(await file.read(buffer, 3)).toBe(3);
    expect(buffer.getSize()).toBe(3);
    expect(Buffer.from(buffer.getData()).toString()).toBe('tex');
  });

  rule(260, 'a buffer of the application that is too small is BadParameter', async () => {
    await using file = await opened('text');
    await expect(file.read(Buffer.alloc(2), 3)).rejects.toThrow(saga.BadParameter);
    await expect(file.read(new saga.Buffer(Buffer.alloc(2)), 3)).rejects.toThrow(
      "3 bytes don't fit into a buffer of 2",
    );
    expect(await file.seek(0, SeekMode.Current)).toBe(0);
  });

  rule(261, 'a write behind the end fills the gap with null bytes', async () => {
    await using file = await opened('ab', Flags.Write);
    await file.seek(5);
    await file.write(bytes('z'));
    expect(await content()).toBe('ab\0\0\0z');
  });

  rule(262, 'a write of more than the buffer has writes what is there, and tells how much', async () => {
    await using file = await opened('', Flags.Write);
    expect(await file.write(bytes('abc'), 9)).toBe(3);
    expect(await file.write(bytes('defghi'), 2)).toBe(2);
    expect(await file.write(bytes('x'), 0)).toBe(0);
    expect(await content()).toBe('abcde');
  });

  rule(263, 'reads, writes and seeks move the pointer by what they did', async () => {
    await using file = await opened('0123456789', Flags.ReadWrite);
    const pointer = (): Promise<number> => file.seek(0, SeekMode.Current);
    await read(file, 4);
    expect(await pointer()).toBe(4);
    await file.write(bytes('ab'));
    expect(await pointer()).toBe(6);
    await read(file, 100);
    expect(await pointer()).toBe(10);
    expect(await file.seek(-3, SeekMode.Current)).toBe(7);
    expect(await read(file, 2)).toBe('78');
    expect(await content()).toBe('0123ab6789');
  });

  rule(264, 'a seek behind the end does not grow the file, and a read there gives nothing', async () => {
    await using file = await opened('text', Flags.ReadWrite);
    expect(await file.seek(1000)).toBe(1000);
    expect(await read(file, 4)).toBe('');
    expect(await file.seek(0, SeekMode.Current)).toBe(1000);
    expect(await file.write(new Uint8Array())).toBe(0);
    expect(await file.getSize()).toBe(4);
  });

  rule(265, 'an error of the system is an error that names its errno', async () => {
    await using file = await opened('text');
    await expect(file.seek(-1)).rejects.toThrow(saga.NoSuccess);
    await expect(file.seek(-5, SeekMode.End)).rejects.toThrow('EINVAL: there is no place -1 in a file');
    expect(await file.seek(0, SeekMode.Current)).toBe(0);
  });

  // A file of Linux whose first page is never there.
  if (existsSync('/proc/self/mem')) {
    rule(265, 'what the system refuses names its errno, and leaves the pointer', async () => {
      await using file = await saga.File.create('/proc/self/mem');
      const reading = file.read(Buffer.alloc(8));
      await expect(reading).rejects.toThrow(saga.NoSuccess);
      await expect(reading).rejects.toThrow('EIO');
      await expect(reading).rejects.toMatchObject({ operation: 'file.read', adaptor: 'file' });
      await expect(buffer(file.readable())).rejects.toThrow('EIO');
      expect(await file.seek(0, SeekMode.Current)).toBe(0);
    });
  }

  rule(266, 'the seek modes are Start 1, Current 2 and End 3', async () => {
    expect(SeekMode).toEqual({ Start: 1, Current: 2, End: 3 });
    await using file = await opened('0123456789');
    expect(await file.seek(2)).toBe(2);
    expect(await file.seek(3, SeekMode.Start)).toBe(3);
    expect(await file.seek(3, SeekMode.Current)).toBe(6);
    expect(await file.seek(3, SeekMode.End)).toBe(13);
    expect(await file.seek(-3, SeekMode.End)).toBe(7);
    await expect(file.seek(0, 0 as never)).rejects.toThrow('0 is no SeekMode: Start is 1, Current 2, End 3');
    await expect(file.seek(NaN)).rejects.toThrow(saga.BadParameter);
  });

  test('places beyond 4 GiB', async () => {
    const far = 5 * 2 ** 30;
    await using file = await opened('', Flags.ReadWrite);
    expect(await file.seek(far)).toBe(far);
    await file.write(bytes('far away'));
    expect(await file.getSize()).toBe(far + 8);
    expect(await file.seek(-4, SeekMode.End)).toBe(far + 4);
    expect(await read(file, 9)).toBe('away');
    const part = Buffer.alloc(3);
    await file.readE('partial', `${String(far)},3`, part);
    expect(part.toString()).toBe('far');
    await file.seek(0);
    await file.readP(`(${String(far + 4)},${String(far + 6)},3,1)`, part);
    expect(part.toString()).toBe('awa');
    expect((await stat(directory.at('file'))).blocks).toBeLessThan(1000);
  });

  test('the size is that of now', async () => {
    await using file = await opened('text');
    await truncate(directory.at('file'), 1_000_000);
    expect(await file.getSize()).toBe(1_000_000);
    await unlink(directory.at('file'));
    await expect(file.getSize()).rejects.toThrow(saga.DoesNotExist);
  });
});

describe('scattered I/O', () => {
  test('the parts are filled and written one after the other', async () => {
    await using file = await opened('0123456789', Flags.ReadWrite);
    const memory = Buffer.from('........');
    const parts = [new saga.IOVec(memory, 8, 2, 3), new saga.IOVec(2), new saga.IOVec(-1, undefined, 1, 2)];
    await file.readV(parts);
    expect(memory.toString()).toBe('..012...');
    expect(parts.map((part) => part.getLenOut())).toEqual([3, 2, 2]);
    expect([...(parts[2]?.getData() ?? [])]).toEqual([0, 0x35, 0x36]);
    expect(await file.seek(0, SeekMode.Current)).toBe(7);

    await file.seek(0);
    await file.writeV([new saga.IOVec(bytes('abcd'), 4, 1), new saga.IOVec(bytes('xyz'), 3, 0, 2)]);
    expect(await content()).toBe('bcdxy56789');
    expect(await file.seek(0, SeekMode.Current)).toBe(5);
  });

  test('at the end of the file parts get less, and nothing', async () => {
    await using file = await opened('01234');
    const parts = [new saga.IOVec(3), new saga.IOVec(3), new saga.IOVec(3)];
    await file.readV(parts);
    expect(parts.map((part) => part.getLenOut())).toEqual([3, 2, 0]);
  });

  rule(
    273,
    'lenOut is -1 until the operation is complete, and then the size of memory of the implementation',
    async () => {
      await using file = await opened('0123456789');
      const part = new saga.IOVec(-1, undefined, 0, 4);
      const reading = file.readV([part]);
      expect(part.getLenOut()).toBe(-1);
      await reading;
      expect(part.getLenOut()).toBe(4);
      expect(part.getSize()).toBe(4);
      const failing = file.readV([part, new saga.IOVec(-1)]);
      await expect(failing).rejects.toThrow(saga.BadParameter);
      expect(part.getLenOut()).toBe(4);
    },
  );

  rule(270, 'what one part would throw is thrown, before anything is done', async () => {
    await using file = await opened('0123456789', Flags.ReadWrite);
    const good = (): saga.IOVec => new saga.IOVec(Buffer.from('ab'));
    const closed = good();
    closed.close();
    const small = new saga.IOVec(Buffer.alloc(4), 4, 2, 3);
    await expect(file.readV([good(), new saga.IOVec(-1)])).rejects.toThrow(saga.BadParameter);
    await expect(file.readV([good(), small])).rejects.toThrow("bytes up to 5 don't fit into a buffer of 4");
    await expect(file.readV([good(), closed])).rejects.toThrow(saga.IncorrectState);
    await expect(file.writeV([good(), new saga.IOVec(-1)])).rejects.toThrow(saga.BadParameter);
    await expect(file.writeV([good(), closed])).rejects.toThrow(saga.IncorrectState);
    await expect(file.writeV([good(), new saga.IOVec(2, undefined, 3)])).rejects.toThrow(saga.BadParameter);
    await expect(file.writeV(Buffer.from('ab') as never)).rejects.toThrow('takes a list of IOVec');
    await expect(file.readV([Buffer.alloc(2)] as never)).rejects.toThrow(saga.BadParameter);
    expect(await file.seek(0, SeekMode.Current)).toBe(0);
    expect(await content()).toBe('0123456789');
  });
});

describe('a closed file', () => {
  test('refuses every call but close', async () => {
    const file = await opened('text', Flags.ReadWrite);
    await file.close();
    await file.close();
    const calls = [
      () => file.getSize(),
      () => file.read(Buffer.alloc(1)),
      () => file.write(Buffer.alloc(1)),
      () => file.seek(0),
      () => file.readV([]),
      () => file.writeV([]),
      () => file.sizeP('(0,1,2,3)'),
      () => file.readP('(0,1,2,3)', new saga.Buffer()),
      () => file.writeP('(0,1,2,3)', new saga.Buffer()),
      () => file.modesE(),
      () => file.sizeE('partial', '0,1'),
      () => file.readE('partial', '0,1', new saga.Buffer()),
      () => file.writeE('partial', '0,1', new saga.Buffer()),
    ];
    for (const call of calls) await expect(call()).rejects.toThrow(saga.IncorrectState);
    for (const call of [() => file.readable(), () => file.writable(), () => file.clone()]) {
      expect(call).toThrow(saga.IncorrectState);
      expect(call).toThrow('is closed; open it again');
    }
  });

  test('a clone has a pointer of its own, and stays open', async () => {
    const file = await opened('0123456789', Flags.ReadWrite);
    await read(file, 3);
    await using copy = file.clone();
    expect(copy.getId()).not.toBe(file.getId());
    expect(await read(copy, 3)).toBe('345');
    expect(await read(file, 3)).toBe('345');
    await file.close();
    expect(await read(copy, 3)).toBe('678');
    await copy.write(bytes('!'));
    expect(await content()).toBe('012345678!');
  });

  if (process.platform === 'linux') {
    test('no descriptor stays open', async () => {
      const files = async (): Promise<string[]> => {
        const names = await readdir('/proc/self/fd');
        const targets = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')));
        return targets.filter((target) => target.startsWith(directory.path));
      };
      const file = await opened('text', Flags.ReadWrite);
      const copy = file.clone();
      expect(await files()).toEqual([directory.at('file')]);
      await file.close();
      expect(await read(copy, 4)).toBe('text');
      await copy.close();
      expect(await files()).toEqual([]);
    });
  }
});
