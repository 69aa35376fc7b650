/** What a job waits for before it starts: hold, a time, other jobs, a slot. */
import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { privateHome } from '../support/home.js';
import { detailOf, shellJobs } from '../support/jobs.js';

const paths = privateHome(2);
const jobs = shellJobs();

const idOf = (job: saga.Job): string => job.jobID ?? '';
const after = (type: saga.JobDependency['type'], job: saga.Job): Partial<saga.JobDescription> => ({
  dependencies: [{ type, job: idOf(job) }],
});
const inAnHour = (): number => Math.floor(Date.now() / 1000) + 3600;

describe('hold and release', () => {
  test('a job that is submitted held starts when it is released', async () => {
    const job = await jobs.submit('exit 0', { hold: true });
    await detailOf(job, 'local:HELD');
    expect(job.started).toBeUndefined();
    await job.hold(); // as it is
    await job.release();
    await job.wait();
    expect(job.exitCode).toBe(0);
  });

  test('a job that waits can be held, by whoever finds it, again and again', async () => {
    const job = await jobs.submit('exit 0', { jobStartTime: inAnHour() });
    await using other = await saga.JobService.create();
    const same = await other.getJob(idOf(job));
    for (let i = 0; i < 3; i++) {
      await Promise.all([same.hold(), job.hold()]);
      await detailOf(job, 'local:HELD');
      await same.release();
      await detailOf(job, 'local:PENDING');
    }
    await job.release(); // is not held: as it is
    await job.cancel(-1);
    expect(await job.getState()).toBe(saga.JobState.Canceled);
  });

  test('a job that is held can be canceled, and is neither suspended nor signalled', async () => {
    const job = await jobs.submit('exit 0', { hold: true });
    await detailOf(job, 'local:HELD');
    for (const refused of [() => job.suspend(), () => job.signal(10)]) {
      await expect(refused()).rejects.toThrow(saga.IncorrectState);
      await expect(refused()).rejects.toThrow(
        /waits and has no processes yet; hold\(\) keeps it waiting, cancel\(\) ends it/,
      );
    }
    await job.cancel(-1);
    expect(await job.getState()).toBe(saga.JobState.Canceled);
  });

  test('a job that runs is not held, and none that has ended', async () => {
    const job = await jobs.submit('sleep 1000');
    await detailOf(job, 'local:RUNNING');
    await expect(job.hold()).rejects.toThrow(/has begun or ended; only a job that waits can be held/);
    await job.cancel(-1);
    await expect(job.hold()).rejects.toThrow(saga.IncorrectState);
    await expect(job.release()).rejects.toThrow(saga.IncorrectState);
  });
});

describe('JobStartTime', () => {
  test('a job does not start before, and is Running meanwhile', async () => {
    const jobStartTime = Math.floor(Date.now() / 1000) + 2;
    const job = await jobs.submit('date +%s', { jobStartTime, output: join(paths.directory, 'date') });
    await detailOf(job, 'local:PENDING');
    expect(await job.getState()).toBe(saga.JobState.Running);
    await job.wait();
    expect(Number(readFileSync(join(paths.directory, 'date'), 'utf8'))).toBeGreaterThanOrEqual(jobStartTime);
  });

  test('a time that is over is none', async () => {
    expect((await jobs.finish('exit 3', { jobStartTime: 1 })).exitCode).toBe(3);
  });

  test('until then a job can be canceled', async () => {
    const job = await jobs.submit('exit 0', { jobStartTime: inAnHour() });
    await job.cancel(-1);
    expect(await job.getState()).toBe(saga.JobState.Canceled);
  });
});

describe('Dependencies', () => {
  test.each([
    ['after', 'exit 1', saga.JobState.Done],
    ['afterok', 'exit 0', saga.JobState.Done],
    ['afternotok', 'exit 1', saga.JobState.Done],
    ['afterany', 'exit 1', saga.JobState.Done],
    ['afterok', 'exit 1', saga.JobState.Failed],
    ['afternotok', 'exit 0', saga.JobState.Failed],
  ] as const)('%s a job that does "%s"', async (type, line, state) => {
    const file = join(paths.directory, `first-${type}-${String(state)}-${line.slice(-1)}`);
    const first = await jobs.submit(`until test -e ${file}; do sleep 0.05; done; ${line}`);
    const second = await jobs.submit('exit 0', after(type, first));
    if (type !== 'after') await detailOf(second, 'local:PENDING');
    await (await jobs.submit(`touch ${file}`)).wait();
    await second.wait();
    expect(await second.getState()).toBe(state);
    if (state === saga.JobState.Failed) {
      const native = idOf(first).slice(idOf(first).lastIndexOf('[') + 1, -1);
      await expect(second.toPromise()).rejects.toThrow(
        `the dependency '${type}' on job ${native} cannot be met any more`,
      );
    }
    await first.wait();
  });

  test('on a job that has ended is judged at once', async () => {
    const done = await jobs.finish('exit 0');
    const failed = await jobs.finish('exit 1');
    expect((await jobs.finish('exit 0', after('afterok', done))).exitCode).toBe(0);
    const second = await jobs.create('exit 0', after('afterok', failed));
    await expect(second.run()).rejects.toThrow(saga.NoSuccess);
    await expect(second.run()).rejects.toThrow(
      `the dependency afterok on ${idOf(failed)} cannot be met: that job, or a task of it, was not Done`,
    );
  });

  test('on an array are on all its tasks', async () => {
    const array = await jobs.submit('sleep 0.$XOSAGA_ARRAY_TASK_ID', { array: '1-3' });
    const second = await jobs.finish('exit 0', after('afterok', array));
    expect(await array.getState()).toBe(saga.JobState.Done);
    expect(second.exitCode).toBe(0);
    const [task] = await array.getTasks();
    expect((await jobs.finish('exit 0', task && after('afterok', task))).exitCode).toBe(0);
  });

  test('on jobs of another submitter', async () => {
    await using other = await saga.JobService.create();
    const { job } = await other.runJob('sleep 0.2');
    expect((await jobs.finish('exit 0', after('afterok', job))).exitCode).toBe(0);
  });

  test.each([
    [
      '[local://localhost]-[abcdefabcdef.1]',
      saga.DoesNotExist,
      /Dependencies names '.*abcdefabcdef\.1\]', which is no job/,
    ],
    [
      '[local://elsewhere]-[abcdefabcdef.1]',
      saga.BadParameter,
      /a job of local:\/\/elsewhere; a local job can wait for local/,
    ],
    ['[slurm://localhost]-[abcdefabcdef.1]', saga.BadParameter, /a job of slurm:\/\/localhost/],
    ['[local://localhost]-[17]', saga.BadParameter, /is not the id of a local job/],
    ['17', saga.BadParameter, /is not the id of a local job/],
  ])('that name %s are refused', async (job, Category, message) => {
    const refused = jobs.create('exit 0', { dependencies: [{ type: 'afterok', job }] });
    await expect(refused).rejects.toThrow(Category);
    await expect(refused).rejects.toThrow(message);
  });
});

describe('slots', () => {
  test('no more processes run at a time than there are', async () => {
    const file = join(paths.directory, 'turns');
    const line = `echo b >>${file}; sleep 0.1; echo e >>${file}`;
    const all = await Promise.all(Array.from({ length: 6 }, () => jobs.submit(line)));
    const both = await jobs.finish(line, { numberOfProcesses: 2 });
    await Promise.all([both, ...all].map((job) => job.wait()));
    let running = 0;
    const turns = readFileSync(file, 'utf8').trim().split('\n');
    expect(turns).toHaveLength(16);
    expect(Math.max(...turns.map((turn) => (running += turn === 'b' ? 1 : -1)))).toBeLessThanOrEqual(2);
  });

  test('a job that waits for one is Running, PENDING', async () => {
    const first = await jobs.submit('sleep 1000', { numberOfProcesses: 2 });
    await detailOf(first, 'local:RUNNING');
    const second = await jobs.submit('exit 0');
    await detailOf(second, 'local:PENDING');
    await first.cancel(-1);
    await second.wait();
    expect(second.exitCode).toBe(0);
  });

  test('a job that needs more than there are is refused', async () => {
    await expect(jobs.create('exit 0', { numberOfProcesses: 3 })).rejects.toThrow(
      'NumberOfProcesses asks for 3 processes, but this service runs 2 at a time; set XOSAGA_SLOTS',
    );
  });

  test.each([['0'], ['-1'], ['x'], ['1.5'], ['10001'], [' 2']])('XOSAGA_SLOTS=%j is refused', async (slots) => {
    process.env['XOSAGA_SLOTS'] = slots;
    try {
      await expect(jobs.create('exit 0')).rejects.toThrow(`XOSAGA_SLOTS is '${slots}'; it is the number of processes`);
    } finally {
      process.env['XOSAGA_SLOTS'] = '2';
    }
  });
});
