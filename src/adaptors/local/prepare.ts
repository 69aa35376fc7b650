/** What can be known of a job before it is submitted: its files and directories, looked at as the launcher will. */
import { constants } from 'node:fs';
import { delimiter, dirname, join, normalize } from 'node:path';

import { BadParameter, DoesNotExist, PermissionDenied } from '../../saga/core/exceptions.js';
import type { JobSpec } from '../../saga/spi/job.js';
import { namesFilesByIndex, parseArray, taskOf } from './array.js';
import { checkLimits } from './limits.js';
import { absolute, isAllowed, lookAt, ownDirectory, workingDirectoryOf } from './paths.js';
import { checkPlacement } from './placement.js';
import { checkScript } from './script.js';
import { checkSlots } from './slots.js';
import { checkTransfers, stagingOf } from './staging.js';
import { checkVariation, isMpi, MPI_STARTER } from './variation.js';

/**
 * Checks all of a description that can be known here and now.
 * @throws BadParameter, DoesNotExist or PermissionDenied, naming the attribute.
 */
export function checkSpec(spec: JobSpec): void {
  checkPlacement(spec);
  checkVariation(spec);
  checkSlots(spec);
  checkLimits(spec);
  checkScript(spec);
  if (spec.array === undefined) {
    checkPaths(spec);
    return;
  }
  if (spec.interactive) {
    throw new BadParameter('Array and Interactive are both set: many tasks cannot share the streams of one program');
  }
  const { indices } = parseArray(spec.array);
  for (const index of namesFilesByIndex(spec) ? indices : indices.slice(0, 1)) checkPaths(taskOf(spec, index));
}

/**
 * Looks at what the description names.
 * @throws DoesNotExist, BadParameter or PermissionDenied, naming the attribute and the path.
 */
export function checkPaths(spec: JobSpec): void {
  const cwd = workingDirectoryOf(spec);
  const directory = lookAt(cwd);
  if (!directory) throw new DoesNotExist(`WorkingDirectory '${cwd}' does not exist`);
  if (!directory.isDirectory()) throw new BadParameter(`WorkingDirectory '${cwd}' is not a directory`);
  const brought = broughtIn(spec, cwd);
  checkExecutable(spec, cwd, brought);
  if (spec.interactive) return;
  if (spec.input !== undefined) checkInput(absolute(cwd, spec.input), brought);
  checkInputIsKept(spec, cwd);
  if (spec.output !== undefined) checkTarget('Output', absolute(cwd, spec.output));
  if (spec.error !== undefined) checkTarget('Error', absolute(cwd, spec.error));
}

/** The files that will be there when the job starts: to look at what is there now would be to look at something else. */
function broughtIn(spec: JobSpec, cwd: string): ReadonlySet<string> {
  if (spec.fileTransfer === undefined) return new Set();
  const base = ownDirectory();
  checkTransfers(spec, cwd, base);
  return new Set(stagingOf(spec, cwd, base).before.map(({ target }) => normalize(target)));
}

function checkExecutable(spec: JobSpec, cwd: string, brought: ReadonlySet<string>): void {
  if (isMpi(spec)) checkStarter(spec, cwd);
  if (spec.script !== undefined) return; // it is not there yet
  const executable = spec.executable ?? '';
  if (executable.includes('/')) {
    const path = absolute(cwd, executable);
    if (brought.has(normalize(path))) return;
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

function checkInput(path: string, brought: ReadonlySet<string>): void {
  if (brought.has(normalize(path))) return;
  const file = lookAt(path);
  if (!file) throw new DoesNotExist(`Input '${path}' does not exist`);
  if (file.isDirectory()) throw new BadParameter(`Input '${path}' is a directory`);
  if (!isAllowed(path, constants.R_OK)) throw new PermissionDenied(`Input '${path}' cannot be read by this user`);
}

/** Output and Error are emptied before the job reads. A device or a FIFO is not. */
function checkInputIsKept(spec: JobSpec, cwd: string): void {
  const input = spec.input === undefined ? undefined : lookAt(absolute(cwd, spec.input));
  if (!input?.isFile()) return;
  for (const [attribute, path] of [['Output', spec.output] as const, ['Error', spec.error] as const]) {
    const target = path === undefined ? undefined : lookAt(absolute(cwd, path));
    if (target?.dev !== input.dev || target.ino !== input.ino) continue;
    throw new BadParameter(
      `Input and ${attribute} are the same file, '${absolute(cwd, spec.input ?? '')}', which would be emptied before the job reads it`,
    );
  }
}

function checkTarget(attribute: string, path: string): void {
  const parent = dirname(path);
  const directory = lookAt(parent);
  if (!directory) throw new DoesNotExist(`${attribute} '${path}': its directory '${parent}' does not exist`);
  if (!directory.isDirectory()) throw new BadParameter(`${attribute} '${path}': '${parent}' is not a directory`);
  if (lookAt(path)?.isDirectory()) throw new BadParameter(`${attribute} '${path}' is a directory`);
}
