/** What can be known of a job before it is submitted: its files and directories, looked at as the launcher will. */
import { accessSync, constants, statSync, type Stats } from 'node:fs';
import { delimiter, dirname, isAbsolute, join } from 'node:path';

import { BadParameter, DoesNotExist, PermissionDenied } from '../../saga/core/exceptions.js';
import { encodeNative } from '../../saga/core/native-string.js';
import type { JobSpec } from '../../saga/spi/job.js';
import { isMpi, MPI_STARTER } from './variation.js';

/**
 * A path that may be relative, by the directory that it is relative to. Not resolved: after a symbolic link `..` is not what
 * it looks like.
 */
export function absolute(directory: string, path: string): string {
  return isAbsolute(path) ? path : `${directory}/${path}`;
}

function ownDirectory(): string {
  try {
    return process.cwd();
  } catch (cause) {
    throw new DoesNotExist('the directory of this program was removed; set WorkingDirectory to an absolute path', {
      cause,
    });
  }
}

/** The absolute working directory of a job; a relative one is relative to the submitter's. */
export function workingDirectoryOf({ workingDirectory = '.' }: JobSpec): string {
  // The program's own may be gone; who names another does not need it.
  if (isAbsolute(workingDirectory)) return workingDirectory;
  return workingDirectory === '.' ? ownDirectory() : absolute(ownDirectory(), workingDirectory);
}

/**
 * Looks at what the description names. Synchronous: asking a thread costs more than these few system calls.
 * @throws DoesNotExist, BadParameter or PermissionDenied, naming the attribute and the path.
 */
export function checkPaths(spec: JobSpec): void {
  const cwd = workingDirectoryOf(spec);
  const directory = lookAt(cwd);
  if (!directory) throw new DoesNotExist(`WorkingDirectory '${cwd}' does not exist`);
  if (!directory.isDirectory()) throw new BadParameter(`WorkingDirectory '${cwd}' is not a directory`);
  checkExecutable(spec, cwd);
  if (spec.interactive) return;
  if (spec.input !== undefined) checkInput(absolute(cwd, spec.input));
  if (spec.output !== undefined) checkTarget('Output', absolute(cwd, spec.output));
  if (spec.error !== undefined) checkTarget('Error', absolute(cwd, spec.error));
}

function checkExecutable(spec: JobSpec, cwd: string): void {
  if (isMpi(spec)) checkStarter(spec, cwd);
  if (spec.script !== undefined) return; // it is not there yet
  const executable = spec.executable ?? '';
  if (executable.includes('/')) {
    const path = absolute(cwd, executable);
    const file = lookAt(path);
    if (!file) throw new DoesNotExist(`Executable '${path}' does not exist`);
    if (file.isDirectory()) throw new BadParameter(`Executable '${path}' is a directory`);
    if (!isAllowed(path, constants.X_OK)) {
      throw new PermissionDenied(`Executable '${path}' is not executable; run: chmod +x '${path}'`);
    }
    return;
  }
  if (isInPath(executable, spec, cwd)) return;
  throw new DoesNotExist(`Executable '${executable}' is not in the PATH of the job (${pathOf(spec)})`);
}

function checkStarter(spec: JobSpec, cwd: string): void {
  if (isInPath(MPI_STARTER, spec, cwd)) return;
  throw new DoesNotExist(
    `SPMDVariation ${spec.spmdVariation ?? ''} needs ${MPI_STARTER}, which is not in the PATH of the job (${pathOf(spec)}); ` +
      'install an MPI implementation (Debian: apt-get install openmpi-bin)',
  );
}

function isInPath(program: string, spec: JobSpec, cwd: string): boolean {
  for (const folder of pathOf(spec).split(delimiter)) {
    const candidate = join(absolute(cwd, folder), program);
    if (lookAt(candidate)?.isFile() && isAllowed(candidate, constants.X_OK)) return true;
  }
  return false;
}

/** The PATH in which the job's executable is searched: its own, else the submitter's. */
function pathOf(spec: JobSpec): string {
  const own = spec.environment?.findLast((entry) => entry.startsWith('PATH='));
  return own?.slice('PATH='.length) ?? process.env['PATH'] ?? '/usr/bin:/bin';
}

function checkInput(path: string): void {
  const file = lookAt(path);
  if (!file) throw new DoesNotExist(`Input '${path}' does not exist`);
  if (file.isDirectory()) throw new BadParameter(`Input '${path}' is a directory`);
  if (!isAllowed(path, constants.R_OK)) throw new PermissionDenied(`Input '${path}' cannot be read by this user`);
}

function checkTarget(attribute: string, path: string): void {
  const parent = dirname(path);
  const directory = lookAt(parent);
  if (!directory) throw new DoesNotExist(`${attribute} '${path}': its directory '${parent}' does not exist`);
  if (!directory.isDirectory()) throw new BadParameter(`${attribute} '${path}': '${parent}' is not a directory`);
  if (lookAt(path)?.isDirectory()) throw new BadParameter(`${attribute} '${path}' is a directory`);
}

/** Undefined when it is not there, or cannot be reached. */
function lookAt(path: string): Stats | undefined {
  try {
    return statSync(nativePath(path), { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(nativePath(path), mode);
    return true;
  } catch {
    return false;
  }
}

/** Node takes a path of any bytes as a Buffer; our strings keep such bytes as PEP 383 does. */
function nativePath(path: string): Buffer {
  return Buffer.from(encodeNative(path));
}
