import { describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { privateHome } from '../support/home.js';
import { shellJobs } from '../support/jobs.js';

const paths = privateHome();
const jobs = shellJobs();
const idOf = (job: saga.Job): string => job.jobID ?? '';

/** The files of a job in the home, by its number. */
function filesOf(job: saga.Job): string[] {
  const [, segment = '', n = ''] = /\[([a-z0-9]{12})\.(\d+)\]$/.exec(idOf(job)) ?? [];
  return readdirSync(join(paths.home, 'local', segment)).filter((name) => name.startsWith(`${n}.`));
}

describe('prune', () => {
  test('forgets a job that has ended, and its files', async () => {
    const { job, stdout } = await jobs.service.runJob('echo hello', '', { interactive: true });
    for await (const chunk of stdout ?? []) expect(String(chunk)).toBe('hello\n');
    await job.wait();
    expect(filesOf(job)).not.toEqual([]);
    const kept = await jobs.finish('exit 0');
    expect(await jobs.service.prune([idOf(job)])).toEqual([idOf(job)]);
    expect(filesOf(job)).toEqual([]);
    await expect(jobs.service.getJob(idOf(job))).rejects.toThrow(saga.DoesNotExist);
    await expect(jobs.service.prune([idOf(job)])).rejects.toThrow(saga.DoesNotExist);
    const list = await jobs.service.list();
    expect(list).not.toContain(idOf(job));
    expect(list).toContain(idOf(kept));
    await using other = await saga.JobService.create();
    await expect(other.getJob(idOf(job))).rejects.toThrow(/there is no job/);
  });

  test('forgets an array with all its tasks, and no task alone', async () => {
    const array = await jobs.finish('exit 0', { array: '1-3%2' });
    const tasks = (await array.getTasks()).map(idOf);
    await expect(jobs.service.prune([tasks[0] ?? ''])).rejects.toThrow(/is a task of an array; prune the array/);
    expect(await jobs.service.prune([idOf(array)])).toEqual([idOf(array)]);
    expect(filesOf(array)).toEqual([]);
    const list = await jobs.service.list();
    for (const id of [idOf(array), ...tasks]) {
      expect(list).not.toContain(id);
      await expect(jobs.service.getJob(id)).rejects.toThrow(saga.DoesNotExist);
    }
  });

  test('forgets all or none', async () => {
    const ended = await jobs.finish('exit 0');
    const running = await jobs.submit('sleep 1000');
    await expect(jobs.service.prune([idOf(ended), idOf(running)])).rejects.toThrow(saga.IncorrectState);
    await expect(jobs.service.prune([idOf(running)])).rejects.toThrow(
      /has not ended, so that it is not pruned; cancel it first/,
    );
    expect(await jobs.service.list()).toContain(idOf(ended));
    await running.cancel(-1);
    expect(await jobs.service.prune([idOf(ended), idOf(running), idOf(ended)])).toHaveLength(2);
  });

  test('forgets what ended long enough ago', async () => {
    const running = await jobs.submit('sleep 1000');
    const ended = await jobs.finish('exit 0');
    expect(await jobs.service.prune({ olderThan: 3600 })).toEqual([]);
    const pruned = await jobs.service.prune({ olderThan: 0 });
    expect(pruned).toContain(idOf(ended));
    expect(pruned).not.toContain(idOf(running));
    expect(await jobs.service.list()).toEqual([idOf(running)]);
    expect(await jobs.service.prune({ olderThan: 0 })).toEqual([]);
    await running.cancel(-1);
  });

  test.each([
    ['17', /'17' is not a job id/],
    ['[ssh://elsewhere]-[17]', /belongs to ssh:\/\/elsewhere/],
    ['[local://localhost]-[17]', /is not the id of a local job/],
  ])('takes no id like %s', async (id, message) => {
    await expect(jobs.service.prune([id])).rejects.toThrow(saga.BadParameter);
    await expect(jobs.service.prune([id])).rejects.toThrow(message);
  });

  test.each([[undefined], [{}], [{ olderThan: -1 }], [{ olderThan: NaN }], [{ olderThan: '1' }], [17]])(
    'takes ids or an age, not %j',
    async (which) => {
      await expect(jobs.service.prune(which as never)).rejects.toThrow(
        'prune takes a list of job ids, or { olderThan: seconds }',
      );
    },
  );
});
