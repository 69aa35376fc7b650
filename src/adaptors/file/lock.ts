/**
 * Locks between programs of this machine. The system itself holds them and frees them in the moment in which their holder
 * ends, however it ends: on Linux a socket of an abstract name (unix(7)) made of device and inode, for Node has no flock(2);
 * on macOS and BSD a lock of the file, which open(2) takes there.
 */
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer } from 'node:net';

import { NoSuccess, NotImplemented } from '../../saga/core/exceptions.js';
import { isErrno } from './errors.js';
import { nativePath } from './native-path.js';

/** open(2) of Linux: a descriptor that holds the entry and needs no right to read it. Node has no name for it. */
const O_PATH = 0o10000000;
/** open(2) of macOS and BSD. */
const O_EXLOCK = 0x20;

/** As `EntryLock.lock`. */
export async function lock(path: string): Promise<() => Promise<void>> {
  if (process.platform === 'linux') return lockByName(path);
  if (process.platform === 'darwin' || process.platform === 'freebsd') return lockByOpening(path);
  throw new NotImplemented(`there are no locks on ${process.platform}`);
}

async function lockByName(path: string): Promise<() => Promise<void>> {
  // Held as long as the lock: else another file could get the number of one that is removed.
  const handle = await open(nativePath(path), O_PATH);
  try {
    const { dev, ino } = await handle.stat({ bigint: true });
    const server = createServer((socket) => {
      socket.destroy();
    });
    // Exclusive: the workers of a cluster (node:cluster) would share it.
    server.listen({ path: `\0xosaga-lock-${dev}-${ino}`, exclusive: true });
    await once(server, 'listening');
    server.unref();
    return releaseOnce(async () => {
      const closed = once(server, 'close');
      server.close();
      await closed;
      await handle.close();
    });
  } catch (error) {
    await handle.close();
    throw isErrno(error, 'EADDRINUSE') ? held(path, error) : error;
  }
}

async function lockByOpening(path: string): Promise<() => Promise<void>> {
  let handle: FileHandle;
  try {
    handle = await open(nativePath(path), constants.O_RDONLY | constants.O_NONBLOCK | O_EXLOCK);
  } catch (error) {
    throw isErrno(error, 'EAGAIN', 'EWOULDBLOCK') ? held(path, error) : error;
  }
  return releaseOnce(() => handle.close());
}

function releaseOnce(release: () => Promise<void>): () => Promise<void> {
  let released: Promise<void> | undefined;
  return () => (released ??= release());
}

function held(path: string, cause: unknown): NoSuccess {
  return new NoSuccess(
    `'${path}' is locked by another open entry, of this program or of another one; try again later`,
    {
      cause,
    },
  );
}
