/** Checkpointing and recovery of jobs of this machine, from end to end: programs of their own, real checkpoints. */
import { describe, expect, jest, test } from '@jest/globals';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as saga from '../../src/index.js';
import { eventually } from '../faults/processes.js';
import { privateHome } from '../support/home.js';

jest.setTimeout(60_000);

const COUNTER = fileURLToPath(new URL('../grid/programs/counter.mjs', import.meta.url));
const paths = privateHome();

interface Told {
  readonly started?: string;
  readonly ended?: boolean;
  readonly count: number;
  readonly incarnation: number;
}

let jobs = 0;

/** A job that counts until its directory has a file `enough`, and does what stands in `at` (programs/counter.mjs). */
async function counting(
  service: saga.CPRJobService,
  at: readonly object[] = [],
): Promise<{ job: saga.CPRJob; directory: string }> {
  const directory = join(paths.directory, `job-${String(++jobs)}`);
  mkdirSync(directory);
  const plan = JSON.stringify({ directory, until: 1_000_000, at });
  const job = await service.createJob(
    new saga.CPRJobDescription({ executable: process.execPath, arguments: [COUNTER, plan] }),
  );
  await job.run();
  return { job, directory };
}

function told(directory: string): Told[] {
  const path = join(directory, 'rank-0.log');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Told);
}

const starts = (directory: string): Told[] => told(directory).filter(({ started }) => started);

describe('a local job', () => {
  test('is rolled back to its last checkpoint, and goes on as the same job', async () => {
    await using service = await saga.CPRJobService.create('local://localhost');
    const { job, directory } = await counting(service);
    const id = job.jobID;
    await eventually('its start', () => starts(directory).length === 1);
    await job.checkpoint();
    await job.checkpoint();
    expect(await job.cprList()).toHaveLength(2);
    await job.recover();
    await eventually('the second life', () => starts(directory).length === 2);
    expect(starts(directory)[1]?.incarnation).toBe(1);
    expect(starts(directory)[1]?.count).toBeGreaterThan(0);
    expect(job.jobID).toBe(id);
    writeFileSync(join(directory, 'enough'), '');
    await job.wait();
    expect(await job.getState()).toBe(saga.JobState.Done);
  });

  test('that failed is started again from a copy of its checkpoint, when nothing else is left of it', async () => {
    await using service = await saga.CPRJobService.create('local://localhost');
    const fails = { count: 5, incarnation: 0, do: 'exit', code: 3, after: 'fail' };
    const { job, directory } = await counting(service, [fails]);
    const id = job.jobID;
    await eventually('its start', () => starts(directory).length === 1);
    const copy = join(paths.directory, 'a copy');
    await job.checkpoint(copy);
    writeFileSync(join(directory, 'fail'), '');
    await job.wait();
    expect([await job.getState(), job.exitCode]).toEqual([saga.JobState.Failed, 3]);
    rmSync(fileURLToPath((await job.cprLast()).getEscaped()), { recursive: true });
    await expect(job.recover()).rejects.toThrow(saga.DoesNotExist);

    await job.recover(copy);
    expect(job.jobID).not.toBe(id);
    await eventually('the second life', () => starts(directory).length === 2);
    expect(starts(directory)[1]?.count).toBe(5);
    expect(await job.getState()).toBe(saga.JobState.Running);
    await job.checkpoint();
    writeFileSync(join(directory, 'enough'), '');
    await job.wait();
    expect([await job.getState(), job.exitCode]).toEqual([saga.JobState.Done, 0]);
    expect(await job.cprList()).toHaveLength(2);
  });
});
