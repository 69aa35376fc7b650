import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { limitsOf } from '../../../src/adaptors/local/limits.js';
import * as saga from '../../../src/index.js';
import { privateHome } from '../../support/home.js';

const paths = privateHome();
process.env['XOSAGA_GRACE'] = '0.2';

/** A job that the script makes, to its end. */
async function ended(
  service: saga.JobService,
  script: string,
  limits: Partial<saga.JobDescription>,
): Promise<saga.Job> {
  const jd = new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', script], ...limits });
  const job = await service.createJob(jd);
  await job.run();
  await job.wait();
  return job;
}

/** It Failed for this limit, and for nothing else. */
async function expectLimited(job: saga.Job, failure: string): Promise<void> {
  expect(await job.getState()).toBe(saga.JobState.Failed);
  expect((await job.getMetric('job.state_detail')).value).toBe('local:LIMITED');
  expect([job.exitCode, job.termsig]).toEqual([undefined, undefined]);
  const error: unknown = await job.rethrow().catch((e: unknown) => e);
  expect(error).toMatchObject({ name: 'NoSuccess' });
  expect((error as Error).message).toContain(failure);
}

/** What the keeper has recorded at the end. */
async function cpuSeconds(job: saga.Job): Promise<number> {
  const [, segment = '', n = ''] = /\[([a-z0-9]{12})\.(\d+)\]$/.exec(job.jobID ?? '') ?? [];
  const log = await readFile(join(paths.home, 'local', segment, 'events'), 'latin1');
  const end = log.split('\n').find((line) => line.startsWith(`end ${n} `));
  return Number(end?.split(' ')[6]);
}

const SPIN = 'while :; do :; done';
const HOLD = `x=$(head -c ${String(60 << 20)} /dev/zero | tr '\\0' x); sleep 1000`;

describe('a job that exceeds', () => {
  let service: saga.JobService;
  beforeAll(async () => {
    service = await saga.JobService.create('local://localhost');
  });
  afterAll(() => service.close());

  test('WallTimeLimit is ended and says so, with the end of its standard error', async () => {
    const job = await ended(service, 'echo still here >&2; exec sleep 1000', { wallTimeLimit: 1 });
    await expectLimited(job, 'exceeded the wall time limit of 1 s\nThe end of its standard error:\nstill here');
    const [from = 0, to = 0] = [job.started, job.finished].map((date) => Number(date));
    expect(to - from).toBeGreaterThanOrEqual(1000);
  });

  test('WallTimeLimit and ignores TERM is killed', async () => {
    const job = await ended(service, 'trap "" TERM; while :; do sleep 0.01; done', { wallTimeLimit: 1 });
    await expectLimited(job, 'exceeded the wall time limit of 1 s');
  });

  test('WallTimeLimit while it is suspended is ended', async () => {
    const jd = new saga.JobDescription({ executable: 'sleep', arguments: ['1000'], wallTimeLimit: 1 });
    const job = await service.createJob(jd);
    await job.run();
    await job.suspend();
    await job.wait();
    await expectLimited(job, 'exceeded the wall time limit of 1 s');
  });

  test('TotalCPUTime is ended, whichever of its processes spins', async () => {
    const failure = 'exceeded the CPU time limit of 1 s';
    const [one, fled] = await Promise.all([
      ended(service, SPIN, { totalCPUTime: 1 }),
      ended(service, `setsid /bin/sh -c '${SPIN}' & exec sleep 1000`, { totalCPUTime: 1 }),
    ]);
    await expectLimited(one, failure);
    await expectLimited(fled, failure);
    // The metric has whole seconds, and may round what was used down to the limit.
    expect(await cpuSeconds(one)).toBeGreaterThan(1);
    expect(Number((await one.getMetric('job.cpu_time')).value)).toBeGreaterThanOrEqual(1);
  });

  test('TotalPhysicalMemory is ended', async () => {
    const job = await ended(service, HOLD, { totalPhysicalMemory: 50.5 });
    await expectLimited(job, 'exceeded the memory limit of 50.5 MB');
  });

  test('none of its limits is Done', async () => {
    const limits = { wallTimeLimit: 60, totalCPUTime: 60, totalPhysicalMemory: 1000 };
    const job = await ended(service, 'sleep 1.2', limits);
    expect([await job.getState(), job.exitCode]).toEqual([saga.JobState.Done, 0]);
    await expect(job.getJobDescription()).resolves.toMatchObject(limits);
  });

  test('none of its limits and fails keeps its own reason', async () => {
    const error = join(paths.directory, 'err');
    const job = await ended(service, 'echo bad luck >&2; exit 3', { wallTimeLimit: 60, totalCPUTime: 60, error });
    await expect(job.rethrow()).rejects.toThrow(/exit code 3\nThe end of its standard error:\nbad luck/);
    expect(await readFile(error, 'utf8')).toBe('bad luck\n');
  });

  test('a limit is told the same reason by another service', async () => {
    const job = await ended(service, 'exec sleep 1000', { wallTimeLimit: 1 });
    const other = await saga.JobService.create('local://localhost');
    const found = await other.getJob(job.jobID ?? '');
    await found.wait();
    await expectLimited(found, 'exceeded the wall time limit of 1 s');
    await other.close();
  });
});

describe('a limit', () => {
  test.each([
    [{ wallTimeLimit: 0 }, /WallTimeLimit is 0, which no job can keep; leave it out/],
    [{ totalCPUTime: 0 }, /TotalCPUTime is 0/],
    [{ totalPhysicalMemory: 0 }, /TotalPhysicalMemory is 0/],
  ])('of nothing is refused: %j', async (limits, message) => {
    const service = await saga.JobService.create('local://localhost');
    const jd = new saga.JobDescription({ executable: 'true', ...limits });
    const error: unknown = await service.createJob(jd).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'BadParameter' });
    expect((error as Error).message).toMatch(message);
    await service.close();
  });

  test('below nothing cannot be described', () => {
    expect(() => new saga.JobDescription({ executable: 'true', wallTimeLimit: -1 })).toThrow(/WallTimeLimit/);
    expect(() => new saga.JobDescription({ executable: 'true', totalCPUTime: 0.5 })).toThrow(/TotalCPUTime/);
  });

  test('is told to the keeper in its units, and no longer than that can count', () => {
    expect(limitsOf({})).toEqual({});
    expect(limitsOf({ wallTimeLimit: 60, totalCPUTime: 120, totalPhysicalMemory: 0.3 })).toEqual({
      wall: 60,
      cpu: 120,
      memory: 308,
    });
    expect(limitsOf({ wallTimeLimit: 1e15, totalPhysicalMemory: 1e300 })).toEqual({
      wall: 2 ** 31 - 1,
      memory: Number.MAX_SAFE_INTEGER,
    });
  });
});

describe('without a compiler', () => {
  const before = process.env['XOSAGA_LAUNCHER'];
  let service: saga.JobService;
  beforeAll(async () => {
    process.env['XOSAGA_LAUNCHER'] = 'sh';
    // A home of its own: the launcher of the other one runs already.
    process.env['XOSAGA_HOME'] = join(paths.directory, 'sh-home');
    service = await saga.JobService.create('local://localhost');
  });
  afterAll(async () => {
    await service.close();
    if (before === undefined) delete process.env['XOSAGA_LAUNCHER'];
    else process.env['XOSAGA_LAUNCHER'] = before;
    process.env['XOSAGA_HOME'] = paths.home;
  });

  test('WallTimeLimit is kept', async () => {
    const job = await ended(service, 'echo still here >&2; exec sleep 1000', { wallTimeLimit: 1 });
    await expectLimited(job, 'exceeded the wall time limit of 1 s\nThe end of its standard error:\nstill here');
  });

  test.each([
    ['TotalCPUTime', { totalCPUTime: 1 }],
    ['TotalPhysicalMemory', { totalPhysicalMemory: 1 }],
  ])('%s is refused by name, with what it needs', async (key, limit) => {
    const jd = new saga.JobDescription({ executable: 'true', ...limit });
    const error: unknown = await service.createJob(jd).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'BadParameter' });
    expect((error as Error).message).toMatch(new RegExp(`${key} needs the native launcher, which needs a C compiler`));
  });
});
