/** Jobs and surroundings that mean no good. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import * as saga from '../../src/index.js';
import { PACKAGE } from '../package/built.js';
import { privateHome } from '../support/home.js';
import { allGone, eventually, killAll } from './processes.js';

const paths = privateHome();
const before = process.env['XOSAGA_LAUNCHER'];

afterAll(() => {
  killAll(`XOSAGA_HOME=${paths.home}`);
});

describe.each(['native', 'sh'])('with the %s launcher', (kind) => {
  let service: saga.JobService;
  beforeEach(async () => {
    process.env['XOSAGA_LAUNCHER'] = kind;
    service = await saga.JobService.create('local://localhost');
  });
  afterEach(async () => {
    await service.close();
    if (before === undefined) delete process.env['XOSAGA_LAUNCHER'];
    else process.env['XOSAGA_LAUNCHER'] = before;
    await allGone(`XOSAGA_HOME=${paths.home}`);
  });

  async function submit(script: string): Promise<saga.Job> {
    const job = await service.createJob(new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', script] }));
    await job.run();
    return job;
  }

  test('a job that stops its keeper can be canceled', async () => {
    const job = await submit('kill -STOP $PPID; exec sleep 1000');
    const [, segment = '', n = ''] = /\[([a-z0-9]{12})\.(\d+)\]$/.exec(job.jobID!) ?? [];
    const events = join(paths.home, 'local', segment, 'events');
    const keeper = await eventually('the keeper to be stopped', () => {
      const pid = new RegExp(`^start ${n} \\S+ (\\d+) `, 'm').exec(readFileSync(events, 'latin1'))?.[1];
      return (
        pid !== undefined && readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.startsWith('T') && pid
      );
    });
    expect(keeper).toBeDefined();
    await job.cancel();
    await job.wait();
    expect(await job.getState()).toBe(saga.JobState.Canceled);
  });

  test('a job that never stops to complain ends, and can be canceled', async () => {
    const loud = 'yes complaint >&2 & yes complaint >&2 & yes complaint >&2 &';
    const ended = await submit(`${loud} sleep 0.2; exit 3`);
    await ended.wait();
    await expect(ended.rethrow()).rejects.toThrow(/exit code 3\n.*\n(.*\n)*complaint/);
    const canceled = await submit(`${loud} wait`);
    await canceled.cancel();
    await canceled.wait();
    expect(await canceled.getState()).toBe(saga.JobState.Canceled);
  });

  test('a home of any name serves, and nothing in it is a command', async () => {
    const home = process.env['XOSAGA_HOME']!;
    const odd = join(paths.directory, `${kind} '"\n$(touch "$0.made")\`touch made\`%s*;&\\ü`);
    process.env['XOSAGA_HOME'] = odd;
    try {
      await using other = await saga.JobService.create('local://localhost');
      const { job, stdin, stdout } = await other.runJob('cat', '', { interactive: true });
      stdin?.end('hello');
      const heard = await text(stdout!);
      await job.wait();
      expect(heard).toBe('hello');
      const failing = await other.createJob(
        new saga.JobDescription({ executable: '/bin/false', numberOfProcesses: 2 }),
      );
      await failing.run();
      await failing.wait();
      await expect(failing.rethrow()).rejects.toThrow(/process [01]: exit code 1/);
    } finally {
      process.env['XOSAGA_HOME'] = home;
      await allGone(`XOSAGA_HOME=${odd}`);
    }
    expect(readdirSync(paths.directory).filter((name) => name.endsWith('made'))).toEqual([]);
  });

  test('what a job has written does not command the terminal of who reads why it failed', async () => {
    const job = await submit(String.raw`printf 'fine\r\033[2Jbad\007\302\233\377\n\ttab' >&2; exit 1`);
    await job.wait();
    await expect(job.rethrow()).rejects.toThrow('\nfine\n\\x1b[2Jbad\\x07\\x9b\udcff\n\ttab');
  });
});

test('a program that is short of files gets an error that says so, and goes on', () => {
  const script = `${PACKAGE}test/faults/programs/short-of-files.mjs`;
  const output = execFileSync('sh', ['-c', 'ulimit -n 100; exec "$@"', 'sh', process.execPath, script, '{}'], {
    encoding: 'utf8',
    cwd: PACKAGE,
    env: process.env,
  });
  const told = output
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as { short: string; again: string });
  expect(told).toHaveLength(13);
  for (const { short, again } of told) {
    expect(short).toMatch(/^(Done$|.*too many open files; see ulimit -n)/);
    expect(again).toBe('Done');
  }
}, 60_000);

const describeLinux = process.platform === 'linux' ? describe : describe.skip;

describeLinux('where the system has no file events left', () => {
  test('jobs are followed all the same', () => {
    const source = join(paths.directory, 'no-events.c');
    const library = join(paths.directory, 'no-events.so');
    writeFileSync(
      source,
      '#include <errno.h>\nint inotify_add_watch(int f, const char *p, unsigned m) { errno = ENOSPC; return -1; }\n',
    );
    execFileSync('cc', ['-shared', '-fPIC', '-w', '-o', library, source]);
    const program = `
    import * as saga from 'xosaga';
    const service = await saga.JobService.create('');
    const { job, stdin, stdout } = await service.runJob('cat', '', { interactive: true });
    stdin.write('first');
    for await (const piece of stdout) {
      console.log(String(piece));
      if (String(piece) === 'first') stdin.end('last');
    }
    await job.wait();
    await service.close();`;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
      cwd: PACKAGE,
      env: { ...process.env, LD_PRELOAD: library },
    });
    expect(output).toBe('first\nlast\n');
  }, 30_000);
});
