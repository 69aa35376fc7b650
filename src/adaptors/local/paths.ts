/** Paths of a job, looked at as its keeper will. Synchronous: asking a thread costs more than these few system calls. */
import { accessSync, statSync, type Stats } from 'node:fs';
import { isAbsolute } from 'node:path';

import { DoesNotExist } from '../../saga/core/exceptions.js';
import { encodeNative } from '../../saga/core/native-string.js';
import type { JobSpec } from '../../saga/spi/job.js';
import { withoutIndex } from './array.js';

/**
 * A path that may be relative, by the directory that it is relative to. Not resolved: after a symbolic link `..` is not what
 * it looks like.
 */
export function absolute(directory: string, path: string): string {
  return isAbsolute(path) ? path : `${directory}/${path}`;
}

/** The directory of this program, to which it writes relative paths. */
export function ownDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new DoesNotExist('the directory of this program was removed; set WorkingDirectory to an absolute path', {
      cause,
    });
  }
}

/**
 * The absolute working directory of a job; a relative one is relative to the submitter's. In that of an array, `%a` and `%%` mean
 * what they mean in its description.
 */
export function workingDirectoryOf({ workingDirectory = '.', array }: JobSpec): string {
  // The program's own may be gone; who names another does not need it.
  if (isAbsolute(workingDirectory)) return workingDirectory;
  const own = array === undefined ? ownDirectory() : withoutIndex(ownDirectory());
  return workingDirectory === '.' ? own : absolute(own, workingDirectory);
}

/** Undefined when it is not there, or cannot be reached. */
export function lookAt(path: string): Stats | undefined {
  try {
    return statSync(nativePath(path), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

export function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(nativePath(path), mode);
    return true;
  } catch {
    return false;
  }
}

/** Node takes a path of any bytes as a Buffer; our strings keep such bytes as PEP 383 does. */
export function nativePath(path: string): Buffer {
  return Buffer.from(encodeNative(path));
}
