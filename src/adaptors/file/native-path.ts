/** Paths as the functions of `node:fs` take them. */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';

import { BadParameter } from '../../saga/core/exceptions.js';
import { encodeNative } from '../../saga/core/native-string.js';

/** Text where UTF-8 is exact, bytes where it is not. */
export type NativePath = string | Buffer;

// With the u flag surrogates match only where they are not half of a pair.
const NEEDS_BYTES = /[\0\ud800-\udfff]/u;

/** @throws BadParameter for a path that no file of this system can have. */
export function nativePath(path: string): NativePath {
  return process.platform === 'win32' ? windowsPath(path) : nativeName(path);
}

/** As `nativePath`, for the name of an entry and the text of a link. */
export function nativeName(name: string): NativePath {
  return NEEDS_BYTES.test(name) ? Buffer.from(encodeNative(name, 'the path')) : name;
}

/** `/C:/data` is `C:/data`. */
function windowsPath(path: string): string {
  if (!/^\/[a-z]:(?:\/|$)/i.test(path) || /[\0\\]/.test(path)) {
    throw new BadParameter(`'${path}' names no file of Windows; write file:///C:/directory/name`);
  }
  const inDrive = path.slice(1);
  return inDrive.length === 2 ? `${inDrive}/` : inDrive;
}

/** The path of the directory that an entry is in. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A name for what is not complete, in the directory in which it will have its own: short, whatever that is. */
export function partName(): string {
  return `.xosaga-${randomBytes(8).toString('hex')}.part`;
}
