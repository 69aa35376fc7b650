import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import * as saga from '../../src/index.js';
import { rule } from '../support/rules.js';
import { ScriptedBackend } from './scripted-backend.js';

const root = mkdtempSync(join(tmpdir(), 'xosaga-cpr-'));
let base = '';
let name = '';
let count = 0;
let backend: ScriptedBackend;
let service: saga.CPRJobService;

beforeEach(async () => {
  name = `cpr${String(++count)}`;
  base = mkdtempSync(join(root, 'test-'));
  backend = new ScriptedBackend(name, base);
  service = await saga.CPRJobService.create(`${name}://host`);
});
afterEach(() => service.close());
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const start = new saga.CPRJobDescription({ executable: '/bin/start' });
const url = (path: string): string => pathToFileURL(path).href;
const urls = (list: saga.URL[]): string[] => list.map((each) => each.getEscaped());
const version = (generation: number): string => url(join(backend.store, String(generation)));

async function running(restart?: saga.CPRJobDescription): Promise<saga.CPRJob> {
  const job = await service.createJob(start, restart);
  await job.run();
  return job;
}

/** Its states from now on, by name; the job is followed. */
async function statesOf(job: saga.CPRJob): Promise<string[]> {
  const states: string[] = [];
  await job.addCallback('job.state', (_, metric) => states.push(metric.value) > 0);
  return states;
}

/** Which of the four metrics fire from now on, with their values. */
async function eventsOf(job: saga.CPRJob): Promise<string[]> {
  const events: string[] = [];
  for (const metric of ['Checkpoint', 'Checkpointed', 'Recover', 'Recovered']) {
    await job.addCallback(`cpr_job.${metric}`, (_, { value }) => events.push(`${metric} ${value}`.trim()) > 0);
  }
  return events;
}

async function ended(state: 'Done' | 'Failed' | 'Canceled' = 'Failed', restart?: saga.CPRJobDescription) {
  const job = await running(restart);
  await job.checkpoint();
  backend.set(`${name}-1`, state);
  await job.wait();
  return job;
}

describe('a checkpoint', () => {
  rule(311, 'passes through Checkpointing and returns to Running', async () => {
    const job = await running();
    const states = await statesOf(job);
    backend.meanwhile = async () => {
      backend.tell(`${name}-1`); // the backend knows only that it runs
      expect(await job.getState()).toBe(saga.JobState.Checkpointing);
      await expect(job.checkpoint()).rejects.toThrow('needs a job that is Running; this one is Checkpointing');
      await expect(job.recover()).rejects.toThrow(saga.IncorrectState);
    };
    await job.checkpoint();
    expect(states).toEqual(['Checkpointing', 'Running']);
    expect(await job.getState()).toBe(saga.JobState.Running);
    expect(backend.asked).toEqual([['checkpoint', `${name}-1`]]);
  });

  rule(311, 'needs a Running job', async () => {
    const job = await service.createJob(start);
    await expect(job.checkpoint()).rejects.toThrow(saga.IncorrectState);
    await job.run();
    backend.set(`${name}-1`, 'Suspended');
    await expect(job.checkpoint()).rejects.toThrow(
      'cpr_job.checkpoint needs a job that is Running; this one is Suspended',
    );
    backend.set(`${name}-1`, 'Done');
    await expect(job.checkpoint()).rejects.toThrow('this one is Done');
    expect(backend.asked).toEqual([]);
  });

  test('that fails leaves the job Running, and no checkpoint', async () => {
    const job = await running();
    const events = await eventsOf(job);
    backend.meanwhile = () => {
      throw new saga.NoSuccess('"pump" vetoed');
    };
    await expect(job.checkpoint()).rejects.toThrow('"pump" vetoed');
    expect(await job.getState()).toBe(saga.JobState.Running);
    expect(await job.cprList()).toEqual([]);
    expect(events).toEqual(['Checkpoint']);
  });

  test('during which the job ends leaves it as it ended', async () => {
    const job = await running();
    const states = await statesOf(job);
    backend.meanwhile = () => {
      backend.set(`${name}-1`, 'Failed');
      throw new saga.NoSuccess('the processes are gone');
    };
    await expect(job.checkpoint()).rejects.toThrow(saga.NoSuccess);
    expect(states).toEqual(['Checkpointing', 'Failed']);
  });

  rule([312, 314], 'goes where the backend chooses; cprList has each finished one, cprLast the newest', async () => {
    const job = await running();
    expect(await job.cprList()).toEqual([]);
    await job.checkpoint('');
    expect((await job.cprLast()).getEscaped()).toBe(version(1));
    await job.checkpoint();
    expect(urls(await job.cprList())).toEqual([version(1), version(2)]);
    expect((await job.cprLast()).getEscaped()).toBe(version(2));
  });

  test('is copied to the URL that is given as well', async () => {
    const job = await running();
    const target = join(base, 'a copy');
    await job.checkpoint(url(target));
    expect(readFileSync(join(target, '0/field/data'), 'utf8')).toBe('state 1');
    expect(existsSync(join(target, 'manifest'))).toBe(true);
    expect(urls(await job.cprList())).toEqual([version(1)]);
  });

  test('is not begun for a URL that it cannot be copied to', async () => {
    const job = await running();
    await expect(job.checkpoint('ssh://host/x')).rejects.toThrow(/not over ssh; give a path or a file:\/\/ URL/);
    await expect(job.checkpoint('file://other.host/x')).rejects.toThrow(/is on another machine/);
    await expect(job.checkpoint(url(base))).rejects.toThrow(saga.AlreadyExists);
    await expect(job.checkpoint(join(base, 'none', 'x'))).rejects.toThrow(
      /there is no directory .*none; make it first/,
    );
    expect(backend.asked).toEqual([]);
  });
});

describe('recover', () => {
  rule(313, 'takes the last checkpoint; without one it is DoesNotExist', async () => {
    const job = await running();
    await expect(job.recover()).rejects.toThrow(saga.DoesNotExist);
    await expect(job.cprLast()).rejects.toThrow(`job [${name}://host]-[${name}-1] has no checkpoint`);
    await job.checkpoint();
    await job.checkpoint();
    await job.recover('');
    await job.recover(version(1));
    expect(backend.asked.slice(2)).toEqual([
      ['recover', `${name}-1`, 2],
      ['recover', `${name}-1`, 1],
    ]);
  });

  test('rolls a Running job back, which is Recovering meanwhile', async () => {
    const job = await running();
    await job.checkpoint();
    const states = await statesOf(job);
    backend.meanwhile = async () => {
      backend.tell(`${name}-1`);
      expect(await job.getState()).toBe(saga.JobState.Recovering);
    };
    await job.recover();
    expect(states).toEqual(['Recovering', 'Running']);
    expect(job.jobID).toBe(`[${name}://host]-[${name}-1]`);
  });

  test('needs a job that runs or has ended', async () => {
    const job = await service.createJob(start);
    await expect(job.recover()).rejects.toThrow('needs a job that is Running or has ended; this one is New');
    await expect(job.cprList()).rejects.toThrow(saga.IncorrectState);
    await job.run();
    await job.checkpoint();
    backend.set(`${name}-1`, 'Suspended');
    await expect(job.recover()).rejects.toThrow('this one is Suspended');
  });

  test.each(['Done', 'Failed', 'Canceled'] as const)(
    'starts a job that is %s again, under another id',
    async (state) => {
      const job = await ended(state);
      const states = await statesOf(job);
      expect(job.finished).toBeInstanceOf(Date);
      await job.recover();
      expect(states).toEqual(['Recovering', 'Running']);
      expect(job.jobID).toBe(`[${name}://host]-[${name}-2]`);
      expect([job.finished, job.exitCode]).toEqual([undefined, undefined]);
      await expect(job.rethrow()).resolves.toBeUndefined();
      expect(backend.asked.at(-1)).toEqual([
        'submitFrom',
        expect.objectContaining({ executable: '/bin/start' }),
        { id: `${name}-1`, generation: 1 },
      ]);
      // It lives as every job does, and is followed under its new id.
      await job.checkpoint();
      const waiting = job.wait();
      backend.set(`${name}-2`, 'Done');
      await expect(waiting).resolves.toBe(true);
      expect(states).toEqual(['Recovering', 'Running', 'Checkpointing', 'Running', 'Done']);
      expect(job.exitCode).toBe(0);
      expect((await job.getMetric('job.memory_use')).mode).toBe('Final');
    },
  );

  test('that fails leaves the job ended as it was', async () => {
    const job = await ended();
    const states = await statesOf(job);
    backend.meanwhile = async () => {
      await expect(job.recover()).rejects.toThrow('this one is Recovering'); // not a second job from one checkpoint
      throw new saga.NoSuccess('the disk is full');
    };
    await expect(job.recover()).rejects.toThrow('the disk is full');
    expect(await job.getState()).toBe(saga.JobState.Failed);
    await expect(job.rethrow()).rejects.toThrow('exit code 3');
    expect(states).toEqual([]);
  });

  test('metrics that were Final change again', async () => {
    const job = await ended();
    expect((await job.getMetric('job.memory_use')).mode).toBe('Final');
    await job.recover();
    expect((await job.getMetric('job.memory_use')).mode).toBe('ReadOnly');
    await expect(job.addCallback('job.memory_use', () => true)).resolves.toBeGreaterThan(0);
  });

  test('a recovered job is found by its new id, and a container waits for its new end', async () => {
    const job = await ended();
    await job.recover();
    const tasks = new saga.TaskContainer();
    tasks.add(job as saga.AnyTask);
    const waiting = tasks.wait();
    backend.set(`${name}-2`, 'Failed');
    expect(await waiting).toBe(job);
    expect(await (await service.getJob(job.jobID ?? '')).getState()).toBe(saga.JobState.Failed);
  });
});

describe('migrate', () => {
  test('who waits for the job is not told of the end of the one that it was', async () => {
    const job = await running();
    const waiting = job.wait();
    const states = await statesOf(job);
    backend.meanwhile = () => {
      backend.set(`${name}-1`, 'Failed');
    };
    await job.migrate(start);
    backend.tell(`${name}-1`);
    expect(await job.getState()).toBe(saga.JobState.Running);
    expect(job.jobID).toBe(`[${name}://host]-[${name}-2]`);
    backend.set(`${name}-2`, 'Done');
    await expect(waiting).resolves.toBe(true);
    expect(states).toEqual(['Done']);
  });

  test('that fails tells how the job is then', async () => {
    const job = await running();
    const waiting = job.wait();
    backend.meanwhile = () => {
      backend.set(`${name}-1`, 'Failed');
      throw new saga.NoSuccess('there is no place');
    };
    await expect(job.migrate(start)).rejects.toThrow('there is no place');
    await expect(waiting).resolves.toBe(true);
    expect(await job.getState()).toBe(saga.JobState.Failed);
  });
});

describe('descriptions', () => {
  rule(317, 'recover starts the job again as the restart description says', async () => {
    const restart = new saga.CPRJobDescription({ executable: '/bin/restart', arguments: ['--again'] });
    const job = await ended('Failed', restart);
    restart.executable = '/bin/changed';
    await job.recover();
    expect(backend.asked.at(-1)).toEqual([
      'submitFrom',
      expect.objectContaining({ executable: '/bin/restart', arguments: ['--again'] }),
      { id: `${name}-1`, generation: 1 },
    ]);
  });

  rule(317, 'both are checked by createJob', async () => {
    const wrong = new saga.CPRJobDescription({ executable: 'x', queue: 'debug' });
    await expect(service.createJob(start, wrong)).rejects.toThrow(/does not honour the attribute Queue/);
    await expect(service.createJob(wrong)).rejects.toThrow(saga.BadParameter);
    await expect(service.createJob(start, new saga.CPRJobDescription())).rejects.toThrow(/no Executable/);
    await expect(service.createJob(start, 'x' as never)).rejects.toThrow(/a job is made from a description/);
  });

  test('make every job of the service one that can be checkpointed', async () => {
    const job = await service.createJob(new saga.JobDescription({ executable: 'x' }));
    expect((await job.getJobDescription()).checkpointInitiator).toBe('User');
    const periodic = await service.createJob(new saga.CPRJobDescription({ executable: 'x', checkpointInterval: 60 }));
    expect((await periodic.getJobDescription()).checkpointInitiator).toBe('System');
    const { job: ran } = await service.runJob('/bin/sleep 10');
    expect((await ran.getJobDescription()).checkpointInitiator).toBe('User');
    await ran.checkpoint();
    expect(start.checkpointInitiator).toBeUndefined();
  });

  test('a clone has both', async () => {
    const job = await ended('Done', new saga.CPRJobDescription({ executable: '/bin/restart' }));
    const copy = job.clone();
    expect(copy).toBeInstanceOf(saga.CPRJob);
    expect(await copy.getState()).toBe(saga.JobState.Done);
    await copy.recover();
    expect(backend.asked.at(-1)).toContainEqual(expect.objectContaining({ executable: '/bin/restart' }));
    expect(await job.getState()).toBe(saga.JobState.Done);
    expect(start.clone()).toBeInstanceOf(saga.CPRJobDescription);
  });
});

describe('the metrics', () => {
  rule(315, 'fire for request and completion, in order', async () => {
    const job = await running();
    const events = await eventsOf(job);
    const copy = url(join(base, 'copy'));
    await job.checkpoint(copy);
    await job.recover();
    expect(events).toEqual([
      `Checkpoint ${copy}`,
      `Checkpointed ${version(1)}`,
      `Recover ${version(1)}`,
      `Recovered ${version(1)}`,
    ]);
  });

  rule(315, 'fire for what others asked for, when it is seen, and once for what was asked for here', async () => {
    const job = await running();
    backend.progress = { generation: 0, incarnation: 0 };
    const events = await eventsOf(job);
    backend.progress = { generation: 1, incarnation: 0 };
    backend.tell(`${name}-1`);
    expect(events).toEqual(['Checkpoint', 'Checkpointed']);
    backend.progress = { generation: 1, incarnation: 1 };
    backend.tell(`${name}-1`);
    expect(events.slice(2)).toEqual(['Recover', 'Recovered']);
    await backend.make(1);
    backend.meanwhile = () => {
      backend.progress = { generation: 2, incarnation: 1 };
      backend.tell(`${name}-1`);
    };
    await job.checkpoint();
    backend.tell(`${name}-1`);
    expect(events.slice(4)).toEqual(['Checkpoint', `Checkpointed ${version(2)}`]);
  });

  rule(316, 'the states of checkpointing have values of their own', () => {
    expect(new Set(Object.values(saga.JobState)).size).toBe(Object.keys(saga.JobState).length);
    expect([saga.JobState.Suspended, saga.JobState.Checkpointing, saga.JobState.Recovering]).toEqual([6, 7, 8]);
  });
});

describe('staging', () => {
  test('out copies the newest checkpoint, in again takes it back', async () => {
    const job = await ended();
    const target = join(base, 'kept');
    await job.cprStageOut(target);
    expect(readdirSync(base)).toEqual(expect.arrayContaining(['kept', 'versions']));
    expect(readdirSync(base)).not.toContain('.kept.copy');
    expect(statSync(target).mode & 0o777).toBe(0o700);
    await expect(job.cprStageOut(target)).rejects.toThrow(saga.AlreadyExists);
    await job.cprStageIn(target); // it is there
    rmSync(backend.store, { recursive: true });
    expect(await job.cprList()).toEqual([]);
    await job.cprStageIn(url(target));
    expect(urls(await job.cprList())).toEqual([version(1)]);
    expect(readFileSync(join(backend.store, '1/0/field/data'), 'utf8')).toBe('state 1');
  });

  test('recover takes in what it is given from elsewhere', async () => {
    const job = await ended();
    const other = await backend.make(5, 'of another job', join(base, 'others'));
    await job.recover(other);
    expect(backend.asked.at(-1)).toContainEqual({ id: `${name}-1`, generation: 5 });
    expect(readFileSync(join(backend.store, '5/0/field/data'), 'utf8')).toBe('of another job');
  });

  test('names what is missing or damaged, and leaves nothing behind', async () => {
    const job = await ended();
    await expect(job.cprStageIn(join(base, 'none'))).rejects.toThrow(/no complete checkpoint in .*none/);
    await expect(job.recover(join(base, 'none'))).rejects.toThrow(saga.DoesNotExist);
    const other = await backend.make(5, 'whole', join(base, 'others'));
    writeFileSync(join(other, '0/field/data'), 'tampered');
    await expect(job.cprStageIn(other)).rejects.toThrow(/damaged: .*0\/field\/data has/);
    expect(existsSync(join(backend.store, '5'))).toBe(false);
    await expect(job.cprStageIn()).rejects.toThrow('cpr_job.cprStageIn needs the URL of a directory');
    await expect(job.cprStageOut('')).rejects.toThrow(saga.BadParameter);
    await expect(job.cprStageOut('gridftp://host/x')).rejects.toThrow(/not over gridftp/);
  });

  test('in refuses another checkpoint of the same number, and one that a running job may still make', async () => {
    const job = await running();
    await job.checkpoint();
    const same = await backend.make(1, 'other', join(base, 'others'));
    const later = await backend.make(7, 'other', join(base, 'others'));
    await expect(job.cprStageIn(same)).rejects.toThrow(/the job has another checkpoint 1/);
    await expect(job.cprStageIn(later)).rejects.toThrow(/checkpoint 7 cannot be taken in while the job runs/);
    backend.set(`${name}-1`, 'Done');
    await job.cprStageIn(later);
    expect(urls(await job.cprList())).toEqual([version(1), version(7)]);
  });
});

describe('the service', () => {
  test('is made where an adaptor can recover jobs', async () => {
    await expect(saga.CPRJobService.create('nowhere://host')).rejects.toThrow(saga.IncorrectURL);
    const copy = service.clone();
    expect(copy).toBeInstanceOf(saga.CPRJobService);
    await copy.close();
  });

  test('gives its jobs by their ids and in batches', async () => {
    const jobs = await service.runJobs([start]);
    expect(jobs).toHaveLength(1);
    const found = await service.getJob(jobs[0]?.jobID ?? '');
    expect(found).toBeInstanceOf(saga.CPRJob);
    await found.checkpoint();
    expect(backend.asked).toEqual([['checkpoint', `${name}-1`]]);
  });

  test('the views take the arguments that may be left out, and the options after them', async () => {
    const job = await running();
    await job.async.checkpoint().getResult();
    await job.async.checkpoint({}).getResult();
    await job.task.checkpoint(join(base, 'copy'), {}).run();
    const aborted = job.async.recover('', { signal: AbortSignal.abort() });
    await expect(aborted.getResult()).rejects.toThrow(/aborted/);
    expect((await service.async.createJob(start, {}).getResult()).jobID).toBeUndefined();
    await expect(job.checkpoint({ signal: AbortSignal.abort() })).rejects.toThrow(/cpr_job.checkpoint was aborted/);
  });

  test('closed, its jobs say so', async () => {
    const job = await running();
    await service.close();
    await expect(job.cprList()).rejects.toThrow(/the service is closed/);
  });
});
