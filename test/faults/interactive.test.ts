/** Interactive jobs: what goes in comes out, all of it, and nothing outlives the program that talks to it. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createHash, randomFillSync } from 'node:crypto';
import { finished } from 'node:stream/promises';
import type { Readable, Writable } from 'node:stream';

import * as saga from '../../src/index.js';
import { privateHome } from '../support/home.js';
import { allGone, killAll, Program } from './processes.js';

const paths = privateHome();
const MEGABYTES = 10;

afterAll(() => {
  killAll(`XOSAGA_HOME=${paths.home}`);
});

async function text(stream: Readable): Promise<string> {
  stream.setEncoding('utf8');
  let all = '';
  for await (const piece of stream) all += String(piece);
  return all;
}

/** Writes as fast as the reader reads. @returns how often it had to wait. */
async function pour(stream: Writable, chunks: readonly Buffer[]): Promise<number> {
  let waits = 0;
  for (const chunk of chunks) {
    if (stream.write(chunk)) continue;
    waits += 1;
    await new Promise((resolve) => stream.once('drain', resolve));
  }
  stream.end();
  await finished(stream);
  return waits;
}

describe.each(['native', 'sh'])('an interactive job, with the %s launcher,', (kind) => {
  let service: saga.JobService;
  const before = process.env['XOSAGA_LAUNCHER'];
  beforeEach(async () => {
    process.env['XOSAGA_LAUNCHER'] = kind;
    service = await saga.JobService.create('local://localhost');
  });
  afterEach(async () => {
    await service.close();
    if (before === undefined) delete process.env['XOSAGA_LAUNCHER'];
    else process.env['XOSAGA_LAUNCHER'] = before;
    // What a failed test has left must not fail the next one, too.
    await allGone(`XOSAGA_HOME=${paths.home}`, 3).finally(() => killAll(`XOSAGA_HOME=${paths.home}`));
  });

  test('hears what is written, and the end', async () => {
    const { job, stdin, stdout, stderr } = await service.runJob(`sh -c 'cat; echo bye >&2'`, '', { interactive: true });
    stdin!.write('one\n');
    stdin!.end('two\n');
    expect(await text(stdout!)).toBe('one\ntwo\n');
    expect(await text(stderr!)).toBe('bye\n');
    await job.wait();
    expect(await job.getState()).toBe(saga.JobState.Done);
  });

  test('answers while it goes on', async () => {
    const { job, stdin, stdout } = await service.runJob('cat', '', { interactive: true });
    const answers = stdout![Symbol.asyncIterator]();
    for (const word of ['first', 'second', 'third']) {
      stdin!.write(`${word}\n`);
      expect(String((await answers.next()).value)).toBe(`${word}\n`);
    }
    stdin!.end();
    await job.wait();
    expect(await job.getState()).toBe(saga.JobState.Done);
  });

  test(`passes ${String(MEGABYTES)} MB through, waiting for slow readers, without loss`, async () => {
    const { job, stdin, stdout } = await service.runJob('cat', '', { interactive: true });
    const chunks = Array.from({ length: MEGABYTES * 16 }, () => randomFillSync(Buffer.allocUnsafe(1 << 16)));
    const sent = createHash('sha256');
    for (const chunk of chunks) sent.update(chunk);

    const received = createHash('sha256');
    const reading = (async () => {
      for await (const piece of stdout!) received.update(piece as Buffer);
    })();
    // A pipe holds 64 KiB: whoever writes 10 MB must be told to wait.
    expect(await pour(stdin!, chunks)).toBeGreaterThan(1);
    await reading;
    await job.wait();
    expect(await job.getState()).toBe(saga.JobState.Done);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
  }, 30_000);

  test('is canceled when its submitter is killed', async () => {
    const program = new Program('interactive', {}, { XOSAGA_HOME: paths.home, XOSAGA_LAUNCHER: kind });
    const id = String(await program.first('ran'));
    process.kill(program.pid, 'SIGKILL');
    await program.exited;
    await allGone(`XOSAGA_HOME=${paths.home}`, 10);
    const job = await service.getJob(id);
    // cat sees the end of its input, too: who is faster decides.
    expect([saga.JobState.Canceled, saga.JobState.Done]).toContain(await job.getState());
  }, 20_000);

  test('that does not read is canceled when its submitter is killed', async () => {
    const program = new Program('submit-interactive', {}, { XOSAGA_HOME: paths.home, XOSAGA_LAUNCHER: kind });
    const id = String(await program.first('ran'));
    process.kill(program.pid, 'SIGKILL');
    await program.exited;
    await allGone(`XOSAGA_HOME=${paths.home}`, 10);
    const job = await service.getJob(id);
    expect(await job.getState()).toBe(saga.JobState.Canceled);
  }, 20_000);

  test('that has ended has no input, and keeps its output', async () => {
    const jd = new saga.JobDescription({ executable: 'echo', arguments: ['hello'], interactive: true });
    const job = await service.createJob(jd);
    await job.run();
    expect(await text(await job.getStdout())).toBe('hello\n');
    await job.wait();
    await expect(job.getStdin()).rejects.toThrow(/has ended: nothing reads its standard input/);
    expect(await text(await job.getStdout())).toBe('hello\n');
  });

  test('may end before anybody could write to it', async () => {
    const { job, stdin, stdout } = await service.runJob('echo hello', '', { interactive: true });
    stdin!.end();
    expect(await text(stdout!)).toBe('hello\n');
    await job.wait();
    expect(await job.getState()).toBe(saga.JobState.Done);
  });

  test('gives its input to one', async () => {
    const { job, stdin } = await service.runJob('cat', '', { interactive: true });
    await expect(job.getStdin()).rejects.toThrow(saga.IncorrectState);
    stdin!.end();
    await job.wait();
    expect(await job.getState()).toBe(saga.JobState.Done);
  });
});
