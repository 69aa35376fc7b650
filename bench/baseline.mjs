/** The baseline: what a program would do without a library. */
import { spawn } from 'node:child_process';

/** What all jobs and baselines execute: the work is nothing, so that only the way there counts. */
export const PROGRAM = '/bin/true';

/**
 * Spawns the program and waits for its end: the least that can be done, with no record of anything.
 * @returns {Promise<void>}
 */
export function spawnAndWait() {
  return new Promise((resolve, reject) => {
    spawn(PROGRAM, [], { stdio: 'ignore' })
      .once('error', reject)
      .once('exit', () => {
        resolve();
      });
  });
}
