/** What the participants of a process are told when, and in which order. */
import { describe, expect, test } from '@jest/globals';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkpointing } from '../../src/callbacks/checkpointing.js';
import { CheckpointVeto } from '../../src/callbacks/errors.js';
import type {
  CheckpointParticipant,
  ResumeContext,
  SaveContext,
  StopContext,
} from '../../src/callbacks/participant.js';
import type { Peer } from './scripted-agent.js';
import { commit, prepare, save, stage } from './scripted-agent.js';

const here = stage();

/** A participant that writes down what it is told. */
const scribe = (log: string[], name: string, more: Partial<CheckpointParticipant> = {}): CheckpointParticipant => ({
  name,
  stop: () => void log.push(`stop ${name}`),
  checkpoint: () => void log.push(`checkpoint ${name}`),
  resumeCp: ({ aborted }) => void log.push(`${aborted ? 'aborted' : 'resumeCp'} ${name}`),
  ...more,
});

const never = new Promise<never>(() => {});

/** A process with these participants, and its agent. */
async function running(...participants: CheckpointParticipant[]): Promise<{ process: Checkpointing; peer: Peer }> {
  const process = here.process();
  for (const participant of participants) process.register(participant);
  return { process, peer: await here.agent.welcomes() };
}

describe('a checkpoint that is committed', () => {
  test('calls stop, checkpoint and resumeCp, and hangs up in between', async () => {
    const log: string[] = [];
    const { peer, process } = await running(scribe(log, 'field'));
    peer.say(prepare(1));
    expect(await peer.hears('stopped')).toEqual({ type: 'stopped', op: 1, participant: 'field' });
    expect(await peer.hears('prepared')).toEqual({
      type: 'prepared',
      op: 1,
      participants: [{ name: 'field', rebuild: false }],
    });
    expect(log).toEqual(['stop field']);

    peer.say(save(1, here.directory));
    expect(await peer.hears('saved')).toEqual({ type: 'saved', op: 1 });
    await peer.closed;
    expect(log).toEqual(['stop field', 'checkpoint field']);

    const again = await here.agent.arrival();
    expect(again.hello).toMatchObject({ client: peer.hello.client, incarnation: 0, saved: 1, v: [1, 1] });
    expect(log).toEqual(['stop field', 'checkpoint field']);
    again.welcome({ generation: 1, outcome: { op: 1, result: 'committed', deadline_ms: 1000 } });
    expect(await again.hears('resumed')).toEqual({ type: 'resumed', op: 1, errors: [] });
    expect(log).toEqual(['stop field', 'checkpoint field', 'resumeCp field']);
    expect(process.generation).toBe(1);
    expect(process.last).toEqual({ op: 1, outcome: 'continued', generation: 1 });
  });

  test('goes from high to low priority, and back; equal ones run at the same time', async () => {
    const log: string[] = [];
    let inStop = 0;
    let together = 0;
    const twin = (name: string): CheckpointParticipant =>
      scribe(log, name, {
        priority: 100,
        async stop() {
          inStop++;
          await Promise.resolve();
          together = Math.max(together, inStop);
          inStop--;
        },
      });
    const { peer } = await running(
      scribe(log, 'low', { priority: -1 }),
      twin('a'),
      scribe(log, 'high', { priority: 1000 }),
      twin('b'),
      scribe(log, 'middle'),
    );
    const again = await commit(here.agent, peer, 1, here.directory);
    await again.hears('resumed');
    expect(together).toBe(2);
    expect(log).toEqual([
      ...['stop high', 'stop middle', 'stop low'],
      ...['checkpoint high', 'checkpoint a', 'checkpoint b', 'checkpoint middle', 'checkpoint low'],
      ...['resumeCp low', 'resumeCp middle', 'resumeCp b', 'resumeCp a', 'resumeCp high'],
    ]);
  });

  test('the next priority waits for the last callback of this one', async () => {
    const log: string[] = [];
    let release = (): void => {};
    const slow = scribe(log, 'slow', { priority: 1, stop: () => new Promise<void>((resolve) => (release = resolve)) });
    const { peer } = await running(scribe(log, 'quick', { priority: 1 }), slow, scribe(log, 'next'));
    peer.say(prepare(1));
    await peer.hears('stopped');
    expect(log).toEqual(['stop quick']);
    release();
    expect(await peer.hears('stopped')).toMatchObject({ participant: 'slow' });
    expect(await peer.hears('stopped')).toMatchObject({ participant: 'next' });
    await peer.hangUp();
  });

  test('gives each participant a private directory of its own, and its notes', async () => {
    const seen: { stop?: StopContext; save?: SaveContext; resume?: ResumeContext } = {};
    const { peer } = await running({
      name: 'halo/exchange .1',
      deadline: 5,
      stop(context) {
        seen.stop = context;
        context.bag.set('note', 1);
      },
      async checkpoint(context) {
        seen.save = context;
        await writeFile(join(context.directory, 'state'), 'whole');
      },
      resumeCp(context) {
        seen.resume = context;
      },
    });
    const again = await commit(here.agent, peer, 7, here.directory, 3);
    await again.hears('resumed');
    const directory = join(here.directory, 'halo%2Fexchange%20.1');
    expect(seen.save?.directory).toBe(directory);
    expect(await readdir(directory)).toEqual(['state']);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(seen.stop).toMatchObject({ op: 7, generation: 3, mode: 'continue' });
    expect(seen.save).toMatchObject({ op: 7, generation: 3, mode: 'continue' });
    expect(seen.resume).toMatchObject({ op: 7, generation: 3, aborted: false, reason: undefined });
    expect(seen.resume?.bag.get('note')).toBe(1);
    expect(seen.stop?.remaining).toBeLessThanOrEqual(5);
    expect(seen.stop?.signal.aborted).toBe(false);
  });

  test('notes do not live longer than the operation', async () => {
    const found: unknown[] = [];
    const { peer } = await running({
      name: 'field',
      stop({ bag }) {
        found.push(bag.get('note'));
        bag.set('note', 'old');
      },
    });
    let now = peer;
    for (const op of [1, 2]) {
      now = await commit(here.agent, now, op, here.directory);
      await now.hears('resumed');
    }
    expect(found).toEqual([undefined, undefined]);
  });

  test('a participant needs no callback but the one it wants', async () => {
    const log: string[] = [];
    const { peer } = await running({ name: 'only resumes', resumeCp: () => void log.push('resumed') });
    const again = await commit(here.agent, peer, 1, here.directory);
    await again.hears('resumed');
    expect(log).toEqual(['resumed']);
    expect(await readdir(here.directory)).toEqual(['agent.sock']);
  });

  test('a process with nothing registered any more takes part as well', async () => {
    const process = here.process();
    await process.register({ name: 'field', stop: () => {} }).unregister();
    const peer = await here.agent.welcomes();
    const again = await commit(here.agent, peer, 1, here.directory);
    expect(await again.hears('resumed')).toMatchObject({ op: 1 });
  });

  test('what stop has drained is told to the agent', async () => {
    const channels = [
      {
        id: 'halo',
        end: '0',
        sent: { messages: 2, bytes: 20, digest: 'a' },
        received: { messages: 1, bytes: 10, digest: 'b' },
      },
    ];
    const { peer } = await running({ name: 'halo', stop: () => ({ channels }) });
    peer.say(prepare(1));
    expect(await peer.hears('stopped')).toEqual({ type: 'stopped', op: 1, participant: 'halo', channels });
    await peer.hangUp();
  });
});

describe('a checkpoint that comes to nothing', () => {
  test('a veto resumes those that had stopped, the vetoing one too, and nobody else', async () => {
    const log: string[] = [];
    const { peer, process } = await running(
      scribe(log, 'first', { priority: 2 }),
      scribe(log, 'busy', {
        priority: 1,
        stop() {
          throw new CheckpointVeto('3 requests are open', { retryAfter: 1.5 });
        },
      }),
      scribe(log, 'never stopped'),
    );
    peer.say(prepare(1));
    await peer.hears('stopped');
    expect(await peer.hears('veto')).toEqual({
      type: 'veto',
      op: 1,
      by: 'busy',
      reason: '3 requests are open',
      retry_after_ms: 1500,
    });
    expect(await peer.hears('resumed')).toEqual({ type: 'resumed', op: 1, errors: [] });
    expect(log).toEqual(['stop first', 'aborted busy', 'aborted first']);
    expect(process.last).toEqual({
      op: 1,
      outcome: 'aborted',
      generation: 0,
      reason: '3 requests are open',
      by: 'busy',
    });
    peer.say({ type: 'abort', op: 1, reason: 'late' });
    peer.say(prepare(2));
    await peer.hears('stopped');
    await peer.hangUp();
  });

  test.each([
    ['an Error', new Error('disk full'), 'disk full'],
    ['no Error at all', 'nothing', 'nothing'],
    ['an endless message', new Error('x'.repeat(5000)), `${'x'.repeat(1000)}...`],
  ])('checkpoint throws %s', async (_, thrown, reason) => {
    const log: string[] = [];
    const failing = scribe(log, 'field', {
      checkpoint() {
        throw thrown;
      },
    });
    const { peer } = await running(failing, scribe(log, 'files', { priority: -500 }));
    peer.say(prepare(1), save(1, here.directory));
    await peer.hearsUntil('prepared');
    expect(await peer.hears('veto')).toEqual({ type: 'veto', op: 1, by: 'field', reason });
    await peer.hears('resumed');
    expect(log).toEqual(['stop field', 'stop files', 'aborted files', 'aborted field']);
  });

  test('a directory that is there already is not written into', async () => {
    const { peer } = await running({ name: 'agent.sock', checkpoint: () => {} });
    peer.say(prepare(1), save(1, here.directory));
    await peer.hearsUntil('prepared');
    expect((await peer.hears('veto')).reason).toContain('EEXIST');
    await peer.hears('resumed');
  });

  test('the agent aborts: running callbacks are told, and waited for', async () => {
    const log: string[] = [];
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const { peer } = await running(
      scribe(log, 'patient', {
        stop: ({ signal }) =>
          new Promise((resolve) => {
            log.push('stopping');
            begin();
            signal.addEventListener('abort', () => {
              log.push((signal.reason as Error).message);
              resolve();
            });
          }),
      }),
    );
    peer.say(prepare(1));
    await begun;
    peer.say({ type: 'abort', op: 1, reason: 'rank 1 has vetoed', by: 'pump' });
    await peer.hears('stopped');
    await peer.hears('resumed');
    expect(log).toEqual(['stopping', 'the checkpoint was aborted: rank 1 has vetoed', 'aborted patient']);
  });

  test('a signal that is asked for after the abort is aborted', async () => {
    let context: StopContext | undefined;
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const told = new Promise<unknown>((resolve) => {
      here.process().register({
        name: 'field',
        async stop(given) {
          context = given;
          begin();
          await new Promise((later) => setTimeout(later, 30));
          resolve(context.signal.reason);
        },
      });
    });
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await begun;
    peer.say({ type: 'abort', op: 1, reason: 'changed my mind' });
    expect(await told).toMatchObject({ message: 'the checkpoint was aborted: changed my mind' });
    await peer.hearsUntil('resumed');
  });

  test('prepare and abort at once: nobody is stopped', async () => {
    const log: string[] = [];
    const { peer } = await running(scribe(log, 'field'));
    peer.say(prepare(1), { type: 'abort', op: 1, reason: 'changed my mind' });
    expect(await peer.hears('resumed')).toEqual({ type: 'resumed', op: 1, errors: [] });
    expect(log).toEqual([]);
  });

  test.each(['prepared', 'saving'])('the agent aborts when all are %s', async (state) => {
    const log: string[] = [];
    const { peer, process } = await running(scribe(log, 'field', { checkpoint: ({ signal }) => aborted(signal) }));
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    if (state === 'saving') peer.say(save(1, here.directory));
    peer.say({ type: 'abort', op: 1, reason: 'rank 1 has died' });
    expect(await peer.hears('resumed')).toEqual({ type: 'resumed', op: 1, errors: [] });
    expect(log).toEqual(['stop field', 'aborted field']);
    expect(process.last).toMatchObject({ outcome: 'aborted', reason: 'rank 1 has died' });
  });

  test('a report that is none is a veto that says so', async () => {
    const { peer } = await running({ name: 'halo', stop: () => ({ channels: [{ id: 'x' }] }) as never });
    peer.say(prepare(1));
    expect(await peer.hears('veto')).toMatchObject({
      by: 'halo',
      reason: 'a "stopped" with missing or wrong fields',
    });
    await peer.hears('resumed');
  });

  test('orders for other operations mean nothing', async () => {
    const log: string[] = [];
    const { peer } = await running(scribe(log, 'field'));
    peer.say(prepare(5));
    await peer.hearsUntil('prepared');
    peer.say(save(4, here.directory), { type: 'abort', op: 6, reason: 'what?' }, { type: 'all_rebuilt', op: 5 });
    const again = await commit(here.agent, peer, 5, here.directory, 1, false);
    await again.hears('resumed');
    expect(log).toEqual(['stop field', 'checkpoint field', 'resumeCp field']);
  });
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

describe('deadlines', () => {
  test('stop that never returns is a veto, and the next checkpoint is vetoed until it does', async () => {
    const log: string[] = [];
    let release = (): void => {};
    let signal: AbortSignal | undefined;
    const { peer } = await running(
      scribe(log, 'stuck', {
        deadline: 0.02,
        stop(context) {
          log.push(`stop ${context.op}`);
          if (context.op > 1) return undefined;
          ({ signal } = context);
          return new Promise<undefined>((resolve) => {
            release = () => {
              resolve(undefined);
            };
          });
        },
      }),
    );
    peer.say(prepare(1));
    expect(await peer.hears('veto')).toMatchObject({
      by: 'stuck',
      reason: 'stop of "stuck" has missed its deadline of 0.02 s',
    });
    expect(signal?.aborted).toBe(true);
    // Its resumeCp waits for the stop: no two callbacks of a participant overlap.
    expect(await peer.hears('resumed')).toEqual({
      type: 'resumed',
      op: 1,
      errors: [{ participant: 'stuck', message: 'resumeCp of "stuck" has missed its deadline of 0.02 s' }],
    });
    expect(log).toEqual(['stop 1']);

    peer.say(prepare(2));
    expect(await peer.hears('veto')).toEqual({
      type: 'veto',
      op: 2,
      by: '',
      reason: 'stop of "stuck" has not returned since an earlier checkpoint',
    });
    expect(await peer.hears('resumed')).toMatchObject({ op: 2, errors: [] });

    release();
    await new Promise(setImmediate);
    expect(log).toEqual(['stop 1', 'aborted stuck']);
    peer.say(prepare(3));
    expect(await peer.hears('stopped')).toMatchObject({ op: 3 });
    expect(log).toEqual(['stop 1', 'aborted stuck', 'stop 3']);
    await peer.hangUp();
  });

  test('the phase has a deadline, too', async () => {
    const log: string[] = [];
    const { peer } = await running(scribe(log, 'stuck', { stop: () => never, deadline: 100 }));
    peer.say(prepare(1, { deadline_ms: 20 }));
    expect((await peer.hears('veto')).reason).toBe('stop of "stuck" has missed its deadline of 0.02 s');
    await peer.hears('resumed');
  });

  test('checkpoint that never returns aborts', async () => {
    const { peer } = await running({ name: 'stuck', deadline: 0.02, checkpoint: () => never });
    peer.say(prepare(1), save(1, here.directory));
    await peer.hearsUntil('prepared');
    expect(await peer.hears('veto')).toMatchObject({ by: 'stuck' });
    await peer.hears('resumed');
  });

  test('resumeCp that fails or never returns is reported, and the others run', async () => {
    const log: string[] = [];
    const { peer } = await running(
      scribe(log, 'stuck', { deadline: 0.02, resumeCp: () => never }),
      scribe(log, 'broken', { priority: 1, resumeCp: () => Promise.reject(new Error('no port')) }),
      scribe(log, 'fine', { priority: 2 }),
    );
    const again = await commit(here.agent, peer, 1, here.directory);
    expect((await again.hears('resumed')).errors).toEqual([
      { participant: 'stuck', message: 'resumeCp of "stuck" has missed its deadline of 0.02 s' },
      { participant: 'broken', message: 'no port' },
    ]);
    expect(log).toContain('resumeCp fine');
  });

  test('of more failures than a frame could hold the first ones are told', async () => {
    const process = here.process();
    for (let i = 0; i < 150; i++) {
      process.register({ name: `field ${i}`, resumeCp: () => Promise.reject(new Error('\u0001'.repeat(5000))) });
    }
    const again = await commit(here.agent, await here.agent.welcomes(), 1, here.directory);
    expect((await again.hears('resumed')).errors).toHaveLength(100);
  });

  test('a late rejection is no unhandled one', async () => {
    let fail = (_: unknown): void => {};
    const { peer } = await running({
      name: 'stuck',
      deadline: 0.01,
      stop: () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    });
    peer.say(prepare(1));
    await peer.hears('veto');
    fail(new Error('late'));
    await peer.hears('resumed');
    await new Promise(setImmediate);
    expect(peer.isSilent).toBe(true);
  });
});

describe('who takes part', () => {
  test('registered while stopping: the next operation', async () => {
    const log: string[] = [];
    const { peer, process } = await running(scribe(log, 'field'));
    peer.say(prepare(1));
    await peer.hears('stopped');
    process.register(scribe(log, 'late'));
    const again = await commit(here.agent, peer, 1, here.directory, 1, false);
    await again.hears('resumed');
    expect(log).toEqual(['stop field', 'checkpoint field', 'resumeCp field']);
    again.say(prepare(2));
    expect(await again.hears('stopped')).toMatchObject({ participant: 'field' });
    expect(await again.hears('stopped')).toMatchObject({ participant: 'late' });
    await again.hangUp();
  });

  test('registered by a stop: this one, at once, and ready', async () => {
    const log: string[] = [];
    const process = here.process();
    process.register(
      scribe(log, 'parent', {
        stop() {
          log.push('stop parent');
          process.register(scribe(log, 'child', { rebuild: () => {} }));
        },
      }),
    );
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    expect((await peer.hearsUntil('prepared')).at(-1)).toMatchObject({
      participants: [
        { name: 'parent', rebuild: false },
        { name: 'child', rebuild: true },
      ],
    });
    peer.say({ type: 'abort', op: 1, reason: 'enough' });
    await peer.hears('resumed');
    expect(log).toEqual(['stop parent', 'stop child', 'aborted child', 'aborted parent']);
  });

  test('unregistered after its stop: it is resumed, and then gone', async () => {
    const log: string[] = [];
    const process = here.process();
    const registration = process.register(scribe(log, 'field'));
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    const gone = registration.unregister().then(() => log.push('gone'));
    expect(registration.active).toBe(false);
    const again = await commit(here.agent, peer, 1, here.directory, 1, false);
    await again.hears('resumed');
    await gone;
    expect(log).toEqual(['stop field', 'checkpoint field', 'resumeCp field', 'gone']);
    again.say(prepare(2));
    expect((await again.hears('prepared')).participants).toEqual([]);
    await again.hangUp();
  });

  test('unregistered before its stop: it is not stopped', async () => {
    const log: string[] = [];
    const process = here.process();
    const registration = process.register(scribe(log, 'field'));
    process.register(scribe(log, 'first', { priority: 1, stop: () => registration.unregister() }));
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    expect((await peer.hearsUntil('prepared')).at(-1)).toMatchObject({ participants: [{ name: 'first' }] });
    expect(log).toEqual([]);
    await peer.hangUp();
  });

  test('unregistered in its own callback: at once', async () => {
    const log: string[] = [];
    const process = here.process();
    const registration = process.register(
      scribe(log, 'field', {
        async stop() {
          await registration.unregister();
          log.push('stop field');
        },
      }),
    );
    const peer = await here.agent.welcomes();
    const again = await commit(here.agent, peer, 1, here.directory);
    await again.hears('resumed');
    expect(log).toEqual(['stop field', 'checkpoint field', 'resumeCp field']);
  });

  test('await using ends a registration', async () => {
    const process = here.process();
    {
      await using registration = process.register({ name: 'field', stop: () => {} });
      expect(registration.active).toBe(true);
    }
    expect(process.register({ name: 'field', stop: () => {} }).active).toBe(true);
  });

  test('a second prepare while one is not over is vetoed, and changes nothing', async () => {
    const log: string[] = [];
    const { peer } = await running(scribe(log, 'field'));
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    peer.say(prepare(2));
    expect(await peer.hears('veto')).toEqual({ type: 'veto', op: 2, by: '', reason: 'operation 1 is not over yet' });
    expect(await peer.hears('resumed')).toEqual({ type: 'resumed', op: 2, errors: [] });
    const again = await commit(here.agent, peer, 1, here.directory, 1, false);
    await again.hears('resumed');
    expect(log).toEqual(['stop field', 'checkpoint field', 'resumeCp field']);
  });

  test('a participant that could be rebuilt and was never said to be ready vetoes', async () => {
    const { peer, process } = await running({ name: 'field', rebuild: () => {} });
    peer.say(prepare(1));
    expect(await peer.hears('veto')).toMatchObject({
      by: '',
      reason:
        'no checkpointing.ready() after the registration of "field": a restarted job could not give it its state. ' +
        'Register all participants, then `await checkpointing.ready()`',
    });
    await peer.hears('resumed');
    expect(await process.ready()).toBe(false);
    peer.say(prepare(2));
    await peer.hearsUntil('prepared');
    await peer.hangUp();
  });
});
