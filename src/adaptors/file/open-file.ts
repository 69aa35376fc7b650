/** Regular files that are open. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { BadParameter } from '../../saga/core/exceptions.js';
import type { ReadableFile, WritableFile, WriteMode } from '../../saga/spi/file.js';
import { nativePath } from './native-path.js';

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY } = constants;
// Nobody has to wait for the other end of a pipe to learn that it is no file. Windows has neither the flag nor the pipes.
const O_NONBLOCK = (constants as Partial<typeof constants>).O_NONBLOCK ?? 0;

/** What a new file may be at most; the umask takes the rest. */
const NEW_FILE = 0o666;

export function openRead(path: string): Promise<OpenFile> {
  return opened(path, O_RDONLY);
}

export function openWrite(path: string, mode: WriteMode): Promise<OpenFile> {
  return opened(path, O_WRONLY | flagsOf(mode));
}

export function openReadWrite(path: string, mode: WriteMode): Promise<OpenFile> {
  return opened(path, O_RDWR | flagsOf(mode));
}

function flagsOf({ create, exclusive, truncate }: WriteMode): number {
  return (create ? O_CREAT | (exclusive ? O_EXCL : 0) : 0) | (truncate ? O_TRUNC : 0);
}

async function opened(path: string, flags: number): Promise<OpenFile> {
  const handle = await open(nativePath(path), flags | O_NONBLOCK, NEW_FILE);
  try {
    requireFile(path, await handle.stat());
    return new OpenFile(handle);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** @throws BadParameter for what is no regular file. */
export function requireFile(path: string, stats: { isFile(): boolean; isDirectory(): boolean }): void {
  if (stats.isFile()) return;
  throw new BadParameter(
    stats.isDirectory()
      ? `'${path}' is a directory, not a file`
      : `'${path}' is a device, a pipe or a socket, not a file`,
  );
}

class OpenFile implements ReadableFile, WritableFile {
  readonly #handle: FileHandle;
  #closing: Promise<void> | undefined;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    if (into.length === 0) return 0;
    return (await this.#handle.read(into, 0, into.length, position)).bytesRead;
  }

  async write(from: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < from.length;) {
      const { bytesWritten } = await this.#handle.write(from, done, from.length - done, position + done);
      done += bytesWritten;
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#handle.close());
  }
}
