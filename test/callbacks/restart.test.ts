/** A restarted job: its participants get their state, once, and learn when everybody has. */
import { describe, expect, test } from '@jest/globals';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Checkpointing } from '../../src/callbacks/checkpointing.js';
import type { RestartOffer } from '../../src/callbacks/messages.js';
import type { CheckpointParticipant, RebuildContext } from '../../src/callbacks/participant.js';
import { commit, prepare, save, stage } from './scripted-agent.js';

const here = stage();

const offer = (participants: string[], more: Partial<RestartOffer> = {}): RestartOffer => ({
  op: 3,
  generation: 2,
  directory: here.directory,
  participants,
  previous_host: 'n1',
  committed_ms: Date.now() - 60_000,
  deadline_ms: 10_000,
  ...more,
});

const scribe = (log: string[], name: string, more: Partial<CheckpointParticipant> = {}): CheckpointParticipant => ({
  name,
  stop: () => void log.push(`stop ${name}`),
  resumeCp: () => void log.push(`resumeCp ${name}`),
  rebuild: () => void log.push(`rebuild ${name}`),
  resumeRst: () => void log.push(`resumeRst ${name}`),
  ...more,
});

const restarted = (
  participants: string[],
  more: Partial<RestartOffer> = {},
): { incarnation: number; generation: number; restart: RestartOffer } => ({
  incarnation: 1,
  generation: 2,
  restart: offer(participants, more),
});

function registered(...participants: CheckpointParticipant[]): Checkpointing {
  const process = here.process();
  for (const participant of participants) process.register(participant);
  return process;
}

describe('a new process of a restarted job', () => {
  test('rebuilds when the application is ready, from low to high, and resumes when all have rebuilt', async () => {
    const log: string[] = [];
    const process = registered(scribe(log, 'intake', { priority: 1000 }), scribe(log, 'field'));
    const peer = await here.agent.welcomes(restarted(['intake', 'field']));
    peer.say({ type: 'ping', n: 1 });
    await peer.hears('pong');
    expect(log).toEqual([]);

    expect(await process.ready()).toBe(true);
    expect(log).toEqual(['rebuild field', 'rebuild intake']);
    expect(await peer.hears('rebuilt')).toEqual({
      type: 'rebuilt',
      op: 3,
      participants: ['field', 'intake'],
      errors: [],
    });
    expect(process.incarnation).toBe(1);
    expect(process.generation).toBe(2);

    peer.say({ type: 'all_rebuilt', op: 3 });
    expect(await peer.hears('resumed')).toEqual({ type: 'resumed', op: 3, errors: [] });
    expect(log).toEqual(['rebuild field', 'rebuild intake', 'resumeRst field', 'resumeRst intake']);
  });

  test('is told where its state is, and where it comes from', async () => {
    let seen: RebuildContext | undefined;
    await mkdir(join(here.directory, 'my%20field'));
    await writeFile(join(here.directory, 'my%20field', 'state'), '42');
    let state = '';
    const process = registered({
      name: 'my field',
      async rebuild(context) {
        seen = context;
        context.bag.set('note', 1);
        state = await readFile(join(context.directory, 'state'), 'utf8');
      },
      resumeRst(context) {
        expect(context.bag.get('note')).toBe(1);
      },
    });
    const peer = await here.agent.welcomes(restarted(['my field']));
    await process.ready();
    peer.say({ type: 'all_rebuilt', op: 3 });
    await peer.hearsUntil('resumed');
    expect(state).toBe('42');
    expect(seen).toMatchObject({ op: 3, generation: 2, incarnation: 1, host: hostname(), previousHost: 'n1' });
    expect(seen?.deadSeconds).toBeGreaterThanOrEqual(60);
  });

  test('only those with a state are asked, and each of them once', async () => {
    const log: string[] = [];
    const process = registered(scribe(log, 'field'), scribe(log, 'new in this version'));
    const peer = await here.agent.welcomes(restarted(['field', 'somebody else']));
    await Promise.all([process.ready(), process.ready()]);
    await process.ready();
    expect(await peer.hears('rebuilt')).toMatchObject({ participants: ['field'] });
    expect(log).toEqual(['rebuild field']);
    expect(peer.isSilent).toBe(true);
  });

  test('registered later, ready again', async () => {
    const log: string[] = [];
    const process = registered(scribe(log, 'field'));
    const peer = await here.agent.welcomes(restarted(['field', 'worker 1', 'worker 2']));
    await process.ready();
    process.register(scribe(log, 'worker 1'));
    await process.ready();
    expect(await peer.hears('rebuilt')).toMatchObject({ participants: ['field'] });
    expect(await peer.hears('rebuilt')).toMatchObject({ participants: ['worker 1'] });
    peer.say({ type: 'all_rebuilt', op: 3 });
    await peer.hears('resumed');
    expect(log).toEqual(['rebuild field', 'rebuild worker 1', 'resumeRst field', 'resumeRst worker 1']);

    // The job went on without it, and it comes after all.
    process.register(scribe(log, 'worker 2'));
    await process.ready();
    expect(await peer.hears('rebuilt')).toMatchObject({ participants: ['worker 2'] });
    await peer.hears('resumed');
    expect(log.slice(4)).toEqual(['rebuild worker 2', 'resumeRst worker 2']);
  });

  test('registered by a rebuild: rebuilt with it, and ready waits for it there', async () => {
    const log: string[] = [];
    const process = here.process();
    process.register(
      scribe(log, 'parent', {
        async rebuild() {
          process.register(scribe(log, 'child'));
          await process.ready();
          log.push('rebuild parent');
        },
      }),
    );
    const peer = await here.agent.welcomes(restarted(['parent', 'child']));
    await process.ready();
    expect(await peer.hears('rebuilt')).toMatchObject({ participants: ['parent', 'child'] });
    expect(log).toEqual(['rebuild child', 'rebuild parent']);
  });

  test('a rebuild that fails: ready says so, the others rebuild', async () => {
    const log: string[] = [];
    const process = registered(
      scribe(log, 'broken', { rebuild: () => Promise.reject(new Error('no such file')) }),
      scribe(log, 'stuck', { deadline: 0.02, rebuild: () => new Promise(() => {}) }),
      scribe(log, 'field', { priority: 1 }),
    );
    const peer = await here.agent.welcomes(restarted(['broken', 'stuck', 'field']));
    await expect(process.ready()).rejects.toThrow(
      'the restarted job has not got all of its state back: "broken": no such file; "stuck": rebuild of "stuck" has missed its deadline of 0.02 s',
    );
    expect(await peer.hears('rebuilt')).toEqual({
      type: 'rebuilt',
      op: 3,
      participants: ['broken', 'stuck', 'field'],
      errors: [
        { participant: 'broken', message: 'no such file' },
        { participant: 'stuck', message: 'rebuild of "stuck" has missed its deadline of 0.02 s' },
      ],
    });
    expect(log).toEqual(['rebuild field']);
  });

  test('a process with nothing to rebuild is over with it when all have rebuilt', async () => {
    registered({ name: 'intake', stop: () => {} });
    const peer = await here.agent.welcomes(restarted(['field']));
    peer.say({ type: 'all_rebuilt', op: 3 });
    expect(await peer.hears('resumed')).toMatchObject({ op: 3 });
    peer.say(prepare(5));
    await peer.hearsUntil('prepared');
    await peer.hangUp();
  });

  test('no checkpoint begins before everybody has rebuilt', async () => {
    const process = registered(scribe([], 'field'));
    const peer = await here.agent.welcomes(restarted(['field', 'other']));
    await process.ready();
    await peer.hears('rebuilt');
    peer.say(prepare(4));
    expect(await peer.hears('veto')).toMatchObject({ op: 4, reason: 'operation 3 is not over yet' });
    await peer.hears('resumed');
  });

  test('after a restart checkpoints go on as before', async () => {
    const log: string[] = [];
    const process = registered(scribe(log, 'field'));
    const peer = await here.agent.welcomes(restarted(['field']));
    await process.ready();
    peer.say({ type: 'all_rebuilt', op: 3 });
    await peer.hearsUntil('resumed');
    const again = await commit(here.agent, peer, 4, here.directory, 3);
    await again.hears('resumed');
    expect(log).toEqual(['rebuild field', 'resumeRst field', 'stop field', 'resumeCp field']);
  });

  test('the agent dies before all have rebuilt: it is told again, and nothing happens twice', async () => {
    const log: string[] = [];
    const process = registered(scribe(log, 'field'));
    const peer = await here.agent.welcomes(restarted(['field', 'other']));
    await process.ready();
    const told = await peer.hears('rebuilt');
    await here.agent.die();
    await here.agent.listen();
    const again = await here.agent.arrival();
    expect(again.hello).toMatchObject({ incarnation: 1 });
    again.welcome(restarted(['other']));
    expect(await again.hears('rebuilt')).toEqual(told);
    again.say({ type: 'all_rebuilt', op: 3 }, { type: 'all_rebuilt', op: 3 });
    await again.hears('resumed');
    expect(log).toEqual(['rebuild field', 'resumeRst field']);
    again.say({ type: 'ping', n: 1 });
    await again.hears('pong');
    await again.hangUp();
    expect((await here.agent.welcomes(restarted([]))).hello).toMatchObject({ incarnation: 1, done: 3 });
  });

  test('the agent dies while rebuilding', async () => {
    const log: string[] = [];
    let release = (): void => {};
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const process = registered(
      scribe(log, 'field', {
        rebuild() {
          begin();
          return new Promise((resolve) => (release = resolve));
        },
      }),
    );
    const peer = await here.agent.welcomes(restarted(['field']));
    const ready = process.ready();
    await begun;
    await peer.hangUp();
    const again = await here.agent.welcomes(restarted(['field']));
    release();
    expect(await ready).toBe(true);
    expect(await again.hears('rebuilt')).toMatchObject({ participants: ['field'] });
  });

  test('unregistered after its rebuild: resumeRst runs, and then it is gone', async () => {
    const log: string[] = [];
    const process = here.process();
    const registration = process.register(scribe(log, 'field'));
    const peer = await here.agent.welcomes(restarted(['field']));
    await process.ready();
    const gone = registration.unregister().then(() => log.push('gone'));
    peer.say({ type: 'all_rebuilt', op: 3 });
    await gone;
    expect(log).toEqual(['rebuild field', 'resumeRst field', 'gone']);
  });
});

describe('a first run', () => {
  test('ready waits until the agent has said that it is one', async () => {
    const log: string[] = [];
    const process = registered(scribe(log, 'field'));
    const ready = process.ready().then((was) => log.push(`restarted: ${String(was)}`));
    const peer = await here.agent.arrival();
    expect(log).toEqual([]);
    peer.welcome();
    await ready;
    expect(log).toEqual(['restarted: false']);
  });

  test('an agent that comes late is waited for', async () => {
    await here.agent.die();
    const process = registered({ name: 'field', rebuild: () => {} });
    const ready = process.ready();
    await here.agent.listen();
    await here.agent.welcomes();
    expect(await ready).toBe(false);
  });

  test('an offer to a process that has lived before means nothing', async () => {
    const log: string[] = [];
    const process = registered(scribe(log, 'field'));
    const peer = await here.agent.welcomes();
    await process.ready();
    await peer.hangUp();
    await here.agent.welcomes(restarted(['field']));
    expect(await process.ready()).toBe(false);
    expect(log).toEqual([]);
  });
});

describe('a process whose memory was an image', () => {
  test('rebuilds at once, with its notes, and its request was answered by the restart', async () => {
    const log: string[] = [];
    const process = here.process();
    process.register(
      scribe(log, 'field', {
        stop: ({ bag }) => void bag.set('port', 4021),
        rebuild: ({ bag, incarnation }) => void log.push(`rebuild ${String(bag.get('port'))} in ${incarnation}`),
      }),
    );
    const peer = await here.agent.welcomes();
    await process.ready();
    const outcome = process.request();
    const { id } = await peer.hears('request');
    peer.say({ type: 'accepted', id, op: 1 }, prepare(1));
    await peer.hearsUntil('prepared');
    peer.say(save(1, here.directory));
    await peer.hears('saved');

    const image = await here.agent.arrival();
    expect(image.hello).toMatchObject({ incarnation: 0, saved: 1 });
    image.welcome({ incarnation: 2, generation: 1, restart: offer([], { op: 5, generation: 1 }) });
    expect(await image.hears('rebuilt')).toEqual({ type: 'rebuilt', op: 5, participants: ['field'], errors: [] });
    image.say({ type: 'all_rebuilt', op: 5 });
    expect(await image.hears('resumed')).toMatchObject({ op: 5, errors: [] });
    expect(await outcome).toBe('restarted');
    expect(log).toEqual(['rebuild 4021 in 2', 'resumeRst field']);
    expect(process.incarnation).toBe(2);

    // The original went on, and so does the copy: each with checkpoints of its own.
    image.say(prepare(6));
    await image.hearsUntil('prepared');
    await image.hangUp();
  });

  test('a rebuild that fails is reported, and ends nothing', async () => {
    const log: string[] = [];
    const process = registered(scribe(log, 'field', { rebuild: () => Promise.reject(new Error('port taken')) }));
    const peer = await here.agent.welcomes();
    await process.ready();
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    peer.say(save(1, here.directory));
    await peer.hears('saved');
    const image = await here.agent.welcomes(restarted([]));
    expect((await image.hears('rebuilt')).errors).toEqual([{ participant: 'field', message: 'port taken' }]);
    image.say({ type: 'all_rebuilt', op: 3 });
    await image.hears('resumed');
    expect(log).toEqual(['stop field', 'resumeRst field']);
  });
});
