/** A tree removed, in turns of the event loop. Directories are held open, so that no link leads out of the tree. */
import { lstatSync, rmdirSync, unlinkSync } from 'node:fs';

import { type CallOptions, throwIfAborted } from '../../saga/core/call-options.js';
import { BadParameter, DoesNotExist } from '../../saga/core/exceptions.js';
import { Directory } from './directory.js';
import { failureOf, isErrno } from './errors.js';
import { Entries, turns } from './listing.js';
import { nameOf, parentOf } from './native-path.js';

/** How often a directory is listed again in which something was left: others may put things into it meanwhile. */
const MOST_LISTINGS = 10;

interface RemoveOptions extends CallOptions {
  /** A copy that failed: its directories may have modes that keep even their owner from removing what is in them. */
  readonly isOurs?: boolean;
}

/** A directory that is being emptied. */
interface Level {
  readonly parent: Directory;
  readonly name: string;
  readonly directory: Directory;
  entries: Entries;
  listings: number;
}

/** As `FileTree.removeTree`. */
export async function removeTree(path: string, options: CallOptions): Promise<void> {
  const name = nameOf(path);
  if (name === '') throw new BadParameter("'/' is not removed");
  const parent = Directory.open(parentOf(path), true);
  try {
    await removeWithin(parent, name, options);
  } finally {
    parent.close();
  }
}

/** Removes the entry of the directory, and everything beneath it. */
export async function removeWithin(parent: Directory, name: string, options: RemoveOptions): Promise<void> {
  const root = lstatSync(parent.entry(name), { throwIfNoEntry: false });
  if (!root) throw new DoesNotExist(`'${parent.pathOf(name)}' does not exist`);
  if (!root.isDirectory()) {
    removeLeaf(parent, name);
    return;
  }
  const levels = [enter(parent, name, options)];
  try {
    for (let level = levels.at(-1); level; level = levels.at(-1)) {
      const entry = level.entries.next();
      if (!entry) {
        if (leave(level)) levels.pop();
      } else if (entry.kind === 'directory') levels.push(enter(level.directory, entry.name, options));
      else removeLeaf(level.directory, entry.name);
      throwIfAborted(options);
      if (turns.isOver) await turns.next();
    }
  } finally {
    for (const level of levels) release(level);
  }
}

function enter(parent: Directory, name: string, { isOurs }: RemoveOptions): Level {
  const directory = named(parent, name, () => parent.open(name));
  if (isOurs) directory.setMode(0o700);
  return { parent, name, directory, entries: new Entries(directory), listings: 1 };
}

/** @returns whether the directory is gone, else it is to be emptied again. */
function leave(level: Level): boolean {
  const { parent, name, directory } = level;
  try {
    rmdirSync(parent.entry(name));
  } catch (error) {
    if (isErrno(error, 'ENOTEMPTY', 'EEXIST') && level.listings < MOST_LISTINGS) {
      level.listings += 1;
      level.entries.close();
      level.entries = new Entries(directory);
      return false;
    }
    if (!isErrno(error, 'ENOENT')) throw failureOf(`removing '${directory.path}'`, error);
  }
  release(level);
  return true;
}

/** What somebody else has removed meanwhile is removed. */
function removeLeaf(directory: Directory, name: string): void {
  named(directory, name, () => {
    try {
      unlinkSync(directory.entry(name));
    } catch (error) {
      if (!isErrno(error, 'ENOENT')) throw error;
    }
  });
}

function named<T>(directory: Directory, name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw failureOf(`removing '${directory.pathOf(name)}'`, error);
  }
}

function release({ directory, entries }: Level): void {
  entries.close();
  directory.close();
}
