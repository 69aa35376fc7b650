/** Files that hold credentials: where a user keeps them, and whether nobody else can read them. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';

import { NoSuccess } from '../exceptions.js';

/** Bigger than any key, certificate chain or token. */
const LARGEST = 1024 * 1024;

/** A path below the home directory. */
export function inHome(...parts: string[]): string {
  return join(process.env['HOME'] ?? homedir(), ...parts);
}

/** A variable of the environment; undefined when it is empty, too. */
export function setting(name: string): string | undefined {
  const value = process.env[name]?.trim();
  return value === '' ? undefined : value;
}

/** The first of the paths where there is something. */
export function firstExisting(paths: readonly string[]): string | undefined {
  return paths.find((path) => existsSync(path));
}

/** The name of the user that runs the process; undefined where the system knows none for its uid. */
export function localUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? process.env['LOGNAME'];
  }
}

/**
 * The text of a credential file.
 *
 * @param what - What the file is to the user: `ssh key`.
 * @param secret - Whether group and others must not be able to read it.
 * @throws NoSuccess when it is missing, unreadable, no file, too large, or open to others; never with its contents.
 */
export async function readCredential(
  path: string,
  what: string,
  { secret, signal }: { secret: boolean; signal: AbortSignal | undefined },
): Promise<string> {
  try {
    const { mode, size, ...info } = await stat(path).then((s) => ({ mode: s.mode, size: s.size, file: s.isFile() }));
    if (!info.file) throw new NoSuccess(`the ${what} ${path} is not a file`);
    if (size > LARGEST) throw new NoSuccess(`the ${what} ${path} is too large for one`);
    if (secret && process.platform !== 'win32' && (mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw new NoSuccess(`the ${what} ${path} is open to others (mode ${octal}): run chmod 600 ${path}`);
    }
    return await readFile(path, { encoding: 'utf8', signal });
  } catch (e) {
    switch (codeOf(e)) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new NoSuccess(`the ${what} ${path} does not exist`, { cause: e });
      case 'EACCES':
      case 'EPERM':
        throw new NoSuccess(`the ${what} ${path} can't be read: permission denied`, { cause: e });
      default:
        throw e;
    }
  }
}

function codeOf(e: unknown): unknown {
  return typeof e === 'object' && e !== null && 'code' in e ? e.code : undefined;
}
