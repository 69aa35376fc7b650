import { describe, expect, test } from '@jest/globals';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { eventually } from '../faults/processes.js';
import { privateHome } from '../support/home.js';
import { detailOf, shellJobs } from '../support/jobs.js';
import { rule } from '../support/rules.js';

const paths = privateHome();
const jobs = shellJobs();

/** A directory for the job and one for what is local to the submitter. */
function folders(): { here: string; work: string } {
  const here = mkdtempSync(join(paths.directory, 'here-'));
  const work = join(here, 'work');
  mkdirSync(work);
  return { here, work };
}

describe('FileTransfer', () => {
  rule(175, 'has the operators > >> < <<, and staging is part of Running', async () => {
    const { here, work } = folders();
    const put = (name: string, text: string): void => {
      writeFileSync(join(here, name), text);
    };
    put('copied', 'copied\n');
    put('appended', 'appended\n');
    put('log', 'before\n');
    writeFileSync(join(work, 'old'), 'old\n');
    const details: string[] = [];
    const job = await jobs.create('cat new old >results', {
      workingDirectory: work,
      fileTransfer: [
        `${here}/copied > new`,
        `${here}/appended >> old`,
        `file://${here}/out < results`,
        `${here}/log << results`,
      ],
    });
    await job.addCallback('job.state_detail', (_job, metric) => {
      details.push(metric.getAttribute('Value'));
      return true;
    });
    await job.run();
    await job.wait();
    await job.rethrow();
    expect(readFileSync(join(here, 'out'), 'utf8')).toBe('copied\nold\nappended\n');
    expect(readFileSync(join(here, 'log'), 'utf8')).toBe('before\ncopied\nold\nappended\n');
    expect(details.at(-1)).toBe('local:EXITED');
  });

  test('shows as what a running job does', async () => {
    const { here, work } = folders();
    const fifo = join(here, 'fifo');
    await jobs.finish(`mkfifo ${fifo}`);
    writeFileSync(join(work, 'file'), 'text\n');
    const job = await jobs.submit('exit 0', { workingDirectory: work, fileTransfer: [`${fifo} < file`] });
    // The FIFO has no reader yet.
    await detailOf(job, 'local:STAGING_OUT');
    expect(await job.getState()).toBe(saga.JobState.Running);
    const reader = await jobs.finish(`cat ${fifo}`, { output: join(here, 'read') });
    await reader.rethrow();
    await job.wait();
    expect(job.exitCode).toBe(0);
    expect(readFileSync(join(here, 'read'), 'utf8')).toBe('text\n');
  });

  test('brings the program itself, with its mode, and its Input', async () => {
    const { here, work } = folders();
    writeFileSync(join(here, 'program'), '#!/bin/sh\nread line; echo "got $line"\n');
    chmodSync(join(here, 'program'), 0o750);
    writeFileSync(join(here, 'in'), 'it\n');
    const job = await jobs.service.createJob(
      new saga.JobDescription({
        executable: './run',
        input: 'input',
        output: 'output',
        workingDirectory: work,
        fileTransfer: [`${here}/program > run`, `${here}/in > input`, `${here}/out < output`],
      }),
    );
    await job.run();
    await job.wait();
    await job.rethrow();
    expect(readFileSync(join(here, 'out'), 'utf8')).toBe('got it\n');
    expect(statSync(join(work, 'run')).mode & 0o777).toBe(0o750);
  });

  test('brings the results out after a failure too, and keeps its reason', async () => {
    const { here, work } = folders();
    const job = await jobs.finish('echo part >results; exit 3', {
      workingDirectory: work,
      fileTransfer: [`${here}/out < results`],
    });
    expect(job.exitCode).toBe(3);
    expect(readFileSync(join(here, 'out'), 'utf8')).toBe('part\n');
  });

  test('that fails after the end fails the job, and says which file', async () => {
    const { here, work } = folders();
    const job = await jobs.finish('exit 0', { workingDirectory: work, fileTransfer: [`${here}/out < never-made`] });
    expect(await job.getState()).toBe(saga.JobState.Failed);
    expect((await job.getMetric('job.state_detail')).getAttribute('Value')).toBe('local:STAGING_FAILED');
    await expect(job.toPromise()).rejects.toThrow(
      /its results could not be brought out: .*never-made.* the source does not exist/,
    );
    expect(readdirSync(here)).toEqual(['work']);
  });

  test('that fails before the start starts nothing', async () => {
    const { here, work } = folders();
    symlinkSync('loop', join(here, 'loop'));
    writeFileSync(join(here, 'in'), '');
    const job = await jobs.create(`touch ${here}/started`, {
      workingDirectory: work,
      fileTransfer: [`${here}/in > in`],
    });
    await jobs.finish(`rm ${here}/in`);
    await job.run();
    await job.wait();
    await expect(job.toPromise()).rejects.toThrow(
      /its files could not be brought in: .*\/in'.* the source does not exist/,
    );
    expect(existsSync(join(here, 'started'))).toBe(false);
  });

  test('leaves nothing behind when the keeper is killed, whoever sees it', async () => {
    const { here, work } = folders();
    await jobs.finish(`mkfifo ${here}/fifo`);
    const job = await jobs.submit('exit 0', { workingDirectory: work, fileTransfer: [`${here}/fifo > in`] });
    await detailOf(job, 'local:STAGING_IN');
    const [, segment = '', n = ''] = /\[([a-z0-9]{12})\.(\d+)\]$/.exec(job.jobID ?? '') ?? [];
    await eventually('the temporary file', () => readdirSync(work).includes(`.xosaga-${segment}.${n}-in1`));
    const events = readFileSync(join(paths.home, 'local', segment, 'events'), 'utf8');
    process.kill(Number(new RegExp(`^start ${n} \\S+ (\\d+)`, 'm').exec(events)?.[1]), 'SIGKILL');
    await job.wait();
    await expect(job.toPromise()).rejects.toThrow(/outcome unknown/);
    expect(readdirSync(work)).toEqual([]);
  });

  test('has the index of a task in its names', async () => {
    const { here, work } = folders();
    for (const index of [1, 2]) writeFileSync(join(here, `in-${String(index)}`), `${String(index)}\n`);
    const array = await jobs.finish('cat in-$XOSAGA_ARRAY_TASK_ID', {
      array: '1-2',
      output: 'o-%a',
      workingDirectory: work,
      fileTransfer: [`${here}/in-%a > in-%a`, `${here}/out-%a < o-%a`],
    });
    await array.rethrow();
    expect([1, 2].map((index) => readFileSync(join(here, `out-${String(index)}`), 'utf8'))).toEqual(['1\n', '2\n']);
  });

  test.each([
    ['nothing > x', saga.DoesNotExist, /nothing' does not exist/],
    ['http://example.org/x > x', saga.BadParameter, /is not on this machine/],
    ['a b', saga.BadParameter, /is not of the form 'LOCAL > REMOTE'/],
  ])('%s is refused', async (entry, Category, message) => {
    const { work } = folders();
    const refused = jobs.create('exit 0', { workingDirectory: work, fileTransfer: [entry] });
    await expect(refused).rejects.toThrow(Category);
    await expect(refused).rejects.toThrow(message);
  });
});

describe('Cleanup', () => {
  rule(174, 'False keeps the output files, True deletes them, Default leaves it to the backend', async () => {
    for (const [cleanup, left] of [
      ['True', []],
      ['False', ['error', 'in', 'output']],
      ['Default', ['error', 'in', 'output']],
    ] as const) {
      const { here, work } = folders();
      writeFileSync(join(here, 'data'), 'x\n');
      const job = await jobs.finish('cat in; echo oops >&2', {
        workingDirectory: work,
        output: 'output',
        error: 'error',
        cleanup,
        fileTransfer: [`${here}/data > in`, `${here}/kept < output`],
      });
      await job.rethrow();
      expect(readdirSync(work).sort()).toEqual(left);
      expect(readFileSync(join(here, 'kept'), 'utf8')).toBe('x\n');
    }
  });
});
