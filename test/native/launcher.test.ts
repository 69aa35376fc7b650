import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';

import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';

import {
  eventually,
  killAll,
  launchers,
  memoryGroups,
  missingShells,
  processesIn,
  processesOf,
  removeScratch,
  Segment,
  startOf,
  type JobWish,
} from './launched.js';

const sh = (script: string, ...args: string[]): JobWish => ({ argv: ['/bin/sh', '-c', script, 'sh', ...args] });

jest.setTimeout(20_000);
afterAll(removeScratch);

describe.each(launchers())('the $name launcher', (kind) => {
  let segment: Segment;

  beforeEach(() => {
    segment = new Segment(kind);
  });

  afterEach(async () => {
    await segment.close();
  });

  /** Runs one job to its end. */
  async function run(wish: JobWish): ReturnType<Segment['end']> {
    segment.launcher().submit(1, wish);
    return segment.end(1);
  }

  describe('the outcome', () => {
    test('is the exit code', async () => {
      const launcher = segment.launcher();
      const codes = [0, 1, 7, 255];
      codes.forEach((code, i) => {
        launcher.submit(i + 1, sh(`exit ${String(code)}`));
      });
      for (const [i, code] of codes.entries()) {
        expect((await segment.end(i + 1)).outcome).toEqual(['exit', String(code), '0']);
      }
      expect(launcher.complaints).toBe('');
    });

    test('comes after start and run, with times that do not go back', async () => {
      await run({ argv: ['/bin/true'] });
      const records = segment.records(1);
      expect(records.map(([word]) => word)).toEqual(['start', 'run', 'end']);
      const times = records.map((words) => Number(words[2]));
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect(times[0]).toBeLessThanOrEqual(Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) + 0.01);
    });

    test.each([9, 15, 11])('is signal %i, which a shell takes for an exit code', async (signal) => {
      const { outcome } = await run(sh(`kill -${String(signal)} $$`));
      expect(outcome).toEqual(kind.exact ? ['signal', String(signal), '0'] : ['exit', String(128 + signal), '0']);
    });

    test('tells what was used, where the launcher can know', async () => {
      const { cpu, rss } = await run(sh('i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'));
      if (kind.exact) {
        expect(Number(cpu)).toBeGreaterThan(0);
        expect(Number(rss)).toBeGreaterThan(100);
      } else {
        expect([cpu, rss]).toEqual(['-', '-']);
      }
    });

    test('holds the end of standard error, byte for byte', async () => {
      const bytes = randomBytes(5000);
      writeFileSync(segment.file('noise'), bytes);
      const { outcome, text } = await run(sh('cat noise >&2; exit 3'));
      expect(outcome).toEqual(['exit', '3', '0']);
      expect(text).toBe(bytes.subarray(-2048).toString('latin1'));
    });

    test('holds the end of the Error file, byte for byte', async () => {
      const bytes = randomBytes(5000);
      writeFileSync(segment.file('noise'), bytes);
      const { outcome, text } = await run({ ...sh('cat noise >&2; exit 3'), error: 'err' });
      expect(outcome).toEqual(['exit', '3', '0']);
      expect(text).toBe(bytes.subarray(-2048).toString('latin1'));
    });

    test('holds nothing of the Error file of a job that succeeds, or fails in silence', async () => {
      expect((await run({ ...sh('echo fine >&2'), error: 'err' })).text).toBe('');
      segment.launcher().submit(2, { ...sh('exit 3'), error: 'err' });
      expect(await segment.end(2)).toMatchObject({ outcome: ['exit', '3', '0'], text: '' });
    });

    test('is not held up by an Error file that has become something else', async () => {
      for (const [i, change] of ['rm err', 'rm err; mkfifo err', 'rm err; mkdir err', 'chmod 0 err'].entries()) {
        segment.launcher().submit(i + 1, { ...sh(`echo x >&2; ${change}; exit 3`), error: 'err' });
        expect((await segment.end(i + 1)).outcome).toEqual(['exit', '3', '0']);
        execFileSync('rm', ['-rf', segment.file('err')]);
      }
    });

    test('is not held up by an Error that is a device', async () => {
      expect(await run({ ...sh('exit 3'), error: '/dev/full' })).toMatchObject({
        outcome: ['exit', '3', '0'],
        text: '',
      });
    });

    test('is not held up by a daemon that keeps standard error open', async () => {
      const { outcome, text } = await run(sh('echo no luck >&2; setsid sleep 1000 & exit 4'));
      expect(outcome).toEqual(['exit', '4', '0']);
      expect(text).toBe('no luck\n');
      await killAll(segment.id(1));
    });

    test('leaves nothing of the process group running', async () => {
      await run(sh('sleep 1000 & exit 0'));
      const left = await eventually('the end of the group', () => {
        const processes = processesOf(segment.id(1));
        return processes.length === 0 && processes;
      });
      expect(left).toEqual([]);
    });
  });

  describe('a job that cannot be started fails with the reason:', () => {
    test('no such executable in PATH', async () => {
      const { outcome, text } = await run({ argv: ['no-such-program'] });
      expect(outcome).toEqual(['failed', 'ENOENT', '0']);
      expect(text).toBe("cannot execute 'no-such-program': No such file or directory (not found in PATH)");
    });

    test('no such path', async () => {
      const { outcome, text } = await run({ argv: ['./nowhere/program'] });
      expect(outcome).toEqual(['failed', 'ENOENT', '0']);
      expect(text).toBe("cannot execute './nowhere/program': No such file or directory");
    });

    test('a file that is not executable', async () => {
      writeFileSync(segment.file('data'), 'x');
      const { outcome, text } = await run({ argv: ['./data'] });
      expect(outcome).toEqual(['failed', 'EACCES', '0']);
      expect(text).toBe("cannot execute './data': Permission denied");
    });

    test('a directory', async () => {
      const { text } = await run({ argv: ['/'] });
      expect(text).toBe("cannot execute '/': Permission denied");
    });

    test('no such working directory', async () => {
      const { outcome, text } = await run({ argv: ['true'], cwd: '/no/where' });
      expect(outcome).toEqual(['failed', 'ENOENT', '0']);
      expect(text).toBe("cannot change to directory '/no/where': No such file or directory");
    });

    test('a working directory that is a file', async () => {
      const { outcome, text } = await run({ argv: ['true'], cwd: '/etc/passwd' });
      expect(outcome).toEqual(['failed', 'ENOTDIR', '0']);
      expect(text).toBe("cannot change to directory '/etc/passwd': Not a directory");
    });

    test('no such input', async () => {
      const { outcome, text } = await run({ argv: ['true'], input: 'missing' });
      expect(outcome).toEqual(['failed', 'ENOENT', '0']);
      expect(text).toBe("cannot open the input 'missing': No such file or directory");
    });

    test('an output in a directory that is not there', async () => {
      const { outcome, text } = await run({ argv: ['true'], output: 'a/b' });
      expect(outcome).toEqual(['failed', 'ENOENT', '0']);
      expect(text).toBe("cannot open the output 'a/b': No such file or directory");
    });

    test('an error that is a directory', async () => {
      mkdirSync(segment.file('d'));
      const { outcome, text } = await run({ argv: ['true'], error: 'd' });
      expect(outcome).toEqual(['failed', 'EISDIR', '0']);
      expect(text).toBe("cannot open the error 'd': Is a directory");
    });
  });

  describe('the surroundings of a job', () => {
    test('are null streams, its directory and a name', async () => {
      const { outcome } = await run(
        sh('[ "$(pwd -P)" = "$1" ] && ! read -r line && [ "$XOSAGA_JOB_ID" = "$2" ]', segment.folder, segment.id(1)),
      );
      expect(outcome).toEqual(['exit', '0', '0']);
    });

    test('are its files, truncated and appended to', async () => {
      writeFileSync(segment.file('in'), 'hello\n');
      writeFileSync(segment.file('out'), 'old');
      await run({ ...sh('cat; cat in; echo oops >&2'), input: 'in', output: 'out', error: 'err' });
      expect(segment.read('out')).toBe('hello\nhello\n');
      expect(segment.read('err')).toBe('oops\n');
    });

    test('let one file take output and error', async () => {
      await run({ ...sh('echo a; echo b >&2; echo c'), output: 'both', error: 'both' });
      expect(segment.read('both')).toBe('a\nb\nc\n');
    });

    test('have no other descriptors', async () => {
      await run({ ...sh('ls /proc/$$/fd'), output: 'fds' });
      expect(
        segment
          .read('fds')
          .split('\n')
          .filter((fd) => fd !== '' && Number(fd) < 10),
      ).toEqual(['0', '1', '2']);
    });

    test('ignore and block no signal', async () => {
      await run({ argv: ['/bin/cat', '/proc/self/status'], output: 'status' });
      const masks = /^SigBlk:\t(.*)\nSigIgn:\t(.*)$/m.exec(segment.read('status'));
      expect(masks?.slice(1)).toEqual(['0'.repeat(16), '0'.repeat(16)]);
    });

    test('take arguments of any bytes', async () => {
      const args = [...Array(20).keys()].map(() => randomBytes(200).filter((byte) => byte !== 0));
      const awkward = ['', "'", "''\n''", '\n', '$xo_nl', '\\', '-n', ' a  b ', '`id`', '"', '\x01\x7f\x81\x88', '*'];
      const all = [...args, ...awkward.map((text) => Buffer.from(text, 'latin1'))];
      const { outcome } = await run({ argv: ['/usr/bin/printf', '%s\\0', ...all], output: 'args' });
      expect(outcome).toEqual(['exit', '0', '0']);
      expect(segment.read('args')).toBe(all.map((arg) => `${Buffer.from(arg).toString('latin1')}\0`).join(''));
    });

    test('take an environment of any bytes, and inherit the rest', async () => {
      const values = [...Array(20).keys()].map((i) => {
        const value = Buffer.from(randomBytes(200).filter((byte) => byte !== 0));
        return Buffer.concat([Buffer.from(`VALUE_${String(i)}=`), value]);
      });
      const environment = [...values, 'with.dot=1', 'LINES=a\nb', 'EMPTY=', 'UID=7', 'IFS=x'];
      await run({ argv: ['env', '-0'], environment, output: 'env' });
      const seen = segment.read('env').split('\0');
      expect(seen).toEqual(expect.arrayContaining(environment.map((entry) => Buffer.from(entry).toString('latin1'))));
      expect(seen).toContain(`HOME=${process.env['HOME'] ?? ''}`);
      expect(seen).toEqual(
        expect.arrayContaining([`XOSAGA_JOB_ID=${segment.id(1)}`, 'XOSAGA_RANK=0', 'XOSAGA_SIZE=1']),
      );
    });

    test('search the program in the PATH of the job', async () => {
      mkdirSync(segment.file('bin'));
      writeFileSync(segment.file('bin/own-program'), '#!/bin/sh\necho found\n', { mode: 0o755 });
      await run({ argv: ['own-program'], environment: [`PATH=${segment.file('bin')}:/bin`], output: 'out' });
      expect(segment.read('out')).toBe('found\n');
    });

    test("take a program with '=' in its path, with an environment only where that can be", async () => {
      writeFileSync(segment.file('a=b'), '#!/bin/sh\necho $A\n', { mode: 0o755 });
      const { outcome, text } = await run({ argv: ['./a=b'], environment: ['A=1'], output: 'out' });
      expect(outcome).toEqual(kind.exact ? ['exit', '0', '0'] : ['failed', 'EINVAL', '0']);
      if (kind.exact) expect(segment.read('out')).toBe('1\n');
      else expect(text).toMatch(/^cannot execute '.\/a=b': with '=' in its path it can have no environment/);
    });

    test('take file names of any bytes', async () => {
      const { outcome } = await run({ ...sh('echo x'), output: "a 'b'\n$c *" });
      expect(outcome).toEqual(['exit', '0', '0']);
      expect(segment.read("a 'b'\n$c *")).toBe('x\n');
    });
  });

  describe('several processes', () => {
    test('know their rank', async () => {
      const { outcome } = await run({ ...sh('echo $XOSAGA_RANK of $XOSAGA_SIZE'), processes: 3, output: 'out' });
      expect(outcome).toEqual(['exit', '0', '0']);
      expect(segment.read('out').split('\n').sort()).toEqual(['', '0 of 3', '1 of 3', '2 of 3']);
    });

    test('are one process group, that of the record', async () => {
      const ready = ['0', '1', '2'].map((rank) => segment.file(rank));
      segment.launcher().submit(1, { ...sh(': > $XOSAGA_RANK; exec sleep 1000'), processes: 3 });
      await eventually('all ranks', () => ready.every((file) => existsSync(file)));
      const group = Number((await segment.record(1, 'run'))[3]);
      process.kill(-group, 'SIGKILL');
      expect((await segment.end(1)).outcome.slice(0, 2)).toEqual(kind.exact ? ['signal', '9'] : ['exit', '137']);
    });

    test('end when one of them fails, which decides', async () => {
      const { outcome } = await run({ ...sh('[ $XOSAGA_RANK = 1 ] && exit 5; exec sleep 1000'), processes: 3 });
      expect(outcome).toEqual(['exit', '5', '1']);
    });

    test('that do not want to end after a failure are killed', async () => {
      const script =
        'trap "" TERM; : > ready$XOSAGA_RANK; if [ $XOSAGA_RANK = 0 ]; then while [ ! -e ready1 ]; do :; done; exit 6; fi; while :; do sleep 0.01; done';
      const { outcome } = await run({ ...sh(script), processes: 2 });
      expect(outcome).toEqual(['exit', '6', '0']);
    });
  });

  describe('cancel', () => {
    async function whenReady(): Promise<number> {
      await segment.record(1, 'run');
      await eventually('the job to be ready', () => existsSync(segment.file('ready')));
      return segment.keeper(1);
    }

    test('ends the job', async () => {
      segment.launcher().submit(1, sh(': > ready; exec sleep 1000'));
      process.kill(await whenReady(), 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '15', '0']);
    });

    test('kills a job that does not listen after the grace', async () => {
      segment.launcher().submit(1, sh('trap "" TERM; : > ready; while :; do sleep 0.01; done'));
      process.kill(await whenReady(), 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '9', '0']);
    });

    test('asked twice does not wait for the grace', async () => {
      const launcher = segment.launcher({ prelude: 'XOSAGA_GRACE=1000; export XOSAGA_GRACE' });
      launcher.submit(1, sh('trap ": > asked" TERM; : > ready; while :; do sleep 0.01; done'));
      const keeper = await whenReady();
      process.kill(keeper, 'SIGTERM');
      await eventually('the first signal', () => existsSync(segment.file('asked')));
      process.kill(keeper, 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '9', '0']);
    });

    test('reaches a stopped job', async () => {
      segment.launcher().submit(1, sh(': > ready; exec sleep 1000'));
      const keeper = await whenReady();
      process.kill(-Number((await segment.record(1, 'run'))[3]), 'SIGSTOP');
      process.kill(keeper, 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '15', '0']);
    });

    test('finds a daemon that left the process group', async () => {
      segment.launcher().submit(1, sh('setsid sh -c ": > ready; exec sleep 1000" & wait'));
      process.kill(await whenReady(), 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '15', '0']);
      expect(processesOf(segment.id(1))).toEqual([]);
    });

    test('counts even when the job then ends well', async () => {
      segment.launcher().submit(1, sh('trap "exit 0" TERM; : > ready; while :; do sleep 0.01; done'));
      process.kill(await whenReady(), 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '15', '0']);
    });

    test('reaches several processes', async () => {
      segment.launcher().submit(1, { ...sh('[ $XOSAGA_RANK = 1 ] && : > ready; exec sleep 1000'), processes: 2 });
      process.kill(await whenReady(), 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '15', '0']);
    });

    test('reaches a job that waits for the other end of its input', async () => {
      execFileSync('mkfifo', [segment.file('fifo')]);
      segment.launcher().submit(1, { ...sh(': > ran'), input: 'fifo' });
      process.kill(await segment.keeper(1), 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '15', '0']);
      expect(existsSync(segment.file('ran'))).toBe(false);
    });
  });

  describe('a limit', () => {
    const outcome = async (wish: JobWish): Promise<string[]> => (await run(wish)).outcome;
    const seconds = (n: number): number => {
      const [start = 0, end = 0] = ['run', 'end'].map((word) => Number(segment.records(n, word)[0]?.[2]));
      return end - start;
    };

    test('of wall time ends the job, not before its time, and says what the job said', async () => {
      const wish = { ...sh('echo patience >&2; exec sleep 1000'), limits: { wall: 1 } };
      expect(await run(wish)).toMatchObject({ outcome: ['limit', 'wall', '0'], text: 'patience\n' });
      expect(seconds(1)).toBeGreaterThanOrEqual(0.98); // the sh launcher counts in hundredths
    });

    test('of wall time ends a job that does not listen', async () => {
      const wish = { ...sh('trap "" TERM; while :; do sleep 0.01; done'), limits: { wall: 1 } };
      expect(await outcome(wish)).toEqual(['limit', 'wall', '0']);
      expect(seconds(1)).toBeGreaterThanOrEqual(1.4);
    });

    test('of wall time counts even when the job then ends well', async () => {
      const script = 'trap "exit 0" TERM; while :; do sleep 0.01; done';
      expect(await outcome({ ...sh(script), limits: { wall: 1 } })).toEqual(['limit', 'wall', '0']);
    });

    test('of wall time reaches stopped processes, and those that left the process group', async () => {
      const script = 'setsid sleep 1000 & kill -STOP $$; wait';
      expect(await outcome({ ...sh(script), processes: 2, limits: { wall: 1 } })).toEqual(['limit', 'wall', '0']);
      expect(processesOf(segment.id(1))).toEqual([]);
    });

    test('that is exceeded after a cancel means nothing', async () => {
      const script = 'trap "" TERM; : > ready; while :; do sleep 0.01; done';
      const launcher = segment.launcher({ prelude: 'XOSAGA_GRACE=1.5; export XOSAGA_GRACE' });
      launcher.submit(1, { ...sh(script), limits: { wall: 1 } });
      await eventually('the job to be ready', () => existsSync(segment.file('ready')));
      process.kill(await segment.keeper(1), 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '9', '0']);
    });

    test('that was exceeded remains the outcome of a job that is then canceled, which ends the grace', async () => {
      const launcher = segment.launcher({ prelude: 'XOSAGA_GRACE=1000; export XOSAGA_GRACE' });
      const script = 'trap ": > asked" TERM; while :; do sleep 0.01; done';
      launcher.submit(1, { ...sh(script), limits: { wall: 1 } });
      await eventually('the end of the wall time', () => existsSync(segment.file('asked')));
      process.kill(await segment.keeper(1), 'SIGTERM');
      expect((await segment.end(1)).outcome).toEqual(['limit', 'wall', '0']);
    });

    test('that is not exceeded changes nothing, however long', async () => {
      const limits = { wall: 2 ** 31 - 1, ...(kind.exact && { cpu: 2 ** 31 - 1, memory: Number.MAX_SAFE_INTEGER }) };
      expect(await outcome({ ...sh('exec sleep 1.2'), limits })).toEqual(['exit', '0', '0']);
      await eventually('the end of keeper and timers', () => processesIn(segment.folder).length === 0);
      segment.launcher().submit(2, { ...sh('exit 7'), limits });
      expect((await segment.end(2)).outcome).toEqual(['exit', '7', '0']);
    });

    test.each(kind.exact ? ['wool', 'Wall'] : ['wool', 'cpu', 'memory'])(
      '%s is not known: a bad frame',
      async (name) => {
        const launcher = segment.launcher();
        const good = Buffer.from(segment.frame(1, { ...sh(': > ran'), limits: { wall: 1 } })).toString('latin1');
        launcher.write(Buffer.from(good.replace('wall', name), 'latin1'));
        await launcher.end();
        await eventually('the complaint', () => launcher.complaints === 'bad frame\n');
        expect(segment.records(1)).toEqual([]);
      },
    );

    if (kind.exact) {
      /** Shell that holds so much memory. */
      const holding = (megabytes: number): string => `x=$(head -c ${String(megabytes << 20)} /dev/zero | tr '\\0' x)`;
      const spin = 'while :; do :; done';

      test.each([
        ['a process', spin, ''],
        ['several processes', `${spin} & ${spin} & wait`, ''],
        [
          'processes that have ended',
          'while :; do /bin/sh -c "$1"; done',
          'i=0; while [ $i -lt 9999 ]; do i=$((i+1)); done',
        ],
        ['a grandchild that left the process group', 'setsid setsid /bin/sh -c "$1" & exec sleep 1000', spin],
        ['an orphan', '(setsid /bin/sh -c "$1" &); exec sleep 1000', spin],
      ])('of CPU time counts that of %s', async (_, script, inner) => {
        const limits = { cpu: 1, wall: 15 };
        expect(await outcome({ ...sh(script, inner), limits })).toEqual(['limit', 'cpu', '0']);
        expect(processesOf(segment.id(1))).toEqual([]);
      });

      test('of CPU time does not count waiting', async () => {
        expect(await outcome({ ...sh('exec sleep 2.5'), limits: { cpu: 1 } })).toEqual(['exit', '0', '0']);
      });

      test.each([
        ['a process', `${holding(60)}; sleep 1000`, ''],
        ['all processes', 'for i in 1 2 3; do /bin/sh -c "$1" & done; wait', `${holding(20)}; sleep 1000; :`],
        ['a daemon', 'setsid /bin/sh -c "$1" & exec sleep 1000', `${holding(60)}; sleep 1000; :`],
      ])('of memory counts that of %s', async (_, script, inner) => {
        const limits = { memory: 50 << 10, wall: 15 };
        expect(await outcome({ ...sh(script, inner), limits })).toEqual(['limit', 'memory', '0']);
        expect(processesOf(segment.id(1))).toEqual([]);
      });

      const groups = memoryGroups();
      if (groups !== undefined) {
        const group = (): string => `${groups}/xosaga-${segment.id(1)}`;

        test('of memory is kept by the kernel where it can be, whatever the job makes of it', async () => {
          const script = '/bin/sh -c "$1"; exit 0';
          const limits = { memory: 50 << 10 };
          expect(await outcome({ ...sh(script, `${holding(60)}; :`), limits })).toEqual(['limit', 'memory', '0']);
          await eventually('the end of the group', () => !existsSync(group()));
        });

        test('of memory leaves no group of a job that is lost', async () => {
          segment.launcher().submit(1, { ...sh('setsid sleep 1000 & sleep 1000'), limits: { memory: 50 << 10 } });
          await segment.record(1, 'run');
          expect(existsSync(group())).toBe(true);
          process.kill(await segment.keeper(1), 'SIGKILL');
          await segment.record(1, 'lost');
          expect(existsSync(group())).toBe(false);
        });
      }

      test('of memory is not that of the address space', async () => {
        const limits = { memory: 300 << 10 };
        const argv = [process.execPath, '-e', 'setTimeout(() => {}, 1500)']; // node reserves a gigabyte
        expect(await outcome({ argv, limits })).toEqual(['exit', '0', '0']);
      });
    }
  });

  describe('whatever dies', () => {
    const untilGo = sh('while [ ! -e go ]; do sleep 0.01; done; exit 8');

    test('the launcher: its keepers go on and record', async () => {
      const launcher = segment.launcher();
      launcher.submit(1, untilGo);
      await segment.record(1, 'run');
      launcher.process.kill('SIGKILL');
      await once(launcher.process, 'exit');
      writeFileSync(segment.file('go'), '');
      expect((await segment.end(1)).outcome).toEqual(['exit', '8', '0']);
    });

    test('the keeper: its job does not go on unseen', async () => {
      segment.launcher().submit(1, { ...sh('sleep 1000 & sleep 1000'), processes: 2 });
      await segment.record(1, 'run');
      const keeper = await segment.keeper(1);
      process.kill(keeper, 'SIGKILL');
      if (kind.exact) {
        await segment.record(1, 'lost');
        expect(processesOf(segment.id(1))).toEqual([]);
      } else {
        await eventually('the keeper to be seen dead', () => startOf(keeper) === undefined);
        await killAll(segment.id(1)); // what an observer does
      }
      expect(segment.records(1, 'end')).toEqual([]);
    });

    test('the input: a torn frame is not a job', async () => {
      const launcher = segment.launcher();
      launcher.submit(1, { argv: ['/bin/true'] });
      launcher.write(segment.frame(2, sh(': > torn', 'x')).subarray(0, -1));
      expect(await launcher.end()).toBe(0);
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
      expect(segment.records(2)).toEqual([]);
      expect(launcher.complaints).toBe('');
    });

    test('the input: what was submitted before is started', async () => {
      const launcher = segment.launcher();
      for (let n = 1; n <= 20; n++) launcher.submit(n, { argv: ['/bin/true'] });
      expect(await launcher.end()).toBe(0);
      for (let n = 1; n <= 20; n++) expect((await segment.end(n)).outcome).toEqual(['exit', '0', '0']);
    });

    test('a submitter that interrupts its terminal does not reach the launcher', async () => {
      const launcher = segment.launcher();
      launcher.submit(1, { argv: ['/bin/true'] });
      await segment.end(1);
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTSTP', 'SIGPIPE'] as const)
        launcher.process.kill(signal);
      launcher.submit(2, { argv: ['/bin/true'] });
      expect((await segment.end(2)).outcome).toEqual(['exit', '0', '0']);
      expect(await launcher.end()).toBe(0);
    });
  });

  describe('once', () => {
    test('a job given to two launchers runs once', async () => {
      const two = [segment.launcher(), segment.launcher()];
      for (let n = 1; n <= 20; n++) for (const one of two) one.submit(n, sh(`echo ${String(n)} >> all`));
      for (let n = 1; n <= 20; n++) {
        await eventually('both claims', () => segment.records(n, 'start').length === 2);
        await segment.end(n);
      }
      await Promise.all(two.map((one) => one.end()));
      const lines = segment.read('all').trim().split('\n');
      expect(lines.map(Number).sort((a, b) => a - b)).toEqual([...Array(20).keys()].map((n) => n + 1));
    });

    test.each(['gone', 'canceled'])('a job that will never run (%s) does not', async (reason) => {
      segment.append(`never 1 1.5 ${reason}`);
      const launcher = segment.launcher();
      launcher.submit(1, sh(': > ran'));
      const keeper = await segment.keeper(1);
      await eventually('the keeper to leave', () => startOf(keeper) === undefined);
      expect(segment.records(1).map(([word]) => word)).toEqual(['never', 'start']);
      expect(existsSync(segment.file('ran'))).toBe(false);
    });

    test('torn records and those of other jobs do not count', async () => {
      for (const record of [
        'start 1 2.5 12',
        'never 1 2.5',
        'start 1  2.5 12 3',
        'never 11 2.5 gone',
        'start 21 2 3 4',
      ]) {
        segment.append(record);
      }
      expect((await run({ argv: ['/bin/true'] })).outcome).toEqual(['exit', '0', '0']);
    });
  });

  describe('when the journal cannot be written', () => {
    test('nothing is started, and the launcher says so', async () => {
      const launcher = segment.launcher();
      truncateSync(segment.events);
      execFileSync('rm', [segment.events]);
      launcher.submit(1, sh(': > ran'));
      await eventually('the complaint', () => launcher.complaints.endsWith('\n'));
      expect(launcher.complaints).toMatch(/^nostart seg\w+ 1 ENOENT \S+\n$/);
      expect(existsSync(segment.file('ran'))).toBe(false);
      writeFileSync(segment.events, '');
    });

    test('the end is recorded when it can be', async () => {
      // A limit on file sizes stands in for a full disk; lines without words mean nothing.
      const room = 512 * Number(execFileSync('sh', ['-c', 'ulimit -f 8; ulimit -f']));
      const launcher = segment.launcher({ prelude: 'ulimit -f 8' });
      launcher.submit(1, untilGone());
      await segment.record(1, 'run');
      const before = statSync(segment.events).size;
      writeFileSync(segment.events, '\n'.repeat(room - before), { flag: 'a' });
      const keeper = await segment.keeper(1);
      writeFileSync(segment.file('go'), '');
      await eventually('the job to end', () => processesOf(segment.id(1)).length === 0);
      expect(startOf(keeper)).toBeDefined();
      expect(segment.records(1, 'end')).toEqual([]);
      truncateSync(segment.events, before);
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
    });

    test('because somebody removed it, nobody tries for ever', async () => {
      segment.launcher().submit(1, untilGone());
      await segment.record(1, 'run');
      const keeper = await segment.keeper(1);
      execFileSync('rm', [segment.events]);
      writeFileSync(segment.file('go'), '');
      await eventually('the keeper to leave', () => startOf(keeper) === undefined);
      expect(existsSync(segment.events)).toBe(false);
    });

    function untilGone(): JobWish {
      return sh('while [ ! -e go ]; do sleep 0.01; done');
    }
  });

  describe('an interactive job', () => {
    async function openInput(): Promise<number> {
      await segment.record(1, 'run');
      const fd = openSync(segment.own('1.stdin'), constants.O_WRONLY | constants.O_NONBLOCK);
      process.kill(await segment.keeper(1), 'SIGUSR1');
      return fd;
    }

    test('reads what is written, to its end', async () => {
      segment.launcher().submit(1, { ...sh('cat; echo done >&2'), interactive: true });
      const fd = await openInput();
      writeSync(fd, 'one\n');
      const stdout = (): string => readFileSync(segment.own('1.stdout'), 'latin1');
      await eventually('the echo', () => stdout() === 'one\n');
      writeSync(fd, 'two\n');
      await eventually('the second echo', () => stdout() === 'one\ntwo\n');
      expect(segment.records(1, 'end')).toEqual([]);
      closeSync(fd);
      expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
      expect(readFileSync(segment.own('1.stderr'), 'latin1')).toBe('done\n');
      expect(existsSync(segment.own('1.stdin'))).toBe(false);
      for (const file of ['1.stdout', '1.stderr']) expect(statSync(segment.own(file)).mode & 0o777).toBe(0o600);
    });

    test('runs without anybody at its input', async () => {
      segment.launcher().submit(1, { ...sh('exit 2'), interactive: true });
      expect((await segment.end(1)).outcome).toEqual(['exit', '2', '0']);
    });

    test('ends when its submitter is gone', async () => {
      const submitter = spawn('sleep', ['1000'], { stdio: 'ignore' });
      const pid = submitter.pid ?? 0;
      const start = await eventually('the submitter', () => startOf(pid));
      segment.launcher({ submitter: { pid, start } }).submit(1, { ...sh('cat'), interactive: true });
      await segment.record(1, 'run');
      submitter.kill('SIGKILL');
      expect((await segment.end(1)).outcome).toEqual(['canceled', '15', '0']);
    });
  });

  test('a frame that is not a job is reported and passed over', async () => {
    const launcher = segment.launcher();
    launcher.write(kind.exact ? Buffer.from('\x04\0\0\0oops', 'latin1') : Buffer.from('oops\n'));
    launcher.submit(1, { argv: ['/bin/true'] });
    expect((await segment.end(1)).outcome).toEqual(['exit', '0', '0']);
    await launcher.end();
    expect(launcher.complaints).toBe('bad frame\n');
  });
});

test.each(launchers())('the $name launcher says how it is used', ({ command }) => {
  const [program = '', ...args] = command;
  expect(() => execFileSync(program, args, { stdio: 'pipe' })).toThrow('usage:');
});

const missing = missingShells();
const describeShells = missing.length > 0 ? describe.skip : describe;
describeShells(`the sh launcher${missing.map((shell) => `; ${shell} is not installed`).join('')}`, () => {
  test('is tested in all shells', () => {
    expect(launchers().map(({ name }) => name)).toEqual(['C', 'dash', 'bash --posix', 'busybox ash']);
  });
});
