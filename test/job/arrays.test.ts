import { describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { eventually } from '../faults/processes.js';
import { privateHome } from '../support/home.js';
import { detailOf, shellJobs } from '../support/jobs.js';

const paths = privateHome();
const jobs = shellJobs();

const outputOf = (name: string): string => readFileSync(join(paths.directory, name), 'utf8');
const idOf = (job: saga.Job): string => job.jobID ?? '';

describe('an array', () => {
  test('is one job with many tasks, each a job of its own', async () => {
    const line = 'echo "$XOSAGA_ARRAY_TASK_ID of $XOSAGA_ARRAY_JOB_ID"; exit $((XOSAGA_ARRAY_TASK_ID == 3))';
    const array = await jobs.finish(line, {
      array: '1-5:2',
      output: 'task-%a.out',
      workingDirectory: paths.directory,
    });
    const id = idOf(array);
    const taskIds = [1, 3, 5].map((index) => `${id.slice(0, -1)}_${String(index)}]`);
    const tasks = await array.getTasks();
    expect(tasks.map((task) => task.jobID)).toEqual(taskIds);
    expect(tasks.map((task) => task.exitCode)).toEqual([0, 1, 0]);
    expect(array.exitCode).toBeUndefined();
    await expect(array.toPromise()).rejects.toThrow(/1 of its 3 tasks failed: 3; task 3: exit code 1/);
    for (const index of [1, 3, 5]) {
      const native = id.slice(id.lastIndexOf('[') + 1, -1);
      expect(outputOf(`task-${String(index)}.out`)).toBe(`${String(index)} of ${native}\n`);
    }
    expect(await jobs.service.list()).toEqual(expect.arrayContaining([id, ...taskIds]));

    await using other = await saga.JobService.create();
    const found = await other.getJob(taskIds[1] ?? '');
    expect(await found.getState()).toBe(saga.JobState.Failed);
    expect(await found.getTasks()).toEqual([]);
    const description = await found.getJobDescription();
    expect(description.array).toBeUndefined();
    expect(description.output).toBe('task-3.out');
    const again = await other.getJob(id);
    expect(await again.getState()).toBe(saga.JobState.Failed);
    expect((await again.getJobDescription()).array).toBe('1-5:2');
    expect((await again.getTasks()).map((task) => task.jobID)).toEqual(taskIds);
    expect(again.workingDirectory).toBe(paths.directory);
    for (const wrong of [2, 7]) {
      await expect(other.getJob(`${id.slice(0, -1)}_${String(wrong)}]`)).rejects.toThrow(saga.DoesNotExist);
    }
    // The numbers of the tasks in the files are nobody's ids.
    const next = id.replace(/\.(\d+)\]$/, (_, n: string) => `.${String(Number(n) + 1)}]`);
    await expect(other.getJob(next)).rejects.toThrow(saga.DoesNotExist);
  });

  test('runs no more tasks at a time than it says', async () => {
    const file = join(paths.directory, 'turns');
    const array = await jobs.finish(`echo b >>${file}; sleep 0.1; echo e >>${file}`, { array: '1-6%2' });
    await array.rethrow();
    let running = 0;
    const most = Math.max(
      ...outputOf('turns')
        .trim()
        .split('\n')
        .map((turn) => (running += turn === 'b' ? 1 : -1)),
    );
    expect(running).toBe(0);
    expect(most).toBeLessThanOrEqual(2);
  });

  test('of a thousand tasks is Done when all are', async () => {
    const array = await jobs.finish('exit 0', { array: '0-999' });
    await array.rethrow();
    expect(await array.getState()).toBe(saga.JobState.Done);
    const tasks = await array.getTasks();
    expect(tasks).toHaveLength(1000);
    expect(tasks.every((task) => task.exitCode === 0)).toBe(true);
  }, 60_000);

  test('is canceled with all its tasks, those that wait and those that run', async () => {
    const array = await jobs.submit('sleep 1000', { array: '1-5%2' });
    await detailOf(array, 'local:RUNNING');
    await array.cancel(-1);
    expect(await array.getState()).toBe(saga.JobState.Canceled);
    for (const task of await array.getTasks()) expect(await task.getState()).toBe(saga.JobState.Canceled);
  });

  test('is Canceled when one task was, and one task alone may be', async () => {
    const array = await jobs.submit('test $XOSAGA_ARRAY_TASK_ID = 1 || sleep 1000', { array: '1,2' });
    const [, second] = await array.getTasks();
    await second?.cancel(-1);
    await array.wait();
    expect(await array.getState()).toBe(saga.JobState.Canceled);
    const [first] = await array.getTasks();
    expect(await first?.getState()).toBe(saga.JobState.Done);
  });

  test('is suspended, resumed and signalled as a whole', async () => {
    const line = 'trap "exit 42" USR1; echo >>ready; while :; do sleep 0.05; done';
    const array = await jobs.submit(line, { array: '1-2', workingDirectory: paths.directory });
    await eventually(
      'both tasks',
      () => readdirSync(paths.directory).includes('ready') && outputOf('ready') === '\n\n',
    );
    await array.suspend();
    expect(await array.getState()).toBe(saga.JobState.Suspended);
    await array.resume();
    expect(await array.getState()).toBe(saga.JobState.Running);
    await array.signal(10);
    await array.wait();
    expect((await array.getTasks()).map((task) => task.exitCode)).toEqual([42, 42]);
  });

  test('is held and released as a whole', async () => {
    const array = await jobs.submit('exit 0', { array: '1-3', hold: true });
    await detailOf(array, 'local:HELD');
    await expect(array.suspend()).rejects.toThrow(/waits and has no processes yet/);
    await array.release();
    await array.wait();
    expect(await array.getState()).toBe(saga.JobState.Done);
  });

  test('has one Script, which is there until the last task has ended', async () => {
    const scripts = (): string[] =>
      readdirSync(join(paths.home, 'local'), { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.script'),
      );
    const job = await jobs.service.createJob(
      new saga.JobDescription({ script: 'test "$XOSAGA_ARRAY_TASK_ID" -lt 3', array: '1-3' }),
    );
    await job.run();
    await job.wait();
    expect((await job.getTasks()).map((task) => task.exitCode)).toEqual([0, 0, 1]);
    await eventually('the removal of the script', () => scripts().length === 0);
  });

  test('tells a program that is one of its tasks so', async () => {
    const array = await jobs.finish('exit 0', { array: '4' });
    const [task] = await array.getTasks();
    const id = task?.jobID ?? '';
    process.env['XOSAGA_ARRAY_JOB_ID'] = id.slice(id.lastIndexOf('[') + 1, id.lastIndexOf('_'));
    process.env['XOSAGA_ARRAY_TASK_ID'] = '4';
    try {
      const self = await jobs.service.getSelf();
      expect(self.jobID).toBe(id);
    } finally {
      delete process.env['XOSAGA_ARRAY_JOB_ID'];
      delete process.env['XOSAGA_ARRAY_TASK_ID'];
    }
  });

  test.each([
    [{ array: '1-' }, /Array '1-' is no list of indices/],
    [{ array: '1-3', interactive: true }, /Array and Interactive are both set/],
  ])('is refused by name: %j', async (more, message) => {
    const refused = jobs.create('exit 0', more);
    await expect(refused).rejects.toThrow(saga.BadParameter);
    await expect(refused).rejects.toThrow(message);
  });

  test('is refused when a file of one task is missing', async () => {
    const input = join(paths.directory, 'in-%a');
    await expect(jobs.create('exit 0', { array: '7-8', input })).rejects.toThrow(/Input '.*in-7' does not exist/);
  });
});

test('a New job has no tasks yet, and a job that is no array has none', async () => {
  await expect((await jobs.create('exit 0', { array: '1' })).getTasks()).rejects.toThrow(saga.IncorrectState);
  expect(await (await jobs.finish('exit 0')).getTasks()).toEqual([]);
});
