/**
 * A tree copied, in turns of the event loop. Directories are held open on both sides, so that no link that is put in their
 * place leads out of the tree. What is new is made beside its place, and gets its name when it is whole.
 */
import {
  closeSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs';

import type { CallOptions } from '../../saga/core/call-options.js';
import { AlreadyExists, BadParameter, SagaException } from '../../saga/core/exceptions.js';
import { decodeNative } from '../../saga/core/native-string.js';
import type { CopyMode, ListedEntry } from '../../saga/spi/file.js';
import { makeCopy, openSource, replaceWith } from './copy-file.js';
import { Directory } from './directory.js';
import { KEPT_BITS } from './entries.js';
import { failureOf } from './errors.js';
import { giveDirectoryName } from './give-name.js';
import { Entries, turns } from './listing.js';
import { nameOf, nativeName, parentOf, partName } from './native-path.js';
import { removeWithin } from './remove-tree.js';
import { Watch } from './watch.js';

/** Its owner may do everything while it is being filled. */
const OWNER = 0o700;

/** A directory that is being copied, and where to. */
interface Level {
  readonly source: Directory;
  readonly stats: Stats;
  readonly target: Directory;
  /** It was there before: what is in it may meet what is in the source. */
  readonly merges: boolean;
  /** It has a name of its own only when it is whole. */
  readonly staged?: Staged;
  readonly entries: Entries;
}

interface Staged {
  readonly parent: Directory;
  readonly part: string;
  readonly name: string;
}

/** As `FileTree.copyTree`. */
export async function copyTree(source: string, target: string, mode: CopyMode, options: CallOptions): Promise<void> {
  const parent = Directory.open(parentOf(target), true);
  try {
    await new TreeCopy(mode, options).run(source, parent, nameOf(target));
  } finally {
    parent.close();
  }
}

class TreeCopy {
  readonly #mode: CopyMode;
  readonly #watch: Watch;
  /** From the root to where the copy is. */
  readonly #levels: Level[] = [];

  constructor(mode: CopyMode, options: CallOptions) {
    this.#mode = mode;
    this.#watch = new Watch(options);
  }

  async run(path: string, parent: Directory, name: string): Promise<void> {
    try {
      this.#enterRoot(path, parent, name);
      for (let level = this.#levels.at(-1); level; level = this.#levels.at(-1)) {
        const entry = level.entries.next();
        if (!entry) this.#leave(level);
        else if (entry.kind === 'directory') this.#enter(level, entry.name);
        else await this.#copy(level, entry);
        this.#watch.check();
        if (turns.isOver) await turns.next();
      }
    } catch (error) {
      const staged = this.#levels.find((level) => level.staged)?.staged;
      for (const level of this.#levels) release(level);
      if (staged) await discard(staged);
      throw error;
    }
  }

  #enterRoot(path: string, parent: Directory, name: string): void {
    const source = Directory.open(path, false);
    try {
      // '/' has no name in its parent.
      const old = name === '' ? parent.stat() : lstatSync(parent.entry(name), { throwIfNoEntry: false });
      if (old && !this.#mode.overwrite) throw new AlreadyExists(`'${parent.pathOf(name)}' is there already`);
      this.#levels.push(old ? this.#merged(source, parent, name, true) : this.#new(source, parent, name, true));
    } catch (error) {
      source.close();
      throw failureOf(`copying '${path}' to '${parent.pathOf(name)}'`, error);
    }
  }

  #enter(level: Level, name: string): void {
    let source: Directory | undefined;
    try {
      source = level.source.open(name);
      this.#refuseItself(source);
      const isThere = level.merges && lstatSync(level.target.entry(name), { throwIfNoEntry: false }) !== undefined;
      this.#levels.push(
        isThere ? this.#merged(source, level.target, name, false) : this.#new(source, level.target, name, level.merges),
      );
    } catch (error) {
      source?.close();
      throw failureOf(`copying '${level.source.pathOf(name)}' to '${level.target.pathOf(name)}'`, error);
    }
  }

  #merged(source: Directory, parent: Directory, name: string, isRoot: boolean): Level {
    const target = isRoot ? Directory.open(parent.pathOf(name), true) : openToMerge(parent, name);
    return levelOf(source, target, { merges: true });
  }

  #new(source: Directory, parent: Directory, name: string, stage: boolean): Level {
    const staged = stage ? { parent, part: partName(), name } : undefined;
    const made = staged?.part ?? name;
    const stats = source.stat();
    mkdirSync(parent.entry(made), (stats.mode & 0o777) | OWNER);
    try {
      return levelOf(source, parent.open(made), { merges: false, ...(staged && { staged }) });
    } catch (error) {
      // It is nobody's yet who would remove it.
      rmdirSync(parent.entry(made));
      throw error;
    }
  }

  /** What is copied into itself never ends. */
  #refuseItself(source: Directory): void {
    const { dev, ino } = source.stat();
    const root = this.#levels[0]?.target.stat();
    if (root?.dev === dev && root.ino === ino) {
      throw new BadParameter(`'${source.path}' is where the copy is made: a directory cannot be copied into itself`);
    }
  }

  async #copy({ source, target, merges }: Level, { name, kind }: ListedEntry): Promise<void> {
    const path = source.pathOf(name);
    try {
      if (kind === 'link') {
        copyLink(source, target, name, merges, this.#mode);
        return;
      }
      if (kind === 'other') throw new BadParameter('a device, a pipe or a socket has no content that could be copied');
      this.#watch.begin(path);
      const input = openSource(source.entry(name), path, false);
      try {
        if (merges) await replaceWith(input, target, name, this.#mode, this.#watch);
        else await makeCopy(input, target, name, this.#mode, this.#watch);
      } finally {
        closeSync(input.fd);
      }
    } catch (error) {
      throw failureOf(`copying '${path}' to '${target.pathOf(name)}'`, error);
    }
  }

  #leave(level: Level): void {
    const { stats, target, staged, merges } = level;
    if (this.#mode.preserve) {
      target.setMode(stats.mode & KEPT_BITS);
      target.setTimes(stats);
    } else if (!merges && (stats.mode & OWNER) !== OWNER) {
      target.setMode(target.stat().mode & (stats.mode | ~OWNER) & 0o777);
    }
    if (staged) {
      const { parent, part, name } = staged;
      giveDirectoryName(parent.entry(part), parent.entry(name), parent.pathOf(name));
    }
    this.#levels.pop();
    release(level);
  }
}

function levelOf(source: Directory, target: Directory, how: Pick<Level, 'merges' | 'staged'>): Level {
  return { source, target, stats: source.stat(), entries: new Entries(source), ...how };
}

function release({ source, target, entries }: Level): void {
  entries.close();
  source.close();
  target.close();
}

/** @throws AlreadyExists for anything but a directory: a link in its place may lead anywhere. */
function openToMerge(parent: Directory, name: string): Directory {
  try {
    return parent.open(name);
  } catch (cause) {
    if (!SagaException.is(cause) || cause.code !== 'BadParameter') throw cause;
    throw new AlreadyExists(`'${parent.pathOf(name)}' is there already and no directory`, { cause });
  }
}

function copyLink(source: Directory, target: Directory, name: string, merges: boolean, mode: CopyMode): void {
  const text = nativeName(decodeNative(readlinkSync(source.entry(name), { encoding: 'buffer' })));
  const place = target.entry(name);
  const old = merges ? lstatSync(place, { throwIfNoEntry: false }) : undefined;
  if (old?.isDirectory()) throw new AlreadyExists(`'${target.pathOf(name)}' is a directory, which no link replaces`);
  const made = old ? target.entry(partName()) : place;
  symlinkSync(text, made);
  if (mode.preserve) {
    const { atimeMs, mtimeMs } = lstatSync(source.entry(name));
    lutimesSync(made, atimeMs / 1000, mtimeMs / 1000);
  }
  if (!old) return;
  try {
    renameSync(made, place);
  } catch (error) {
    unlinkSync(made);
    throw error;
  }
}

async function discard({ parent, part }: Staged): Promise<void> {
  try {
    await removeWithin(parent, part, { isOurs: true });
  } catch {
    // The failure that led here is what the caller is to hear of.
  }
}
