import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { JobLog } from '../../../src/adaptors/local/events.js';
import { thisMachine, thisProcess } from '../../../src/adaptors/local/processes.js';
import { SegmentLog } from '../../../src/adaptors/local/segment-log.js';
import { parseJobs, readHeader, readJobLine, readJobLines } from '../../../src/adaptors/local/segment-reader.js';
import { SegmentWriter } from '../../../src/adaptors/local/segment-writer.js';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'xosaga-segment-'));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

const SPEC = { executable: '/bin/true', arguments: ['ä', '\udcff', '\n', '"'] };

/** No process has this name: pids end before. */
const DEAD = { pid: 2 ** 22 + 1, start: '1' };

/** A segment with one job; its submitter is the given process. */
function segment(submitter: { pid: number; start: string }, ...records: string[]): string {
  const writer = new SegmentWriter(home);
  writer.append(SPEC, '/work');
  writer.close();
  const jobs = join(home, writer.name, 'jobs');
  const text = readFileSync(jobs, 'utf8').replace(/"submitter":\{[^}]*\}/, `"submitter":${JSON.stringify(submitter)}`);
  writeFileSync(jobs, text);
  for (const record of records) appendFileSync(join(home, writer.name, 'events'), `\n${record}\n`);
  return writer.name;
}

async function withLog<T>(name: string, use: (log: SegmentLog) => Promise<T>): Promise<T> {
  const log = SegmentLog.open(home, name)!;
  log.jobs.find(1);
  try {
    return await use(log);
  } finally {
    log.close();
  }
}

const events = (name: string): string => readFileSync(join(home, name, 'events'), 'utf8');

describe('a journal of jobs', () => {
  test('is there as a whole, for its user alone', async () => {
    const writer = new SegmentWriter(home);
    expect(writer.name).toMatch(/^[a-z0-9]{12}$/);
    expect(readdirSync(home)).toEqual([writer.name]);
    expect(readdirSync(join(home, writer.name)).sort()).toEqual(['events', 'jobs']);
    expect(statSync(join(home, writer.name)).mode & 0o777).toBe(0o700);
    expect(statSync(join(home, writer.name, 'jobs')).mode & 0o777).toBe(0o600);
    expect(statSync(join(home, writer.name, 'events')).mode & 0o777).toBe(0o600);
    await writer.durable();
    writer.close();
  });

  test('gives back what was written, byte for byte', async () => {
    const writer = new SegmentWriter(home);
    const lines = [writer.append(SPEC, '/work\udc80'), writer.append({ executable: 'x' }, '/')];
    await writer.durable();
    writer.close();
    expect(readJobLines(home, writer.name)).toEqual(lines);
    expect([1, 2, 3].map((n) => readJobLine(home, writer.name, n))).toEqual([...lines, undefined]);
    expect(lines.map(({ n }) => n)).toEqual([1, 2]);
    expect(readHeader(home, writer.name)).toEqual({ layout: 1, ...thisMachine(), submitter: thisProcess() });
  });

  test('that is not there, or without a whole header, is none', () => {
    expect(readHeader(home, 'abcdefabcdef')).toBeUndefined();
    expect(readJobLine(home, 'abcdefabcdef', 1)).toBeUndefined();
    expect(parseJobs(Buffer.from('')).header).toBeUndefined();
    const torn = '\n{"layout":1,"host":"h","boot":"b","epochAtBoot":1,"submitter":{"pid":1,"start":"1"}}';
    expect(parseJobs(Buffer.from(torn)).header).toBeUndefined();
    expect(parseJobs(Buffer.from(`${torn}\n`)).header).toBeDefined();
  });

  test('of which lines are torn keeps the others', () => {
    const header = '{"layout":1,"host":"h","boot":"b","epochAtBoot":1,"submitter":{"pid":1,"start":"1"}}';
    const whole = '{"n":1,"created":"1","cwd":"/","description":{}}';
    const text = `\n${header}\n\n${whole.slice(0, 20)}\n${whole}\n\n\xff\0\n17\nnull\n[]\n{"n":"2"}\n\n${whole.replace('1', '3')}`;
    const found = parseJobs(Buffer.from(text, 'latin1'));
    expect(found.header).toEqual(JSON.parse(header));
    expect([...found.jobs.keys()]).toEqual([1]);
  });

  test('is searched for one line, past those that are torn', () => {
    const writer = new SegmentWriter(home);
    writer.close();
    const file = join(home, writer.name, 'jobs');
    const line = '{"n":1,"created":"1","cwd":"/","description":{"name":"{\\"n\\":2,"}}';
    appendFileSync(file, `\n${line.slice(0, 20)}\n\n{"n":1,}\n\n${line}\n\n{"n":12,"created":"1"\n\n{"n":3,"cwd":"/"`);
    expect(readJobLine(home, writer.name, 1)).toEqual(JSON.parse(line));
    for (const n of [2, 3, 12]) expect(readJobLine(home, writer.name, n)).toBeUndefined();
  });

  test('leaves nothing when it cannot be made', () => {
    rmSync(home, { recursive: true });
    writeFileSync(home, '');
    expect(() => new SegmentWriter(home)).toThrow(/ENOTDIR/);
  });
});

describe('the log of a segment', () => {
  test('leaves a job alone that its submitter may still start', async () => {
    const name = segment(thisProcess());
    await withLog(name, async (log) => {
      expect(await log.observe(1)).toEqual({});
      expect((await log.unclaimed()).map(({ n }) => n)).toEqual([1]);
    });
    expect(events(name)).toBe('');
  });

  test('records that a job will never be started when its submitter is gone', async () => {
    const name = segment(DEAD);
    await withLog(name, async (log) => {
      expect((await log.observe(1)).claim).toMatchObject({ by: 'nobody', reason: 'gone' });
    });
    expect(events(name)).toMatch(/^\nnever 1 [0-9.]+ gone\n$/);
  });

  test('records that a job is lost when its keeper is gone', async () => {
    const name = segment(thisProcess(), `start 1 1.5 ${String(DEAD.pid)} ${DEAD.start}`, 'run 1 1.6 4194305');
    await withLog(name, async (log) => {
      expect((await log.observe(1)).end).toMatchObject({ kind: 'lost' });
    });
    expect(events(name)).toMatch(/\nlost 1 [0-9.]+\n$/);
  });

  test('has none of the files of a keeper that is gone', async () => {
    const name = segment(thisProcess(), `start 1 2 ${String(DEAD.pid)} ${DEAD.start}`);
    const files = ['1.stdin', '1.alive', '1.err', '1.rank', '1.ranks', '1.staging', '1.stdout', '2.err'];
    for (const file of files) writeFileSync(join(home, name, file), '');
    await withLog(name, (log) => log.observe(1));
    expect(readdirSync(join(home, name)).sort()).toEqual(['1.stdout', '2.err', 'events', 'jobs']);
  });

  test('believes in a keeper that lives, and in no other process with its pid', async () => {
    const { pid, start } = thisProcess();
    const alive = segment(DEAD, `start 1 1.5 ${String(pid)} ${start}`);
    await withLog(alive, async (log) => {
      expect((await log.observe(1)).end).toBeUndefined();
    });
    const reused = segment(DEAD, `start 1 1.5 ${String(pid)} ${start}1`);
    await withLog(reused, async (log) => {
      expect((await log.observe(1)).end).toMatchObject({ kind: 'lost' });
    });
  });

  test('does not take a torn claim for one', async () => {
    const name = segment(DEAD, 'start 1 1.5 47');
    await withLog(name, async (log) => {
      expect((await log.observe(1)).claim).toMatchObject({ by: 'nobody' });
    });
  });

  test('does not hand out again what was told to have ended', async () => {
    // A keeper that was killed before its claim: the launcher records it.
    const name = segment(thisProcess(), 'lost 1 1.5');
    await withLog(name, async (log) => {
      expect(await log.unclaimed()).toEqual([]);
    });
  });

  test('tells a refusal of the launcher, and asks for no second try', async () => {
    const name = segment(thisProcess());
    await withLog(name, async (log) => {
      const told = new Promise<JobLog>((resolve) => log.watch(1, resolve));
      log.refuse(1, 'no space');
      expect((await told).claim).toMatchObject({ by: 'nobody', reason: 'gone' });
      expect(log.refusal(1)).toBe('no space');
      expect(await log.unclaimed()).toEqual([]);
    });
  });

  test('tells listeners what others append, until they have had enough', async () => {
    const name = segment(thisProcess());
    await withLog(name, async (log) => {
      const { pid, start } = thisProcess();
      const seen: JobLog[] = [];
      await new Promise<void>((resolve) => {
        const stop = log.watch(1, (job) => {
          seen.push({ ...job });
          if (job.run) {
            stop();
            resolve();
          }
        });
        log.append(`start 1 1.5 ${String(pid)} ${start}`);
        log.append('run 1 1.6 4194305');
      });
      const told = seen.length;
      log.append('end 1 2 exit 0 0 - - -');
      expect((await log.observe(1)).end).toMatchObject({ kind: 'exit' });
      expect(seen).toHaveLength(told);
      expect(seen.at(-1)?.end).toBeUndefined();
    });
  });

  test('reads a record that comes in two writes', async () => {
    const name = segment(thisProcess());
    await withLog(name, async (log) => {
      const file = join(home, name, 'events');
      appendFileSync(file, '\nlost 1');
      expect((await log.observe(1)).end).toBeUndefined();
      appendFileSync(file, ' 1.5\n');
      expect((await log.observe(1)).end).toMatchObject({ kind: 'lost' });
    });
  });

  test('finds jobs that were added after it was opened', async () => {
    const name = segment(DEAD);
    await withLog(name, async (log) => {
      const line = '{"n":2,"created":"1","cwd":"/","description":{}}';
      expect(log.jobs.find(2)).toBeUndefined();
      appendFileSync(join(home, name, 'jobs'), `\n${line}\n`);
      expect(log.jobs.find(2)).toEqual(JSON.parse(line));
      await log.observe(2);
    });
  });

  test('passes on who waits for a claim that does not come', async () => {
    const name = segment(thisProcess());
    const pending: number[] = [];
    const log = new SegmentLog(home, name, readHeader(home, name)!, ({ n }) => pending.push(n));
    log.jobs.find(1);
    await log.observe(1);
    log.close();
    expect(pending).toEqual([1]);
  });
});
