/**
 * A process that asks for what a state directory holds, and prints what that takes: listing all jobs, finding one.
 *
 *     node many-jobs.mjs files|jobs SEGMENTS JOBS
 *
 * Jobs that have ended, JOBS of them in each of SEGMENTS segments, are put there first, in the form that docs/state.md says.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { median } from './statistics.mjs';

const TIMES = 5;

const [way = '', segments = '', jobs = ''] = process.argv.slice(2);
const home = join(process.env['XOSAGA_HOME'] ?? '', `many-${segments}-${way}`);
const local = join(home, 'local');

/**
 * @param {object} record
 * @returns {string}
 */
function lineOf(record) {
  return `\n${JSON.stringify(record)}\n`;
}

function fill() {
  mkdirSync(local, { recursive: true, mode: 0o700 });
  const submitter = { pid: 1, start: 'never' };
  const header = lineOf({ layout: 1, host: hostname(), boot: 'before', epochAtBoot: 1.7e9, submitter });
  const description = { executable: '/bin/true', arguments: ['a', 'b'], environment: ['A=1'] };
  const numbers = Array.from({ length: Number(jobs) }, (_, i) => i + 1);
  const lines = numbers.map((n) => lineOf({ n, created: '1.00', cwd: '/', description }));
  const events = numbers.map((n) => `\nstart ${n} 1.00 2 3\n\nrun ${n} 1.01 3\n\nend ${n} 1.02 exit 0 0 0.001 900 -\n`);
  for (let i = 0; i < Number(segments); i++) {
    const folder = join(local, String(i).padStart(12, 'a'));
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(join(folder, 'jobs'), header + lines.join(''), { mode: 0o600 });
    writeFileSync(join(folder, 'events'), events.join(''), { mode: 0o600 });
  }
}

/**
 * Milliseconds: of the first time, and the median of some more.
 * @param {(i: number) => unknown} once
 * @returns {Promise<{ first: number, median: number }>}
 */
async function timesOf(once) {
  const times = [];
  for (let i = 0; i <= TIMES; i++) {
    const start = performance.now();
    await once(i);
    times.push(performance.now() - start);
  }
  const [first = NaN, ...more] = times;
  return { first, median: median(more) };
}

fill();
if (way === 'files') {
  // The least that can be done: all descriptions are read, and nothing is made of them.
  const list = await timesOf(() => readdirSync(local).map((name) => readFileSync(join(local, name, 'jobs'))));
  console.log(JSON.stringify({ listFirst: list.first, list: list.median }));
} else {
  process.env['XOSAGA_HOME'] = home;
  const { openService } = await import('./subject.mjs');
  const service = await openService();
  /** @type {string[]} */
  let ids = [];
  const list = await timesOf(async () => {
    ids = await service.list();
  });
  if (ids.length !== Number(segments) * Number(jobs)) throw new Error(`list() gave ${ids.length} jobs`);
  // Each in a segment that was not read before.
  const getJob = await timesOf(async (i) => {
    const job = await service.getJob(ids[i * Number(jobs)] ?? '');
    if (job.exitCode !== 0) throw new Error(`job ${job.jobID ?? ''} has no exit code 0`);
  });
  await service.close();
  const result = { listFirst: list.first, list: list.median, getJobFirst: getJob.first, getJob: getJob.median };
  console.log(JSON.stringify(result));
}
