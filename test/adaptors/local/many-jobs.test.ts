/** A state directory with thousands of finished jobs: all are listed, each is found. How fast, `npm run bench` tells. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { thisMachine, type Machine } from '../../../src/adaptors/local/processes.js';
import * as saga from '../../../src/index.js';
import { privateHome } from '../../support/home.js';

const paths = privateHome();
const record = (line: object): string => `\n${JSON.stringify(line)}\n`;

/** Segments of jobs that have ended with the exit code `n % 256`. @returns the ids of the jobs, sorted. */
function fill(segments: number, jobs: number, machine: Machine = thisMachine()): string[] {
  const numbers = Array.from({ length: jobs }, (_, i) => i + 1);
  const header = record({ layout: 1, ...machine, submitter: { pid: 2 ** 22 + 1, start: '1' } });
  const line = (n: number): string =>
    record({ n, created: '1.00', cwd: '/', description: { executable: 'x', arguments: [`ä${String(n)}`, '\udcff'] } });
  const end = (n: number): string =>
    `\nstart ${String(n)} 1.0 9 9\n\nend ${String(n)} 2.0 exit ${String(n % 256)} 0 - - -\n`;
  return Array.from({ length: segments }, (_, i) => {
    const name = `m${String(jobs)}x${String(i)}`.padEnd(12, 'x');
    const folder = join(paths.home, 'local', name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'jobs'), header + numbers.map(line).join(''));
    writeFileSync(join(folder, 'events'), numbers.map(end).join(''));
    return numbers.map((n) => `[local://localhost]-[${name}.${String(n)}]`);
  })
    .flat()
    .sort();
}

let service: saga.JobService;
beforeAll(async () => {
  service = await saga.JobService.create('local://localhost');
});
afterAll(() => service.close());

describe.each([
  ['10 segments of 512 jobs', 10, 512],
  ['5000 segments of one job', 5000, 1],
])('a state directory of %s', (_, segments, jobs) => {
  let ids: string[] = [];
  /** Those that `fill` has made, sorted. */
  const filledOf = (seen: readonly string[]): string[] =>
    seen.filter((id) => id.includes(`-[m${String(jobs)}x`)).sort();
  beforeAll(() => {
    ids = fill(segments, jobs);
  }, 60_000);

  test('lists all of them, at once and again', async () => {
    expect(ids).toHaveLength(segments * jobs);
    for (const list of await Promise.all([service.list(), service.list()])) expect(filledOf(list)).toEqual(ids);
  });

  test('gives each, with its end and its description', async () => {
    for (const id of [ids[0]!, ids[Math.floor(ids.length / 2)]!, ids.at(-1)!]) {
      const n = Number(/\.(\d+)\]$/.exec(id)![1]);
      const job = await service.getJob(id);
      expect(job.exitCode).toBe(n % 256);
      expect((await job.getJobDescription()).arguments).toEqual([`ä${String(n)}`, '\udcff']);
    }
  });

  test('sees what comes later', async () => {
    const job = await service.createJob(new saga.JobDescription({ executable: '/bin/true' }));
    await job.run();
    const seen = await service.list();
    expect(seen).toContain(job.jobID);
    expect(filledOf(seen)).toEqual(ids);
    await job.wait();
  });
});

test('a list leaves out jobs of other hosts and lines that are not whole', async () => {
  const [mine = ''] = fill(1, 1);
  fill(1, 2, { ...thisMachine(), host: 'elsewhere-ä' });
  const folder = join(paths.home, 'local', 'm3'.padEnd(12, 'x'));
  mkdirSync(folder);
  const torn = record({ n: 1, created: '1', cwd: '/', description: {} }).trimEnd().slice(0, -1);
  const header = record({ layout: 1, ...thisMachine(), submitter: { pid: 1, start: '1' } });
  writeFileSync(join(folder, 'jobs'), `${header}${torn}\n${record({ n: 2, created: '1', cwd: '/', description: {} })}`);
  writeFileSync(join(folder, 'events'), '');
  const found = (await service.list()).filter((id) => /-\[m(1x0x|2|3)x/.test(id));
  expect(found.sort()).toEqual([mine, '[local://localhost]-[m3xxxxxxxxxx.2]']);
});

test('a script larger than what is read at once is listed', async () => {
  const job = await service.createJob(new saga.JobDescription({ script: `true #${'x'.repeat(1 << 20)}` }));
  await job.run();
  expect(await service.list()).toContain(job.jobID);
  await job.wait();
});
