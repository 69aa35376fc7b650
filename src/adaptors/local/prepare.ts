/** What can be known of a job before it is submitted: its files and directories, looked at as the launcher will. */
import { access, constants, stat } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';

import { BadParameter, DoesNotExist, PermissionDenied } from '../../saga/core/exceptions.js';
import { encodeNative } from '../../saga/core/native-string.js';
import type { JobSpec } from '../../saga/spi/job.js';

/** The absolute working directory of a job; a relative one is relative to the submitter's. */
export function workingDirectoryOf(spec: JobSpec): string {
  return resolve(spec.workingDirectory ?? '.');
}

/**
 * Looks at what the description names.
 * @throws DoesNotExist, BadParameter or PermissionDenied, naming the attribute and the path.
 */
export async function checkPaths(spec: JobSpec): Promise<void> {
  const cwd = workingDirectoryOf(spec);
  const directory = await stat(nativePath(cwd)).catch(() => undefined);
  if (!directory) throw new DoesNotExist(`WorkingDirectory '${cwd}' does not exist`);
  if (!directory.isDirectory()) throw new BadParameter(`WorkingDirectory '${cwd}' is not a directory`);
  await checkExecutable(spec, cwd);
  if (spec.interactive) return;
  if (spec.input !== undefined) await checkInput(resolve(cwd, spec.input));
  if (spec.output !== undefined) await checkParent('Output', resolve(cwd, spec.output));
  if (spec.error !== undefined) await checkParent('Error', resolve(cwd, spec.error));
}

async function checkExecutable(spec: JobSpec, cwd: string): Promise<void> {
  const executable = spec.executable ?? '';
  if (executable.includes('/')) {
    const path = resolve(cwd, executable);
    const file = await stat(nativePath(path)).catch(() => undefined);
    if (!file) throw new DoesNotExist(`Executable '${path}' does not exist`);
    if (file.isDirectory()) throw new BadParameter(`Executable '${path}' is a directory`);
    if (!(await isExecutable(path))) {
      throw new PermissionDenied(`Executable '${path}' is not executable; run: chmod +x '${path}'`);
    }
    return;
  }
  const path = pathOf(spec);
  for (const folder of path.split(delimiter)) {
    if (await isExecutable(join(resolve(cwd, folder), executable))) return;
  }
  throw new DoesNotExist(`Executable '${executable}' is not in the PATH of the job (${path})`);
}

/** The PATH in which the job's executable is searched: its own, else the submitter's. */
function pathOf(spec: JobSpec): string {
  const own = spec.environment?.findLast((entry) => entry.startsWith('PATH='));
  return own?.slice('PATH='.length) ?? process.env['PATH'] ?? '/usr/bin:/bin';
}

async function isExecutable(path: string): Promise<boolean> {
  return access(nativePath(path), constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function checkInput(path: string): Promise<void> {
  const file = await stat(nativePath(path)).catch(() => undefined);
  if (!file) throw new DoesNotExist(`Input '${path}' does not exist`);
  if (file.isDirectory()) throw new BadParameter(`Input '${path}' is a directory`);
  await access(nativePath(path), constants.R_OK).catch(() => {
    throw new PermissionDenied(`Input '${path}' cannot be read by this user`);
  });
}

async function checkParent(attribute: string, path: string): Promise<void> {
  const parent = dirname(path);
  const directory = await stat(nativePath(parent)).catch(() => undefined);
  if (!directory) throw new DoesNotExist(`${attribute} '${path}': its directory '${parent}' does not exist`);
  if (!directory.isDirectory()) throw new BadParameter(`${attribute} '${path}': '${parent}' is not a directory`);
}

/** Node takes a path of any bytes as a Buffer; our strings keep such bytes as PEP 383 does. */
function nativePath(path: string): Buffer {
  return Buffer.from(encodeNative(path));
}
