/** `$XOSAGA_HOME` (docs/state.md, "Layout"): found, made, and refused when it is not the user's own or too new. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import { BadParameter, NoSuccess, PermissionDenied } from '../../saga/core/exceptions.js';

const LAYOUT = 1;

/**
 * The directory of the local jobs, made when it is missing.
 * @throws PermissionDenied when others could write to it, NoSuccess when it was written by a newer xosaga.
 */
export function openHome(): string {
  const home = process.env['XOSAGA_HOME'] ?? join(homedir(), '.xosaga');
  if (!isAbsolute(home)) throw new BadParameter(`XOSAGA_HOME is '${home}'; it must be an absolute path`);
  const directory = join(home, 'local');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  requireOwn(home);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  requireLayout(join(directory, 'LAYOUT'));
  return directory;
}

/** Another user who can write here could make us run or believe anything. */
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
  if ((mode & 0o055) !== 0) chmodSync(home, 0o700);
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
