/** Renaming in one step. */
import type { BigIntStats } from 'node:fs';
import { lstat, realpath, rename as renameFile, unlink } from 'node:fs/promises';

import { AlreadyExists, DoesNotExist } from '../../saga/core/exceptions.js';
import { failureOf, isErrno } from './errors.js';
import { giveDirectoryName, giveName } from './give-name.js';
import { nameOf, nativePath, parentOf } from './native-path.js';

/** As `EntryRename.rename`. */
export async function rename(source: string, target: string, overwrite: boolean): Promise<void> {
  try {
    const there = await lookAt(source);
    if (!there) throw new DoesNotExist(`'${source}' does not exist`);
    const old = await lookAt(target);
    if (old) await replace(source, there, target, old, overwrite);
    else await renameToNew(source, there, target);
  } catch (error) {
    throw failureOf(`renaming '${source}' to '${target}'`, error);
  }
}

async function replace(
  source: string,
  there: BigIntStats,
  target: string,
  old: BigIntStats,
  overwrite: boolean,
): Promise<void> {
  if (there.dev === old.dev && there.ino === old.ino && (await isSameName(source, target))) return;
  if (!overwrite) throw new AlreadyExists(`'${target}' is there already; the flag Overwrite replaces it`);
  if (old.isDirectory()) throw new AlreadyExists(`'${target}' is a directory, which is not replaced`);
  if (there.isDirectory()) throw new AlreadyExists(`'${target}' is there already and no directory`);
  await renameFile(nativePath(source), nativePath(target));
  // Two names of one file: rename(2) leaves both.
  if (there.dev === old.dev && there.ino === old.ino) await unlink(nativePath(source));
}

/** Nothing is replaced that somebody else makes in this moment. */
async function renameToNew(source: string, there: BigIntStats, target: string): Promise<void> {
  if (there.isDirectory()) {
    giveDirectoryName(nativePath(source), nativePath(target), target);
  } else if (there.isFile() || process.platform === 'linux') {
    giveName(nativePath(source), nativePath(target));
  } else {
    // link(2) of a link is another name of what it leads to.
    await renameFile(nativePath(source), nativePath(target));
  }
}

async function isSameName(one: string, other: string): Promise<boolean> {
  if (nameOf(one) !== nameOf(other)) return false;
  const [place, otherPlace] = await Promise.all(
    [one, other].map((path) => realpath(nativePath(parentOf(path)), 'buffer')),
  );
  return place !== undefined && otherPlace?.equals(place) === true;
}

async function lookAt(path: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(nativePath(path), { bigint: true });
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
