import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { follow } from '../../examples/terrain/progress.js';

/** As `npm test` has built it. */
const MAIN = fileURLToPath(new URL('../../dist/examples/terrain/main.js', import.meta.url));

jest.setTimeout(120_000); // whole runs, on a machine that may be busy

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'xosaga-test-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

interface Ending {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Starts the example, with the records of its jobs in the test's own directory. */
function start(args: readonly string[]): {
  child: ChildProcess;
  ending: Promise<Ending>;
  says: (text: string) => Promise<void>;
} {
  const env = { ...process.env, XOSAGA_HOME: join(directory, 'home') };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  const ending = new Promise<Ending>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (stdout.includes(text)) resolve();
      };
      child.stdout.on('data', look);
      child.once('close', () => {
        reject(new Error(`it ended without "${text}": ${stdout}${stderr}`));
      });
      look();
    });
  return { child, ending, says };
}

/** The process id of the worker that computes there, as soon as it runs. */
async function workerOf(run: string): Promise<number> {
  for (;;) {
    for (const entry of await readdir('/proc')) {
      const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
      // Whoever starts the worker may have its command line among its own arguments.
      if (command.startsWith(`${process.execPath}\0`) && command.includes(`\0${run}/`)) return Number(entry);
    }
    await delay(20);
  }
}

describe('npm start', () => {
  test('runs the computation as jobs and ends with its verdict', async () => {
    const results = join(directory, 'results');
    const { code, stdout, stderr } = await start(['--size', 'small', '--processes', '1,2,3', '--out', results]).ending;
    expect(stderr).toBe('');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.at(-1)).toMatch(/^verdict: identical [0-9a-f]{64}$/);
    expect(code).toBe(0);

    const sha256 = lines.at(-1)!.split(' ')[2]!;
    expect(lines.filter((line) => line === `  sha256    ${sha256}`)).toHaveLength(4);
    expect(lines.filter((line) => /^ {2}[\d:.]{12} {2}Done$/.test(line))).toHaveLength(4);
    expect(lines.filter((line) => line === '  progress  100 %')).toHaveLength(4);
    // One of them was checkpointed, killed and restarted on the way.
    expect(stdout).toMatch(/ {2}Checkpointing\n/);
    expect(stdout).toMatch(/ {2}saved {5}file:\/\/.*\/interrupted\/checkpoints\/[^/]+\/1\n/);
    expect(lines.filter((line) => /^ {2}[\d:.]{12} {2}Failed$/.test(line))).toHaveLength(1);
    const restart = /^restart {5}killed after step (\d+), went on from step (\d+) of 100$/m
      .exec(stdout)!
      .slice(1)
      .map(Number);
    expect(restart[0]).toBeGreaterThanOrEqual(60);
    expect(restart[1]).toBeGreaterThanOrEqual(50);
    expect(restart[1]).toBeLessThan(100);
    expect(stdout).toContain('Ross Ihaka');
    expect(stdout).toMatch(/ {2}job {7}\[local:\/\/.*\]-\[.+\]\n/);
    expect((await readdir(results)).sort()).toEqual(
      ['after.png', 'before.png', 'interrupted', 'processes-1', 'processes-2', 'processes-3'].sort(),
    );
    const [before, after] = await Promise.all(
      ['before', 'after'].map((name) => readFile(join(results, `${name}.png`))),
    );
    expect(before!.equals(after!)).toBe(false);
  });

  test('a job that fails ends it with the reason', async () => {
    const results = join(directory, 'results');
    const { ending, says } = start(['--out', results]);
    await says('Running');
    process.kill(await workerOf(join(results, 'processes-1')), 'SIGKILL');
    const { code, stdout, stderr } = await ending;
    expect(stderr).toMatch(/^terrain: NoSuccess: .*SIGKILL/);
    expect(stdout).toContain('Failed');
    expect(stdout).not.toContain('verdict');
    expect(code).toBe(1);
  });

  test('an interrupt cancels the job', async () => {
    const { child, ending, says } = start(['--steps', '100000', '--out', join(directory, 'results')]);
    await says('Running');
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ending;
    expect(stderr).toBe('terrain: interrupted, the job was cancelled\n');
    expect(stdout).toContain('Canceled');
    expect(code).toBe(130);
  });

  test('--help tells the options', async () => {
    const { code, stdout } = await start(['--help']).ending;
    expect(stdout).toContain('--processes N,M,..');
    expect(code).toBe(0);
  });

  test.each([
    [['--size', 'huge'], "size is one of full, small, not 'huge'"],
    [['--processes', '2'], "--processes takes two or more different numbers to compare, not '2'"],
    [['--processes', '1,x'], "--processes is a whole number from 1 on, not 'x'"],
    [['--steps', '0'], "--steps is a whole number from 1 on, not '0'"],
    [['--size', 'small', '--processes', '1,122'], '121 rows can be split over 1 to 121 processes, not 122'],
    [['local://', 'local://'], 'one URL is taken, not 2'],
    [['nowhere://host'], 'nowhere'],
  ])('%j is refused with the reason', async (args, reason) => {
    const { code, stdout, stderr } = await start(args).ending;
    expect(stderr).toMatch(/^terrain: /);
    expect(stderr).toContain(reason);
    expect(stdout).toBe('');
    expect(code).toBe(1);
  });

  test('results of somebody else are not overwritten', async () => {
    const results = join(directory, 'full');
    await mkdir(results);
    await writeFile(join(results, 'thesis.txt'), '');
    const { code, stderr } = await start(['--size', 'small', '--out', results]).ending;
    expect(stderr).toBe(`terrain: ${results} is not empty: choose another --out\n`);
    expect(code).toBe(1);
  });
});

describe('following a file', () => {
  test('gives whole lines as they come, and the rest when it has ended', async () => {
    const file = join(directory, 'output.txt');
    const ended = new AbortController();
    const lines = follow(file, ended.signal);
    const first = lines.next(); // the file is not there yet
    await writeFile(file, 'one\ntwo\nthr');
    expect(await first).toEqual({ done: false, value: 'one' });
    expect((await lines.next()).value).toBe('two');
    const third = lines.next();
    await writeFile(file, 'ee\nfour\n', { flag: 'a' });
    expect((await third).value).toBe('three');
    ended.abort();
    expect((await lines.next()).value).toBe('four');
    expect(await lines.next()).toEqual({ done: true, value: undefined });
  });
});
