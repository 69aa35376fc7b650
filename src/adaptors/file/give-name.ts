/** The last step of a copy or a move: what is whole gets a name that nothing may have. */
import { linkSync, lstatSync, renameSync, unlinkSync } from 'node:fs';

import { AlreadyExists } from '../../saga/core/exceptions.js';
import { isErrno } from './errors.js';
import type { NativePath } from './native-path.js';

/** As rename(2), but for a name that nothing may have: only link(2) says that in one step. */
export function giveName(from: NativePath, to: NativePath): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (isErrno(error, 'EEXIST')) throw error;
    // No hard links, as on FAT: as near as it gets.
    if (lstatSync(to, { throwIfNoEntry: false })) {
      throw Object.assign(new Error('EEXIST: file already exists', { cause: error }), { code: 'EEXIST' });
    }
    renameSync(from, to);
    return;
  }
  unlinkSync(from);
}

/**
 * The same for a directory. There is no step that wants the name free; but rename(2) replaces by a directory only an empty
 * one, so that nothing is lost of what somebody else makes after the look. To make that one first would leave it when the
 * program is killed in between.
 * @param path - `to` for people.
 * @throws AlreadyExists
 */
export function giveDirectoryName(from: NativePath, to: NativePath, path: string): void {
  if (lstatSync(to, { throwIfNoEntry: false })) throw new AlreadyExists(`'${path}' is there already`);
  try {
    renameSync(from, to);
  } catch (cause) {
    const isInTheWay = isErrno(cause, 'ENOTEMPTY', 'EEXIST', 'ENOTDIR') && lstatSync(to, { throwIfNoEntry: false });
    if (!isInTheWay) throw cause;
    throw new AlreadyExists(`'${path}' is there already`, { cause });
  }
}
