/** Files and directories that a power cut does not take: synced, and synced where they are named. */
import { close, closeSync, constants, fsync, open, openSync, renameSync, writeSync, fsyncSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { NoSuccess } from '../../saga/core/exceptions.js';

/** Not to wait, should it be a FIFO, and not to follow where somebody else leads. */
export const FOR_READING: number = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/** Some file systems cannot sync a directory, and need not be asked. */
const NOT_SYNCED: readonly string[] = ['EINVAL', 'ENOTSUP'];

const opened = promisify(open);
const synced = promisify(fsync);
const closed = promisify(close);

/** Makes the entries of a directory durable. */
export async function syncDirectory(path: string | Buffer): Promise<void> {
  const fd = await opened(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await synced(fd);
  } catch (error) {
    if (!NOT_SYNCED.includes(codeOf(error))) throw error;
  } finally {
    await closed(fd);
  }
}

/**
 * Writes a whole file so that others see all of it or none, and no power cut takes it back: hidden, synced, renamed, and the
 * directory synced. One that is there is replaced.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  const hidden = join(dirname(path), `.${basename(path)}`);
  // In a directory of ours nobody else can have laid a link there; what is there is left from a kill.
  const fd = openSync(hidden, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
  try {
    const bytes = Buffer.from(text);
    if (writeSync(fd, bytes) !== bytes.length) throw noSpace(path);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(hidden, path);
  await syncDirectory(dirname(path));
}

/** A write that was not whole: the disk is full. */
export function noSpace(path: string): NoSuccess {
  return new NoSuccess(`${path} could be written only in part: there is no space left on the disk`);
}

/** The errno name of an error of the system, else ''. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? '';
}
