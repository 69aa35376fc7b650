/**
 * One file copied. It is made under another name in the directory of the target, and gets its own name when it is whole: so
 * the target is the old file or the new one at each instant, whoever is killed.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fdatasyncSync,
  fstatSync,
  futimesSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
} from 'node:fs';

import type { CallOptions } from '../../saga/core/call-options.js';
import { AlreadyExists, BadParameter } from '../../saga/core/exceptions.js';
import type { CopyMode } from '../../saga/spi/file.js';
import { copyContent } from './content.js';
import { Directory } from './directory.js';
import { KEPT_BITS } from './entries.js';
import { failureOf } from './errors.js';
import { giveName } from './give-name.js';
import { nameOf, type NativePath, nativePath, parentOf, partName } from './native-path.js';
import { requireFile } from './open-file.js';
import { Watch } from './watch.js';

const { O_CREAT, O_EXCL, O_RDONLY, O_WRONLY } = constants;
// Windows has neither.
const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants>;

/** A file that is to be copied. */
export interface Source {
  readonly fd: number;
  readonly stats: Stats;
}

/** As `FileServerCopy.copyFile`. */
export async function copyFile(source: string, target: string, mode: CopyMode, options: CallOptions): Promise<void> {
  const watch = new Watch(options);
  watch.begin(source);
  const input = openSource(nativePath(source), source, true);
  try {
    const directory = Directory.open(parentOf(target), true);
    try {
      await replaceWith(input, directory, nameOf(target), mode, watch);
    } catch (error) {
      throw failureOf(`copying '${source}' to '${target}'`, error);
    } finally {
      directory.close();
    }
  } finally {
    closeSync(input.fd);
  }
}

/** @throws BadParameter for what is no regular file. */
export function openSource(way: NativePath, path: string, follow: boolean): Source {
  const fd = openSync(way, O_RDONLY | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
  try {
    const stats = fstatSync(fd);
    requireFile(path, stats);
    return { fd, stats };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Puts a copy in the place of what may be there. The copy of a file that is replaced is on the disk before. */
export async function replaceWith(
  source: Source,
  directory: Directory,
  name: string,
  mode: CopyMode,
  watch: Watch,
): Promise<void> {
  const place = directory.entry(name);
  const old = lstatSync(place, { throwIfNoEntry: false });
  if (old) requireReplaceable(source, old, directory.pathOf(name), mode);
  const part = partName();
  try {
    await makeCopy(source, directory, part, mode, watch, old !== undefined);
    watch.check();
    if (mode.overwrite) renameSync(directory.entry(part), place);
    else giveName(directory.entry(part), place);
  } catch (error) {
    discard(directory.entry(part));
    throw error;
  }
}

/**
 * Makes a copy under a name that nothing has.
 * @throws AlreadyExists when something has it; else nothing is left under the name when this fails.
 */
export async function makeCopy(
  source: Source,
  directory: Directory,
  name: string,
  { preserve }: CopyMode,
  watch: Watch,
  sync = false,
): Promise<void> {
  const { fd: input, stats } = source;
  const place = directory.entry(name);
  // What the source does not grant, and what the umask takes, nobody gets: as cp(1) does it.
  const output = openSync(place, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, stats.mode & 0o777);
  try {
    await copyContent(input, output, stats, watch);
    if (preserve) {
      fchmodSync(output, stats.mode & KEPT_BITS);
      futimesSync(output, stats.atimeMs / 1000, stats.mtimeMs / 1000);
    }
    if (sync) fdatasyncSync(output);
  } catch (error) {
    discard(place);
    throw error;
  } finally {
    closeSync(output);
  }
}

function requireReplaceable({ stats }: Source, old: Stats, path: string, { overwrite }: CopyMode): void {
  if (old.isDirectory()) throw new AlreadyExists(`'${path}' is a directory, which no file replaces`);
  if (!overwrite) throw new AlreadyExists(`'${path}' is there already; the flag Overwrite replaces it`);
  if (old.dev === stats.dev && old.ino === stats.ino) {
    throw new BadParameter(`'${path}' is the file that is to be copied`);
  }
}

function discard(path: NativePath): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not made, or has its name: the failure that led here is what the caller is to hear of.
  }
}
