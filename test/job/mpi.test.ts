/** MPI jobs, by the mpirun that is installed (scripts/apt.mjs: Open MPI). */
import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { eventually, processesWith } from '../faults/processes.js';
import { privateHome } from '../support/home.js';
import { shellJobs } from '../support/jobs.js';

const paths = privateHome();
const jobs = shellJobs();

/** Open MPI refuses to run as root, and more processes than cores, unless it is told to. */
const TWO_RANKS = {
  spmdVariation: 'MPI',
  numberOfProcesses: 2,
  environment: [
    'OMPI_ALLOW_RUN_AS_ROOT=1',
    'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1',
    'OMPI_MCA_rmaps_base_oversubscribe=1',
    'PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe',
  ],
};

test('an MPI job is started by mpirun, with as many ranks as it asks for', async () => {
  const output = join(paths.directory, 'ranks');
  const job = await jobs.finish('echo "$OMPI_COMM_WORLD_RANK of $OMPI_COMM_WORLD_SIZE"', { ...TWO_RANKS, output });
  await job.rethrow();
  expect(readFileSync(output, 'utf8').trim().split('\n').sort()).toEqual(['0 of 2', '1 of 2']);
}, 30_000);

test('a rank that fails fails the job', async () => {
  const job = await jobs.finish('exit $((OMPI_COMM_WORLD_RANK * 3))', TWO_RANKS);
  expect(await job.getState()).toBe(saga.JobState.Failed);
  expect(job.exitCode).toBe(3);
}, 30_000);

test('cancel ends all ranks', async () => {
  const job = await jobs.submit('sleep 1000 & echo >>ready; wait', { ...TWO_RANKS, workingDirectory: paths.directory });
  const ready = join(paths.directory, 'ready');
  const bothAreReady = (): boolean => readFileSync(ready, { encoding: 'utf8', flag: 'a+' }) === '\n\n';
  await eventually('both ranks', bothAreReady);
  const id = job.jobID ?? '';
  const mark = `XOSAGA_JOB_ID=${id.slice(id.lastIndexOf('[') + 1, -1)}`;
  expect(processesWith(mark).length).toBeGreaterThanOrEqual(4);
  await job.cancel(-1);
  expect(await job.getState()).toBe(saga.JobState.Canceled);
  await eventually('the end of all processes', () => processesWith(mark).length === 0);
}, 30_000);
