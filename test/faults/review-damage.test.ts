/** Journals with anything in them: whoever reads them neither ends, nor hangs, nor signals anybody but the job. */
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { LONGEST_RECORD } from '../../src/adaptors/local/events.js';
import { thisMachine, thisProcess } from '../../src/adaptors/local/processes.js';
import * as saga from '../../src/index.js';
import { privateHome } from '../support/home.js';
import { Random, SEED } from './random.js';

const paths = privateHome();
const random = new Random(SEED);
const NAME = 'damaged00000';
const ID = `[local://localhost]-[${NAME}.1]`;
const ROUNDS = 400;

const folder = (): string => join(paths.home, 'local', NAME);
const header = { layout: 1, ...thisMachine(), submitter: thisProcess() };
const line = { n: 1, created: '1.5', cwd: '/', description: { executable: '/bin/true' } };

let service: saga.JobService;
const strays: unknown[] = [];
const onStray = (reason: unknown): void => void strays.push(reason);
beforeAll(async () => {
  service = await saga.JobService.create('local://localhost');
  process.on('unhandledRejection', onStray);
});
afterAll(async () => {
  process.off('unhandledRejection', onStray);
  await service.close();
});

function write(jobs: readonly unknown[], events: string | Buffer): void {
  rmSync(folder(), { recursive: true, force: true });
  mkdirSync(folder(), { recursive: true, mode: 0o700 });
  const lines = jobs.map((record) => (typeof record === 'string' ? record : JSON.stringify(record)));
  writeFileSync(join(folder(), 'jobs'), `\n${lines.join('\n\n')}\n`, 'latin1');
  writeFileSync(join(folder(), 'events'), events, 'latin1');
}

/** What a process sees that opens the segment now; an error is a SAGA error, or it is told. */
async function look(act: (job: saga.Job) => Promise<unknown> = (job) => job.wait(0)): Promise<string> {
  // A service of another name of the home, so that nothing is remembered.
  const alias = join(paths.directory, `alias-${String(random.below(2 ** 31))}`);
  execFileSync('ln', ['-s', paths.home, alias]);
  const before = process.env['XOSAGA_HOME'];
  process.env['XOSAGA_HOME'] = alias;
  try {
    await using other = await saga.JobService.create('local://localhost');
    await other.list();
    const job = await other.getJob(ID);
    await act(job);
    await job.getJobDescription();
    const state = await job.getState();
    return Object.entries(saga.JobState).find(([, value]) => value === state)?.[0] ?? String(state);
  } catch (error) {
    if (!saga.SagaException.is(error) || error.cause instanceof TypeError) return `threw ${String(error)}`;
    return error.getType();
  } finally {
    process.env['XOSAGA_HOME'] = before;
    rmSync(alias);
  }
}

/** Values that have broken readers before. */
const VALUES: readonly unknown[] = [
  ...[null, true, 0, -1, 1, 2, 1.5, 1e400, 2 ** 31, 2 ** 53, 1e300, '', '-1', 'NaN', '0x1', '1e3', 'x', '\ud800'],
  ...[[], {}, [1], { pid: 1 }, { pid: -1, start: '1' }, { pid: null, start: null }, '%00', '__proto__', '/', '..'],
];
const WORDS = [
  '0',
  '-1',
  '1',
  '-0',
  '2',
  '4294967296',
  '4294967295',
  '1e400',
  'NaN',
  '-',
  '--',
  '%FF',
  'x',
  '\0',
  '\xff',
];
const RECORDS = [
  'start 1 1 4711 99',
  'run 1 2 4712',
  'never 1 1 gone',
  'never 1 1 canceled',
  'end 1 3 exit 1 0 0.1 100 text',
  'end 1 3 signal 9 0 - - -',
  'end 1 3 failed ENOENT 0 - - %FF',
  'end 1 3 canceled 15 0 - - -',
  'lost 1 3',
  'suspend 1 2',
  'resume 1 3',
];

/** One value of a record, at any depth, replaced, removed or put in besides. */
function damaged(record: object): unknown {
  const copy = structuredClone(record) as Record<string, unknown>;
  const key = random.pick(Object.keys(copy));
  const value = copy[key];
  if (typeof value === 'object' && value !== null && random.below(2) > 0) copy[key] = damaged({ a: 1, ...value });
  else if (random.below(4) === 0) Reflect.deleteProperty(copy, key);
  else copy[key] = random.pick(VALUES);
  if (random.below(4) > 0) return copy;
  return JSON.stringify(copy).replace('{', '{"__proto__":{"polluted":1},"constructor":{"prototype":null},');
}

function damagedRecord(): string {
  const words = random.pick(RECORDS).split(' ');
  words[random.below(words.length)] = random.pick(WORDS);
  return words.join(' ');
}

describe('a damaged journal', () => {
  let kill: jest.SpiedFunction<typeof process.kill>;
  beforeEach(() => {
    strays.length = 0;
    kill = jest.spyOn(process, 'kill').mockImplementation(() => true);
  });

  test(`of jobs or events does no harm (XOSAGA_SEED=${String(SEED)})`, async () => {
    const wrong: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const first = random.below(3) ? header : damaged(header);
      const second = random.below(2) ? line : damaged(line);
      const records = Array.from({ length: 1 + random.below(5) }, damagedRecord);
      if (random.below(3) === 0) records.splice(1, 0, random.pick(RECORDS));
      write([first, second], `\n${records.join('\n\n')}\n`);
      const seen = await look((job) => (round % 2 ? job.wait(0) : job.cancel(0)));
      if (seen.startsWith('threw')) wrong.push(`${seen}: ${JSON.stringify([first, second, records])}`);
    }
    expect(wrong).toEqual([]);
    expect(strays).toEqual([]);
    expect(kill.mock.calls.filter(([pid]) => !(pid > 1 && pid < 2 ** 31))).toEqual([]);
    expect({}).not.toHaveProperty('polluted');
  }, 60_000);

  test.each(['0', '1', '-1', '-0', '2147483648', '1e3'])('with the process group %s stops nobody', async (group) => {
    const { pid, start } = thisProcess();
    write([header, line], `\nstart 1 1 ${String(pid)} ${start}\n\nrun 1 2 ${group}\n`);
    // Without a group that can be, the job is still being started.
    await look((job) => job.suspend({ signal: AbortSignal.timeout(200) }));
    expect(kill.mock.calls).toEqual([]);
  });

  test("with somebody else's process group stops nobody", async () => {
    const { pid, start } = thisProcess();
    write([header, line], `\nstart 1 1 ${String(pid)} ${start}\n\nrun 1 2 ${String(process.ppid)}\n`);
    await expect(look((job) => job.suspend())).resolves.toBe('IncorrectState');
    expect(kill.mock.calls).toEqual([]);
  });
});

describe('a journal', () => {
  const END = 'end 1 3 exit 0 0 - - -';

  test('with a line of many megabytes is read to its end, in little time and memory', async () => {
    const long = Buffer.alloc(64 << 20, 'start 1 1 4711 99 ');
    write([header, line], Buffer.concat([long, Buffer.from(`\n\n${END}\n`)]));
    const before = process.memoryUsage().rss;
    await expect(look()).resolves.toBe('Done');
    // A record is as long for those who read it at once as for those who read it in pieces.
    const claim = `start 1 1 4711 ${'9'.repeat(LONGEST_RECORD)}`;
    write([header, line], `\n${claim}\n\nnever 1 1 canceled\n`);
    await expect(look()).resolves.toBe('Canceled');
    expect(process.memoryUsage().rss - before).toBeLessThan(512 << 20);
  });

  test('of jobs with a line of many megabytes that are no text keeps the others', async () => {
    write([header, '\xff'.repeat(60 << 20), line], `\n${END}\n`);
    await expect(look()).resolves.toBe('Done');
  });

  test.each(['jobs', 'events'])('of %s that is a FIFO keeps nobody waiting', async (name) => {
    write([header, line], `\n${END}\n`);
    rmSync(join(folder(), name));
    execFileSync('mkfifo', [join(folder(), name)]);
    await expect(look()).resolves.toBe(name === 'jobs' ? 'DoesNotExist' : 'NoSuccess');
  });

  test.each(['jobs', 'events'])('of %s that is a link leads nowhere', async (name) => {
    write([header, line], `\n${END}\n`);
    const target = join(paths.directory, `target-${name}`);
    writeFileSync(target, readFileSync(join(folder(), name)));
    rmSync(join(folder(), name));
    execFileSync('ln', ['-s', target, join(folder(), name)]);
    expect(['DoesNotExist', 'BadParameter']).toContain(await look());
  });
});
