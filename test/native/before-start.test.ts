import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';

import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import {
  eventually,
  launchers,
  processesOf,
  removeScratch,
  Segment,
  startOf,
  type JobWish,
  type Launcher,
} from './launched.js';

const sh = (script: string, ...args: string[]): JobWish => ({ argv: ['/bin/sh', '-c', script, 'sh', ...args] });
const done = { argv: ['/bin/true'] };
/** Runs until there is a file `go`, or one of that name. */
const untilGo = (name = 'go', code = 0): JobWish =>
  sh(`while [ ! -e "$1" ]; do sleep 0.01; done; exit ${String(code)}`, name);

jest.setTimeout(30_000);
afterAll(removeScratch);

describe.each(launchers())('before a job starts, the $name launcher', (kind) => {
  let segment: Segment;
  let launcher: Launcher;

  beforeEach(() => {
    segment = new Segment(kind);
    launcher = segment.launcher();
  });

  afterEach(async () => {
    await segment.close();
  });

  const words = (n: number): string[] =>
    segment.records(n).map((record) =>
      record
        .slice(0, 1)
        .concat(record[0] === 'phase' ? (record[3] ?? '') : [])
        .join(' '),
    );
  const phase = async (n: number, name: string, times = 1): Promise<unknown> =>
    eventually(
      `phase ${name} of job ${String(n)}`,
      () => segment.records(n, 'phase').filter((record) => record[3] === name).length >= times,
    );

  /** As an observer does. */
  async function tell(n: number, record: 'hold' | 'release'): Promise<void> {
    segment.append(`${record} ${String(n)} 1.5`);
    process.kill(await segment.keeper(n), 'SIGUSR2');
  }

  /** What became of it. */
  async function cancel(n: number): Promise<string[]> {
    process.kill(await segment.keeper(n), 'SIGTERM');
    const { outcome } = await segment.end(n);
    return [...outcome, ...segment.records(n, 'run').flat()];
  }

  test('writes no phase for a job that waits for nothing', async () => {
    launcher.submit(1, { ...done, startTime: 1, places: [segment.places(1, 1)] });
    expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
    expect(words(1)).toEqual(['start', 'run', 'end']);
  });

  describe('holds', () => {
    test('a job that was submitted so until it is released', async () => {
      launcher.submit(1, { ...done, hold: true });
      await phase(1, 'held');
      await tell(1, 'release');
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
      expect(words(1)).toEqual(['start', 'phase held', 'release', 'run', 'end']);
    });

    test('a job whose hold stands in the journal already', async () => {
      segment.append('hold 1 1.5');
      segment.append('release 11 1.5');
      segment.append('release 1');
      launcher.submit(1, done);
      await phase(1, 'held');
      expect(await cancel(1)).toEqual(['canceled', '15', '0']);
    });

    test('nothing after a release that came first', async () => {
      segment.append('release 1 1.5');
      launcher.submit(1, { ...done, hold: true });
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
      expect(words(1)).toEqual(['release', 'start', 'run', 'end']);
    });

    test('a job again and again, and lets others take its turn', async () => {
      const places = [segment.places(1, 1)];
      launcher.submit(1, { ...untilGo(), places });
      await segment.record(1, 'run');
      launcher.submit(2, { ...done, places });
      await phase(2, 'pending');
      await tell(2, 'hold');
      await phase(2, 'held');
      await tell(2, 'release');
      await phase(2, 'pending', 2);
      await tell(2, 'hold');
      await phase(2, 'held', 2);
      launcher.submit(3, { ...done, places });
      writeFileSync(segment.file('go'), '');
      await segment.end(3);
      expect(segment.records(2, 'run')).toEqual([]);
      await tell(2, 'release');
      expect((await segment.end(2)).outcome).toEqual(['exit', '0', '0']);
    });

    test('a job that waits in the queue', async () => {
      const places = [segment.places(1, 1)];
      launcher.submit(1, { ...untilGo(), places });
      await segment.record(1, 'run');
      for (const n of [2, 3]) {
        launcher.submit(n, { ...done, places });
        await phase(n, 'pending');
      }
      await eventually('the queue', () => segment.queue() === 1);
      await tell(3, 'hold');
      await phase(3, 'held');
      expect(await cancel(3)).toEqual(['canceled', '15', '0']);
      writeFileSync(segment.file('go'), '');
      await segment.end(2);
    });

    test('no job that runs', async () => {
      launcher.submit(1, untilGo());
      await segment.record(1, 'run');
      await tell(1, 'hold');
      writeFileSync(segment.file('go'), '');
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
    });
  });

  describe('waits for the start time', () => {
    test('and starts then', async () => {
      const startTime = Math.floor(Date.now() / 1000) + 2;
      launcher.submit(1, { ...sh('date +%s >at'), startTime });
      await phase(1, 'pending');
      await segment.end(1);
      expect(Number(segment.read('at'))).toBeGreaterThanOrEqual(startTime);
      expect(words(1)).toEqual(['start', 'phase pending', 'run', 'end']);
    });

    test('and is canceled meanwhile', async () => {
      launcher.submit(1, { ...done, startTime: 1e11 });
      await phase(1, 'pending');
      expect(await cancel(1)).toEqual(['canceled', '15', '0']);
    });
  });

  describe('waits for other jobs:', () => {
    test.each([
      ['after', 'exit 0', true],
      ['after', 'exit 3', true],
      ['afterok', 'exit 0', true],
      ['afterok', 'exit 3', false],
      ['afternotok', 'exit 0', false],
      ['afternotok', 'exit 3', true],
      ['afterany', 'exit 0', true],
      ['afterany', 'exit 3', true],
    ])('%s, of one that ends by %s', async (type, script, runs) => {
      launcher.submit(1, sh(script));
      await segment.end(1);
      launcher.submit(2, { ...done, dependencies: [segment.dependency(type, 1)] });
      const { outcome, text } = await segment.end(2);
      if (runs) {
        expect(outcome).toEqual(['exit', '0', '0']);
      } else {
        expect(outcome).toEqual(['failed', 'ECANCELED', '0']);
        expect(text).toBe(`the dependency '${type}' on job ${segment.id(1)} cannot be met any more`);
        expect(segment.records(2, 'run')).toEqual([]);
      }
    });

    test('until the last of them has ended', async () => {
      launcher.submit(2, { ...sh('[ -e go ]'), dependencies: [segment.dependency('afterok', 3, 5)] });
      await phase(2, 'pending');
      for (const n of [3, 4]) launcher.submit(n, done);
      for (const n of [3, 4]) await segment.end(n);
      launcher.submit(5, untilGo());
      await segment.record(5, 'run');
      writeFileSync(segment.file('go'), '');
      expect((await segment.end(2)).outcome).toEqual(['exit', '0', '0']);
      expect(words(2)).toEqual(['start', 'phase pending', 'run', 'end']);
    });

    test('and starts while they run, if that is enough', async () => {
      launcher.submit(2, { ...sh(': >go'), dependencies: [segment.dependency('after', 1)] });
      await phase(2, 'pending');
      launcher.submit(1, untilGo());
      await segment.end(2);
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
    });

    test('and names the first that makes it impossible', async () => {
      const dependencies = [segment.dependency('afterok', 3, 5)];
      launcher.submit(2, { ...done, dependencies });
      await phase(2, 'pending');
      launcher.submit(4, sh('exit 1'));
      const { outcome, text } = await segment.end(2);
      expect(outcome).toEqual(['failed', 'ECANCELED', '0']);
      expect(text).toContain(segment.id(4));
    });

    test('and records that one will never start whose submitter is gone', async () => {
      const gone = `:1-1:${String(2 ** 22)}:1`;
      launcher.submit(2, { ...done, dependencies: [`afterany=${segment.name}${gone}`] });
      expect((await segment.end(2)).outcome).toEqual(['exit', '0', '0']);
      expect(segment.records(1).map((record) => record.filter((_, i) => i !== 2))).toEqual([['never', '1', 'gone']]);
      launcher.submit(3, { ...done, dependencies: [`after=${segment.name}${gone}`] });
      expect((await segment.end(3)).outcome).toEqual(['failed', 'ECANCELED', '0']);
    });

    test('and records that one is lost whose keeper is dead, and kills what is left of it', async () => {
      const other = segment.launcher();
      other.submit(1, sh('setsid sleep 1000 & sleep 1000'));
      await segment.record(1, 'run');
      await eventually('the daemon', () => processesOf(segment.id(1)).length >= 2);
      launcher.submit(2, { ...done, dependencies: [segment.dependency('afternotok', 1)] });
      await phase(2, 'pending');
      other.process.kill('SIGKILL');
      await once(other.process, 'exit');
      process.kill(await segment.keeper(1), 'SIGKILL');
      expect((await segment.end(2)).outcome).toEqual(['exit', '0', '0']);
      expect(segment.records(1, 'lost')).toHaveLength(1);
      await eventually('the end of what was left', () => processesOf(segment.id(1)).length === 0);
    });

    test('of which the log is gone: they have ended somehow', async () => {
      const on = (type: string): string => `${type}=nowhere:1-1:${String(process.pid)}:${startOf(process.pid) ?? ''}`;
      launcher.submit(1, { ...done, dependencies: [on('afterany'), on('after')] });
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
      launcher.submit(2, { ...done, dependencies: [on('afternotok')] });
      expect((await segment.end(2)).outcome).toEqual(['failed', 'ECANCELED', '0']);
    });

    test('torn records are none', async () => {
      for (const record of ['end 1 1.5 exit 0', 'end 1 1.5 exit 0 0 - -', 'end 11 1.5 exit 0 0 - - -', 'lost 1'])
        segment.append(record);
      launcher.submit(2, { ...done, dependencies: [segment.dependency('afterany', 1)] });
      await phase(2, 'pending');
      expect(await cancel(2)).toEqual(['canceled', '15', '0']);
    });

    test('is canceled and held meanwhile', async () => {
      launcher.submit(2, { ...done, dependencies: [segment.dependency('afterany', 1)] });
      await phase(2, 'pending');
      await tell(2, 'hold');
      await phase(2, 'held');
      expect(await cancel(2)).toEqual(['canceled', '15', '0']);
    });
  });

  describe('waits for places', () => {
    test('so that never more run than there are', async () => {
      const script = 'echo + >>log; sleep 0.02; echo - >>log';
      for (let n = 1; n <= 12; n++) launcher.submit(n, { ...sh(script), places: [segment.places(1, 3)] });
      for (let n = 1; n <= 12; n++) expect((await segment.end(n)).outcome).toEqual(['exit', '0', '0']);
      let running = 0;
      const peak = segment
        .read('log')
        .trim()
        .split('\n')
        .map((sign) => (running += sign === '+' ? 1 : -1));
      expect(peak).toHaveLength(24);
      expect(Math.max(...peak)).toBeLessThanOrEqual(3);
    });

    test('in the order in which they come', async () => {
      const places = [segment.places(1, 1)];
      launcher.submit(1, { ...untilGo(), places });
      await segment.record(1, 'run');
      const order = [5, 3, 6, 2, 4];
      for (const [i, n] of order.entries()) {
        launcher.submit(n, { ...sh(`echo ${String(n)} >>order`), places });
        await phase(n, 'pending');
        await eventually('the queue', () => segment.queue() === i);
      }
      writeFileSync(segment.file('go'), '');
      for (const n of order) await segment.end(n);
      expect(segment.read('order')).toBe(`${order.join('\n')}\n`);
    });

    test('and gets that of a keeper that was killed', async () => {
      const places = [segment.places(1, 1)];
      launcher.submit(1, { ...sh('exec sleep 1000'), places });
      await segment.record(1, 'run');
      launcher.submit(2, { ...done, places });
      await phase(2, 'pending');
      process.kill(await segment.keeper(1), 'SIGKILL');
      expect((await segment.end(2)).outcome).toEqual(['exit', '0', '0']);
      for (const pid of processesOf(segment.id(1))) process.kill(pid, 'SIGKILL');
    });

    test('behind one that was killed while it waited', async () => {
      const places = [segment.places(1, 1)];
      launcher.submit(1, { ...untilGo(), places });
      await segment.record(1, 'run');
      for (const n of [2, 3, 4]) {
        launcher.submit(n, { ...done, places });
        await phase(n, 'pending');
      }
      await eventually('the queue', () => segment.queue() === 2);
      for (const n of [2, 3]) process.kill(await segment.keeper(n), 'SIGKILL');
      writeFileSync(segment.file('go'), '');
      expect((await segment.end(4)).outcome).toEqual(['exit', '0', '0']);
    });

    test('as many as it needs', async () => {
      for (const n of [1, 2]) launcher.submit(n, { ...untilGo(`go${String(n)}`), places: [segment.places(1, 2)] });
      for (const n of [1, 2]) await segment.record(n, 'run');
      launcher.submit(3, { ...done, processes: 2, places: [segment.places(2, 2)] });
      await phase(3, 'pending');
      writeFileSync(segment.file('go1'), '');
      await segment.end(1);
      expect(segment.records(3, 'run')).toEqual([]);
      writeFileSync(segment.file('go2'), '');
      expect((await segment.end(3)).outcome).toEqual(['exit', '0', '0']);
    });

    test('of two kinds, and gives both back', async () => {
      const places = [segment.places(1, 1, 'array'), segment.places(1, 1)];
      for (let n = 1; n <= 4; n++) launcher.submit(n, { ...done, places });
      for (let n = 1; n <= 4; n++) expect((await segment.end(n)).outcome).toEqual(['exit', '0', '0']);
    });

    test('and is canceled meanwhile, at the head of the queue and in it', async () => {
      const places = [segment.places(1, 1)];
      launcher.submit(1, { ...untilGo(), places });
      await segment.record(1, 'run');
      for (const n of [2, 3, 4]) {
        launcher.submit(n, { ...done, places });
        await phase(n, 'pending');
      }
      await eventually('the queue', () => segment.queue() === 2);
      expect(await cancel(3)).toEqual(['canceled', '15', '0']);
      expect(await cancel(2)).toEqual(['canceled', '15', '0']);
      writeFileSync(segment.file('go'), '');
      expect((await segment.end(4)).outcome).toEqual(['exit', '0', '0']);
    });

    test('in a directory that is not there: the job fails and says so', async () => {
      launcher.submit(1, { ...done, places: [{ directory: 'nowhere', needed: 1, all: 1 }] });
      const { outcome, text } = await segment.end(1);
      expect(outcome).toEqual(['failed', 'ENOENT', '0']);
      expect(text).toMatch(/^cannot wait for a place in '.*\/nowhere': No such/);
    });

    test('and ends with its submitter when it is interactive', async () => {
      const submitter = spawn('sleep', ['1000'], { stdio: 'ignore' });
      const pid = submitter.pid ?? 0;
      const start = await eventually('the submitter', () => startOf(pid));
      const places = [segment.places(1, 1)];
      launcher.submit(1, { ...untilGo(), places });
      await segment.record(1, 'run');
      segment.launcher({ submitter: { pid, start } }).submit(2, { ...sh('cat'), interactive: true, places });
      await phase(2, 'pending');
      submitter.kill('SIGKILL');
      await once(submitter, 'exit');
      writeFileSync(segment.file('go'), '');
      expect((await segment.end(2)).outcome).toEqual(['canceled', '15', '0']);
    });
  });

  test('kills what is left of a job whose keeper is dead, before it says so', async () => {
    const left = spawn('sleep', ['1000'], { env: { XOSAGA_JOB_ID: segment.id(4) }, stdio: 'ignore' });
    segment.append('start 4 1.5 4194304 1');
    launcher.submit(2, { ...done, dependencies: [segment.dependency('afterany', 4)] });
    await once(left, 'exit');
    expect(left.signalCode).toBe('SIGKILL');
    expect((await segment.end(2)).outcome).toEqual(['exit', '0', '0']);
    expect(segment.records(4, 'lost')).toHaveLength(1);
  });

  if (kind.exact) {
    test('takes places of more than it can have open', async () => {
      const places = segment.places(1, 2000);
      launcher.submit(1, { ...done, places: [places] });
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
      launcher.submit(2, { ...done, places: [segment.places(2000, 2000)] });
      expect((await segment.end(2)).outcome).toEqual(['failed', 'EMFILE', '0']);
    });

    test.each(['held', 'at', 'dependency', 'queue', 'head'])(
      'knows that a job is lost whose keeper was killed: %s',
      async (step) => {
        const places = [segment.places(1, 1)];
        launcher.submit(1, { ...untilGo(), places });
        await segment.record(1, 'run');
        const wishes: Record<string, Partial<JobWish>> = {
          held: { hold: true },
          at: { startTime: 1e11 },
          dependency: { dependencies: [segment.dependency('afterok', 1)] },
          queue: { places },
          head: { places },
        };
        if (step === 'queue') {
          launcher.submit(2, { ...done, places });
          await phase(2, 'pending');
        }
        launcher.submit(3, { ...done, ...wishes[step] });
        await phase(3, step === 'held' ? 'held' : 'pending');
        process.kill(await segment.keeper(3), 'SIGKILL');
        await segment.record(3, 'lost');
        writeFileSync(segment.file('go'), '');
        launcher.submit(4, { ...done, places });
        expect((await segment.end(4)).outcome).toEqual(['exit', '0', '0']);
        expect(segment.records(3, 'run')).toEqual([]);
      },
    );
  }

  test('does what was asked last, however many ask', async () => {
    const jobs = Array.from({ length: 12 }, (_, i) => i + 1);
    const held = new Set<number>();
    const places = [segment.places(1, 2)];
    for (const n of jobs) launcher.submit(n, { ...sh('sleep 0.05'), hold: n % 2 === 0, places });
    for (const n of jobs) await segment.keeper(n);
    for (let i = 0; i < 150; i++) {
      const n = jobs[Math.floor(Math.random() * jobs.length)] ?? 1;
      const keeper = await segment.keeper(n);
      if (segment.records(n, 'end').length > 0 || startOf(keeper) === undefined) continue;
      const action = Math.random();
      if (action < 0.05) {
        process.kill(keeper, 'SIGTERM');
      } else {
        const record = action < 0.5 ? 'hold' : 'release';
        if (record === 'hold') held.add(n);
        segment.append(`${record} ${String(n)} 1.5`);
        if (startOf(keeper) !== undefined) process.kill(keeper, 'SIGUSR2');
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const n of jobs) {
      segment.append(`release ${String(n)} 9.5`);
      const keeper = await segment.keeper(n);
      if (startOf(keeper) !== undefined) process.kill(keeper, 'SIGUSR2');
    }
    for (const n of jobs) {
      const { outcome } = await segment.end(n);
      expect(['exit', 'canceled']).toContain(outcome[0]);
      const [start, ...rest] = segment.records(n).filter(([word]) => ['start', 'run', 'end'].includes(word ?? ''));
      expect(start?.[0]).toBe('start');
      expect(rest.map(([word]) => word)).toEqual(
        outcome[0] === 'exit' ? ['run', 'end'] : rest.length === 2 ? ['run', 'end'] : ['end'],
      );
      // Of a job that is held nothing is told until it is released.
      let isHeld = false;
      for (const record of segment.records(n)) {
        if (record[0] === 'release') isHeld = false;
        else if (record[0] === 'phase') isHeld = record[3] === 'held';
        if (isHeld) expect(['phase', 'hold', 'start', 'end']).toContain(record[0]);
      }
    }
  });

  test.each([
    'places=p:2/1',
    'places=p:0/1',
    'places=:1/1',
    'at=',
    'at=x',
    'afterok=seg',
    'afterok=seg:2-1:1:1',
    'afterok=seg:0-1:1:1',
    'afterok=../x:1-1:1:1',
    'afterok=seg:1-1:1:',
    'before=seg:1-1:1:1',
    'held',
  ])('takes no frame with %s', async (word) => {
    if (!kind.exact) return; // of these the shell looks at the form alone: only one program writes them
    launcher.write(segment.frame(1, { ...sh(': >ran'), dependencies: [word] }));
    launcher.submit(2, done);
    await segment.end(2);
    await launcher.end();
    expect(launcher.complaints).toBe('bad frame\n');
    expect(existsSync(segment.file('ran'))).toBe(false);
  });
});
