/**
 * A directory that is held open, and the entries in it reached through the descriptor: wherever it is moved, and whatever is
 * put in its place meanwhile, names mean entries of this directory. It is what openat(2) and its like are for, which Node
 * does not have: on Linux /proc/self/fd does the same.
 */
import { Buffer } from 'node:buffer';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lstatSync,
  openSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs';

import { BadParameter } from '../../saga/core/exceptions.js';
import { isErrno } from './errors.js';
import { nativeName, type NativePath, nativePath } from './native-path.js';

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;

let descriptors: string | undefined;

/** Where the system shows the descriptors of this process as paths; empty where it does not, and the path itself is used. */
function descriptorsPath(): string {
  return (descriptors ??= process.platform === 'linux' ? findDescriptors() : '');
}

/** By the number behind `self`, which is looked up with every path otherwise. */
function findDescriptors(): string {
  try {
    return `/proc/${readlinkSync('/proc/self')}/fd`;
  } catch {
    return '';
  }
}

export class Directory {
  /** As it was opened. */
  readonly path: string;
  readonly #way: NativePath;
  /** Undefined on Windows, which opens no directories. */
  readonly #fd: number | undefined;

  private constructor(path: string, way: NativePath, fd: number | undefined) {
    this.path = path;
    const descriptors = fd === undefined ? '' : descriptorsPath();
    this.#way = descriptors === '' ? way : `${descriptors}/${String(fd)}`;
    this.#fd = fd;
  }

  /**
   * @param follow - A link to a directory is as good as a directory.
   * @throws BadParameter for what is no directory.
   */
  static open(path: string, follow: boolean): Directory {
    return Directory.#open(path, nativePath(path), follow);
  }

  static #open(path: string, way: NativePath, follow: boolean): Directory {
    const look = follow ? statSync : lstatSync;
    try {
      if (process.platform !== 'win32') {
        return new Directory(path, way, openSync(way, O_RDONLY | O_DIRECTORY | (follow ? 0 : O_NOFOLLOW)));
      }
      if (look(way).isDirectory()) return new Directory(path, way, undefined);
    } catch (error) {
      if (!isErrno(error, 'ENOTDIR', 'ELOOP') || !isThere(() => look(way))) throw error;
    }
    throw new BadParameter(`'${path}' is no directory`);
  }

  /** The directory itself, for functions that take a path. */
  get itself(): NativePath {
    return this.#way;
  }

  /** The entry of that name, for functions that take a path. */
  entry(name: string): NativePath {
    const native = nativeName(name);
    if (typeof native === 'string' && typeof this.#way === 'string') return `${this.#way}/${native}`;
    return Buffer.concat([Buffer.from(this.#way), Buffer.from('/'), Buffer.from(native)]);
  }

  /** The path of the entry, for people. */
  pathOf(name: string): string {
    return this.path === '/' ? `/${name}` : `${this.path}/${name}`;
  }

  /** A directory in it. @throws BadParameter for anything else, also a link to one. */
  open(name: string): Directory {
    return Directory.#open(this.pathOf(name), this.entry(name), false);
  }

  stat(): Stats {
    return this.#fd === undefined ? statSync(this.#way) : fstatSync(this.#fd);
  }

  /** Not on Windows. */
  setMode(mode: number): void {
    if (this.#fd !== undefined) fchmodSync(this.#fd, mode);
  }

  /** Not on Windows. */
  setTimes({ atimeMs, mtimeMs }: Stats): void {
    if (this.#fd !== undefined) futimesSync(this.#fd, atimeMs / 1000, mtimeMs / 1000);
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
  }
}

/** Whether there is something, and not merely something on the way to it. */
function isThere(look: () => unknown): boolean {
  try {
    look();
    return true;
  } catch {
    return false;
  }
}
