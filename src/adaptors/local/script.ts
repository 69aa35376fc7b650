/** Script: a batch script in place of Executable, kept as a file of the segment until its job has ended (docs/state.md). */
import { closeSync, openSync, unlink, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { BadParameter } from '../../saga/core/exceptions.js';
import { encodeNative } from '../../saga/core/native-string.js';
import type { JobSpec } from '../../saga/spi/job.js';

/** Bytes. */
const LARGEST = 4 << 20;
/** What runs a script that does not say what runs it. */
const SHELL = '/bin/sh';

function pathOf(home: string, segment: string, n: number): string {
  return join(home, segment, `${String(n)}.script`);
}

/** @throws BadParameter for a script that is larger than a batch script is. */
export function checkScript({ script }: JobSpec): void {
  if (script === undefined) return;
  const size = encodeNative(script, 'Script').length;
  if (size <= LARGEST) return;
  throw new BadParameter(
    `Script has ${String(size)} bytes; a local job can have ${String(LARGEST)}: put what is large into a file beside it`,
  );
}

/** Writes the script of a job, if it has one, for its keeper to find. Of one that could not be written nothing is left. */
export function writeScript(home: string, segment: string, n: number, { script }: JobSpec): void {
  if (script === undefined) return;
  const path = pathOf(home, segment, n);
  const bytes = encodeNative(script);
  const fd = openSync(path, 'wx', 0o700);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    // Before the keeper hears of it: no system executes a file that somebody is writing.
    closeSync(fd);
  }
}

/** The job has ended: nobody starts the script any more. */
export function removeScript(home: string, segment: string, n: number): void {
  unlink(pathOf(home, segment, n), () => undefined);
}

/** The description with an Executable: the script itself when it says what runs it, else the shell. */
export function withScriptAsCommand(home: string, segment: string, n: number, spec: JobSpec): JobSpec {
  const { script, arguments: args = [] } = spec;
  if (script === undefined) return spec;
  const path = pathOf(home, segment, n);
  return script.startsWith('#!')
    ? { ...spec, executable: path }
    : { ...spec, executable: SHELL, arguments: [path, ...args] };
}
