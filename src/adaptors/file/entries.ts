/** Single entries: looked at, made, linked and removed. */
import type { BigIntStats } from 'node:fs';
import { chmod, lstat, mkdir, readlink, rmdir, stat, symlink, unlink, utimes } from 'node:fs/promises';

import { BadParameter } from '../../saga/core/exceptions.js';
import { decodeNative } from '../../saga/core/native-string.js';
import type { EntryStat } from '../../saga/spi/file.js';
import { isErrno } from './errors.js';
import { kindOf } from './listing.js';
import { nativeName, nativePath } from './native-path.js';

/** The bits that are kept: those of files that run as somebody else are granted by their owner, not by a copy. */
export const KEPT_BITS = 0o1777;

/** As `EntryLookup.stat`. */
export async function statEntry(path: string, follow: boolean): Promise<EntryStat | undefined> {
  try {
    return described(await (follow ? stat : lstat)(nativePath(path), { bigint: true }));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}

function described(stats: BigIntStats): EntryStat {
  const kind = kindOf(stats);
  return {
    kind,
    size: kind === 'file' ? Number(stats.size) : 0,
    modified: stats.mtime,
    mode: Number(stats.mode) & 0o7777,
    identity: `${stats.dev}:${stats.ino}`,
  };
}

export async function makeDir(path: string): Promise<void> {
  await mkdir(nativePath(path));
}

export async function removeDir(path: string): Promise<void> {
  try {
    await rmdir(nativePath(path));
  } catch (error) {
    if (isErrno(error, 'ENOTDIR') && (await statEntry(path, false))) {
      throw new BadParameter(`'${path}' is no directory`, { cause: error });
    }
    throw error;
  }
}

export async function remove(path: string): Promise<void> {
  try {
    await unlink(nativePath(path));
  } catch (error) {
    // POSIX has EPERM for a directory, Linux EISDIR.
    if (isErrno(error, 'EPERM', 'EISDIR') && (await statEntry(path, false))?.kind === 'directory') {
      throw new BadParameter(`'${path}' is a directory, and needs the flag Recursive`, { cause: error });
    }
    throw error;
  }
}

export async function readLink(path: string): Promise<string> {
  return decodeNative(await readlink(nativePath(path), { encoding: 'buffer' }));
}

export async function makeLink(path: string, text: string): Promise<void> {
  await symlink(nativeName(text), nativePath(path));
}

/** Times are exact to the microsecond. */
export async function setMetadata(
  path: string,
  { mode, modified }: Pick<EntryStat, 'mode' | 'modified'>,
): Promise<void> {
  const native = nativePath(path);
  if (mode !== undefined) await chmod(native, mode & KEPT_BITS);
  if (modified) await utimes(native, new Date(), modified);
}
