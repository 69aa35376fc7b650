/** What running jobs use, measured live: job.cpu_time, job.memory_use, job.vmemory_use. From /proc, which only Linux has. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { constants } from 'node:os';

import * as saga from '../../src/index.js';
import { privateHome } from '../support/home.js';
import { rule } from '../support/rules.js';

privateHome();
// Programs are started, and measured once a second, on a machine that may have much else to do.
jest.setTimeout(30_000);
process.env['XOSAGA_GRACE'] = '0.2';
let service: saga.JobService;
beforeAll(async () => {
  service = await saga.JobService.create('local://localhost');
});
afterAll(() => service.close());

const MEGABYTES = 80;
/** JavaScript that takes memory and goes on. */
const hoard = `globalThis.kept = Buffer.alloc(${String(MEGABYTES)} * 2 ** 20, 1); setInterval(() => {}, 1000)`;
/** JavaScript that uses CPU seconds, however busy the machine is. */
const burn = (seconds: number): string => `while (process.cpuUsage().user < ${String(seconds * 1e6)}) Math.random()`;

async function running(script: string, more: Partial<saga.JobDescription> = {}): Promise<saga.Job> {
  const environment = { NODE: process.execPath, HOARD: hoard, BURN: burn(0.8) };
  const job = await service.createJob(new saga.JobDescription({ script, environment, ...more }));
  await job.run();
  return job;
}

/** Resolves with the first value that an event brings and that is at least so high. */
function reaches(job: saga.Job, metric: string, least: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const seen = (_: unknown, { value }: saga.Metric): boolean => {
      if (Number(value) < least) return true;
      resolve(Number(value));
      return false;
    };
    job.addCallback(metric, seen).catch(reject);
  });
}

/** Asks until the value is at least so high. */
async function asked(job: saga.Job, name: string, least: number): Promise<number> {
  for (;;) {
    const value = Number((await job.getMetric(name)).value);
    if (value >= least) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const finalValue = async (job: saga.Job, name: string): Promise<number> => {
  const metric = await job.getMetric(name);
  expect(metric.mode).toBe('Final');
  return Number(metric.value);
};

describe('a running job', () => {
  rule(205, 'memory of all processes fires while it runs; the high-water mark stays', async () => {
    const job = await running('exec "$NODE" -e "$HOARD"', { numberOfProcesses: 2 });
    const both = await reaches(job, 'job.memory_use', 2 * MEGABYTES);
    expect(Number((await job.getMetric('job.vmemory_use')).value)).toBeGreaterThan(both);
    await job.cancel(-1);
    // The keeper knows the largest process only, which has half of it.
    expect(await finalValue(job, 'job.memory_use')).toBeGreaterThanOrEqual(both);
    expect(await finalValue(job, 'job.vmemory_use')).toBeGreaterThan(both);
    const again = await service.getJob(job.jobID!);
    expect(await finalValue(again, 'job.memory_use')).toBe(await finalValue(job, 'job.memory_use'));
  });

  rule(205, 'the mark stays when memory is given back', async () => {
    const script = `trap 'exec sleep 1000' USR2; "$NODE" -e "$HOARD" & wait`;
    const job = await running(script);
    const high = await reaches(job, 'job.memory_use', MEGABYTES);
    const low = new Promise((resolve) => {
      void job.addCallback('job.memory_use', (_, { value }) => {
        if (Number(value) < MEGABYTES) resolve(value);
        return true;
      });
    });
    await job.signal(constants.signals.SIGUSR2);
    await low;
    await job.cancel(-1);
    expect(await finalValue(job, 'job.memory_use')).toBeGreaterThanOrEqual(high);
  });

  test('is asked when nobody watches, processes that have left its group with it', async () => {
    const job = await running('setsid sh -c \'"$NODE" -e "$HOARD" & exit\'; sleep 1000');
    expect(await asked(job, 'job.memory_use', MEGABYTES)).toBeLessThan(10 * MEGABYTES);
    await job.cancel(-1);
  });

  test('counts the CPU time of processes that have ended, and never less than before', async () => {
    const values: number[] = [];
    const job = await running('"$NODE" -e "$BURN"; "$NODE" -e "$BURN"; exec sleep 1000');
    await job.addCallback('job.cpu_time', (_, { value }) => values.push(Number(value)) > 0);
    // One alone uses 0.8 seconds, which are told as 1.
    const used = await reaches(job, 'job.cpu_time', 2);
    await job.cancel(-1);
    expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
    expect(Number((await job.getMetric('job.cpu_time')).value)).toBeGreaterThanOrEqual(used);
    expect((await job.getMetric('job.performance')).value).toBe('0.0');
  });
});
