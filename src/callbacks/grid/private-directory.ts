/** Directories that only the user can open: whoever can write there could make us run or believe anything. */
import { existsSync } from 'node:fs';
import { lstat, mkdir } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';

import { BadParameter, PermissionDenied } from '../../saga/core/exceptions.js';
import { codeOf } from './durable.js';

/**
 * Makes the directory 0700, and those that lead to it, when it is missing.
 * @throws BadParameter when it can be none, PermissionDenied when it cannot be made, is somebody else's, or others can write to it.
 */
export async function openPrivateDirectory(path: string): Promise<void> {
  if (!isAbsolute(path)) throw new BadParameter(`'${path}' must be an absolute path`);
  await makeDirectory(path);
  const found = await lstat(path);
  if (!found.isDirectory()) throw new BadParameter(`${path} is no directory`);
  if (process.getuid && found.uid !== process.getuid()) {
    throw new PermissionDenied(
      `${path} belongs to user ${String(found.uid)}, not to you (${String(process.getuid())})`,
    );
  }
  if ((found.mode & 0o022) !== 0) {
    throw new PermissionDenied(`${path} is writable by others; run: chmod 700 '${path}'`);
  }
}

/** Step by step: the recursive mkdir of Node never ends where a directory that is there answers ENOENT, as /proc does. */
async function makeDirectory(path: string): Promise<void> {
  if (existsSync(path)) return;
  await makeDirectory(dirname(path));
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'EEXIST') return; // another process was faster
    const message = `cannot make the directory ${path} (${code})`;
    if (['EACCES', 'EPERM', 'EROFS'].includes(code)) throw new PermissionDenied(message, { cause });
    if (['ENOENT', 'ENOTDIR'].includes(code)) throw new BadParameter(message, { cause });
    throw cause;
  }
}
