/** `$XOSAGA_HOME` (docs/state.md, "Layout"): found, made, and refused when it is not the user's own or too new. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

import { BadParameter, NoSuccess, PermissionDenied } from '../../saga/core/exceptions.js';

const LAYOUT = 1;

/**
 * The directory of the local jobs, made when it is missing.
 * @throws PermissionDenied when it cannot be made or others could write to it, BadParameter when it cannot be a directory, NoSuccess when it was written by a newer xosaga.
 */
export function openHome(): string {
  const home = process.env['XOSAGA_HOME'] ?? join(homeOfUser(), '.xosaga');
  if (!isAbsolute(home)) throw new BadParameter(`XOSAGA_HOME is '${home}'; it must be an absolute path`);
  const directory = join(home, 'local');
  makeDirectory(home);
  requireOwn(home);
  makeDirectory(directory);
  requireLayout(join(directory, 'LAYOUT'));
  return directory;
}

function homeOfUser(): string {
  let found = '';
  try {
    found = homedir();
  } catch {
    // A user whom the system does not know, as containers have them.
  }
  if (isAbsolute(found)) return found;
  throw new BadParameter(`the home directory of this user is '${found}' (HOME); set XOSAGA_HOME to an absolute path`);
}

/** Step by step: the recursive mkdir of Node never ends where a directory that is there answers ENOENT, as /proc does. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    const code = String((cause as NodeJS.ErrnoException).code);
    if (code === 'EEXIST') return; // another process was faster
    const message = `cannot make the directory ${path} (${code}); set XOSAGA_HOME to a directory that you may write`;
    if (['EACCES', 'EPERM', 'EROFS'].includes(code)) throw new PermissionDenied(message, { cause });
    if (['ENOENT', 'ENOTDIR'].includes(code)) throw new BadParameter(message, { cause });
    throw cause;
  }
}

/**
 * Another user who can write here could make us run or believe anything. Who can only look finds closed directories; the mode of
 * one that was there before is not ours to change: it may be that of /.
 */
function requireOwn(home: string): void {
  const { uid, mode } = statSync(home);
  if (process.getuid && uid !== process.getuid()) {
    throw new PermissionDenied(
      `${home} belongs to user ${String(uid)}, not to you (${String(process.getuid())}); set XOSAGA_HOME to a directory of yours`,
    );
  }
  if ((mode & 0o022) !== 0) {
    throw new PermissionDenied(`${home} is writable by others; run: chmod 700 '${home}'`);
  }
}

function requireLayout(file: string): void {
  const found = readLayout(file);
  if (found === undefined) {
    writeFileSync(file, `${String(LAYOUT)}\n`, { mode: 0o600 });
  } else if (found > LAYOUT) {
    throw new NoSuccess(
      `${file} says ${String(found)}, this xosaga knows ${String(LAYOUT)}: the state was written by a newer xosaga. ` +
        'Upgrade, or set XOSAGA_HOME to another directory',
    );
  }
}

/** Undefined when there is no layout yet, or an empty file: a crash between its making and its writing. */
function readLayout(file: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
  if (text === '') return undefined;
  if (!/^\d+$/.test(text)) throw new NoSuccess(`${file} is damaged: it should hold the layout version, a number`);
  return Number(text);
}
