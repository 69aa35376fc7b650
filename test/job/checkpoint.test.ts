/** Checkpoints of local jobs through SAGA: the attributes, `job.checkpoint`, `job.migrate`, and what is refused. */
import { describe, expect, test } from '@jest/globals';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as saga from '../../src/index.js';
import { eventually } from '../faults/processes.js';
import { privateHome } from '../support/home.js';
import { rule } from '../support/rules.js';
import { shellJobs } from '../support/jobs.js';

const COUNTER = fileURLToPath(new URL('../grid/programs/counter.mjs', import.meta.url));
const paths = privateHome();
const jobs = shellJobs();

/** A job of two processes that count until they are canceled. */
function counting(more: Partial<saga.JobDescription> = {}): saga.JobDescription {
  return new saga.JobDescription({
    executable: process.execPath,
    arguments: [COUNTER, JSON.stringify({ directory: paths.directory, until: 1_000_000 })],
    numberOfProcesses: 2,
    checkpointInitiator: 'User',
    ...more,
  });
}

async function running(description: saga.JobDescription): Promise<saga.Job> {
  const job = await jobs.service.createJob(description);
  await job.run();
  return job;
}

const nativeOf = (job: saga.Job): string => /\]?-\[(.*)\]$/.exec(job.jobID ?? '')?.[1] ?? '';

describe('a checkpointable job', () => {
  rule(194, 'checkpoint needs Running and leaves the job Running', async () => {
    const created = await jobs.service.createJob(counting());
    await expect(created.checkpoint()).rejects.toThrow(saga.IncorrectState);
    const job = await running(counting());
    await job.checkpoint();
    expect(await job.getState()).toBe(saga.JobState.Running);
    const versions = join(paths.home, 'checkpoints', nativeOf(job));
    expect(readdirSync(versions)).toContain('1');
    expect(existsSync(join(versions, '1', 'manifest'))).toBe(true);
    await job.cancel(-1);
    await expect(job.checkpoint()).rejects.toThrow(saga.IncorrectState);
  });

  rule(195, 'migrate keeps a job Running that goes on elsewhere, under another id', async () => {
    const output = join(paths.directory, 'output');
    const job = await running(counting({ output }));
    const before = job.jobID;
    await job.migrate(counting({ output }));
    expect(job.jobID).not.toBe(before);
    expect(await job.getState()).toBe(saga.JobState.Running);
    const old = await jobs.service.getJob(before ?? '');
    expect(await old.getState()).toBe(saga.JobState.Failed);
    await job.cancel(-1);
  });

  test('is started again from its last checkpoint when it fails, as often as it may', async () => {
    const directory = join(paths.directory, 'restarted');
    mkdirSync(directory);
    const at = [
      { count: 40, do: 'checkpoint' },
      { count: 60, incarnation: 0, do: 'kill' },
      { count: 80, incarnation: 1, do: 'kill' },
    ];
    const plan = JSON.stringify({ directory, until: 100, at });
    const of = (restartOnFailure: number): saga.JobDescription =>
      counting({ arguments: [COUNTER, plan], numberOfProcesses: 1, restartOnFailure });
    const patient = await running(of(2));
    await patient.wait();
    expect(await patient.getState()).toBe(saga.JobState.Done);
    const impatient = await running(of(1));
    await impatient.wait();
    expect(impatient.termsig).toBe(9);
    await expect(impatient.toPromise()).rejects.toThrow(/the job failed; restart 1 from checkpoint 1/);
  });

  test('is checkpointed by the system at its interval', async () => {
    const job = await running(counting({ checkpointInitiator: 'System', checkpointInterval: 1 }));
    const versions = join(paths.home, 'checkpoints', nativeOf(job));
    await eventually('a checkpoint', () => existsSync(join(versions, '1', 'manifest')));
    expect(await job.getState()).toBe(saga.JobState.Running);
    await job.cancel(-1);
  });

  test('writes its checkpoints where the description says', async () => {
    const directory = join(paths.directory, 'elsewhere');
    const job = await running(counting({ checkpointDirectory: `file://${directory}` }));
    await job.checkpoint();
    expect(existsSync(join(directory, nativeOf(job), '1', 'manifest'))).toBe(true);
    expect((await job.getJobDescription()).executable).toBe(process.execPath);
    await job.cancel(-1);
  });

  test.each<[string, Partial<saga.JobDescription>, RegExp]>([
    ['an unknown checkpointer', { checkpointer: 'blob' }, /Checkpointer 'blob' is not known; there are: application/],
    ['one that is gone', { checkpointer: 'BLCR' }, /Checkpointer 'BLCR' is not served/],
    [
      'what no checkpointer here can do',
      { checkpointRequirements: { kernelState: true } },
      /CheckpointRequirements are not met: 'application' cannot do kernelState/,
    ],
    [
      'the independent protocol',
      { checkpointProtocol: 'IndependentCheckpointing' },
      /CheckpointProtocol IndependentCheckpointing is not kept here/,
    ],
    [
      'System without an interval',
      { checkpointInitiator: 'System' },
      /CheckpointInitiator System needs CheckpointInterval/,
    ],
    [
      'a directory elsewhere',
      { checkpointDirectory: 'sftp://host/x' },
      /CheckpointDirectory 'sftp:\/\/host\/x' is not on this/,
    ],
    ['an array', { array: '1-3' }, /the tasks of an array cannot be checkpointed/],
    ['MPI', { spmdVariation: 'MPI' }, /mpirun/],
  ])('is refused for %s', async (_, more, message) => {
    const refusal = jobs.service.createJob(counting(more));
    await expect(refusal).rejects.toThrow(saga.SagaException);
    await expect(refusal).rejects.toThrow(message);
  });

  test('is only one that was submitted as such', async () => {
    const plain = await jobs.submit('sleep 1000');
    await expect(plain.checkpoint()).rejects.toThrow(/cannot be checkpointed; give its description an attribute/);
    await plain.cancel(-1);
  });
});
