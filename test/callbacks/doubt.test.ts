/** Hang-ups and dead agents in every state: nobody is stuck, and nobody guesses. */
import { describe, expect, test } from '@jest/globals';
import type { CheckpointParticipant } from '../../src/callbacks/participant.js';
import { commit, prepare, save, stage } from './scripted-agent.js';
import type { Peer } from './scripted-agent.js';

const here = stage();

const scribe = (log: string[], more: Partial<CheckpointParticipant> = {}): CheckpointParticipant => ({
  name: 'field',
  stop: () => void log.push('stop'),
  checkpoint: () => void log.push('checkpoint'),
  resumeCp: ({ aborted, reason }) => void log.push(aborted ? `aborted: ${reason ?? '?'}` : 'resumeCp'),
  ...more,
});

const LOST = 'aborted: the connection to the checkpointing agent was lost';

async function running(participant: CheckpointParticipant): Promise<Peer> {
  here.process().register(participant);
  return here.agent.welcomes();
}

/** Up to the point where only the agent knows what becomes of the checkpoint. */
async function intoDoubt(peer: Peer, op = 1): Promise<void> {
  peer.say(prepare(op));
  await peer.hearsUntil('prepared');
  peer.say(save(op, here.directory));
  await peer.hears('saved');
  await peer.closed;
}

describe('before it has said saved', () => {
  test('a hang-up while running: it comes back', async () => {
    const log: string[] = [];
    const peer = await running(scribe(log));
    await peer.hangUp();
    const again = await here.agent.welcomes();
    expect(again.hello).toEqual({ ...peer.hello, incarnation: 0 });
    await commit(here.agent, again, 1, here.directory).then((last) => last.hears('resumed'));
    expect(log).toEqual(['stop', 'checkpoint', 'resumeCp']);
  });

  test('a hang-up while stopping', async () => {
    const log: string[] = [];
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const stop: CheckpointParticipant['stop'] = ({ signal }) => {
      begin();
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          log.push('told');
          resolve();
        });
      });
    };
    const peer = await running(scribe(log, { stop }));
    peer.say(prepare(1));
    await begun;
    await peer.hangUp();
    const again = await here.agent.welcomes();
    expect(again.hello).toMatchObject({ done: 1 });
    expect(again.hello).not.toHaveProperty('saved');
    expect(log).toEqual(['told', LOST]);
  });

  test('a hang-up when prepared', async () => {
    const log: string[] = [];
    const peer = await running(scribe(log));
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    await peer.hangUp();
    expect((await here.agent.welcomes()).hello).toMatchObject({ done: 1 });
    expect(log).toEqual(['stop', LOST]);
  });

  test('a hang-up while saving', async () => {
    const log: string[] = [];
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const checkpoint: CheckpointParticipant['checkpoint'] = ({ signal }) => {
      begin();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('interrupted'));
        });
      });
    };
    const peer = await running(scribe(log, { checkpoint }));
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    peer.say(save(1, here.directory));
    await begun;
    await peer.hangUp();
    expect((await here.agent.welcomes()).hello).toMatchObject({ done: 1 });
    expect(log).toEqual(['stop', LOST]);
  });

  test('bytes that are no frames are a hang-up', async () => {
    const log: string[] = [];
    const peer = await running(scribe(log));
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    peer.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await peer.closed;
    const again = await here.agent.welcomes();
    expect(again.hello).toMatchObject({ done: 1 });
    expect(log).toEqual(['stop', LOST]);
  });

  test('a message with missing fields is a hang-up', async () => {
    const peer = await running(scribe([]));
    peer.say({ type: 'prepare', op: 1 } as never);
    await peer.closed;
    expect((await here.agent.welcomes()).hello.client).toBe(peer.hello.client);
  });

  test('the agent dies, and another one takes its place', async () => {
    const log: string[] = [];
    const peer = await running(scribe(log));
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    await here.agent.die();
    await here.agent.listen();
    const again = await here.agent.welcomes();
    expect(again.hello).toMatchObject({ client: peer.hello.client, done: 1 });
    await commit(here.agent, again, 2, here.directory).then((last) => last.hears('resumed'));
    expect(log).toEqual(['stop', LOST, 'stop', 'checkpoint', 'resumeCp']);
  });
});

describe('when it has said saved', () => {
  test('it waits for an agent, however long there is none', async () => {
    const log: string[] = [];
    const peer = await running(scribe(log));
    await intoDoubt(peer);
    await here.agent.die();
    // Long enough for many attempts; that none of them leads anywhere is asserted below.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(log).toEqual(['stop', 'checkpoint']);
    await here.agent.listen();
    const again = await here.agent.arrival();
    expect(again.hello).toMatchObject({ saved: 1 });
    again.welcome({ outcome: { op: 1, result: 'aborted', reason: 'the agent was killed', deadline_ms: 1000 } });
    await again.hears('resumed');
    expect(log).toEqual(['stop', 'checkpoint', 'aborted: the agent was killed']);
  });

  test('a hang-up, no answer to hello, and answers that are none: it asks again', async () => {
    const log: string[] = [];
    const peer = await running(scribe(log));
    await intoDoubt(peer);
    await (await here.agent.arrival()).hangUp();

    const unanswered = await here.agent.arrival();
    expect(unanswered.hello).toMatchObject({ saved: 1 });
    await unanswered.hangUp();

    const without = await here.agent.welcomes();
    await without.closed;

    const other = await here.agent.welcomes({ outcome: { op: 99, result: 'committed', deadline_ms: 1000 } });
    await other.closed;

    const refusing = await here.agent.arrival();
    refusing.say({ type: 'refused', reason: 'not now' });
    await refusing.hangUp();
    expect(log).toEqual(['stop', 'checkpoint']);

    const last = await here.agent.welcomes({ outcome: { op: 1, result: 'committed', deadline_ms: 1000 } });
    await last.hears('resumed');
    expect(log).toEqual(['stop', 'checkpoint', 'resumeCp']);
  });

  test('abort comes too late: only the answer to saved counts', async () => {
    const log: string[] = [];
    const peer = await running(scribe(log));
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    peer.say(save(1, here.directory));
    await peer.hears('saved');
    peer.say({ type: 'abort', op: 1, reason: 'rank 1 has died' });
    const again = await here.agent.arrival();
    expect(again.hello).toMatchObject({ saved: 1 });
    expect(log).toEqual(['stop', 'checkpoint']);
    again.welcome({ outcome: { op: 1, result: 'aborted', reason: 'rank 1 has died', deadline_ms: 1000 } });
    await again.hears('resumed');
    expect(log).toEqual(['stop', 'checkpoint', 'aborted: rank 1 has died']);
  });

  test('what is said and heard while it hangs up does not keep saved from the agent', async () => {
    const log: string[] = [];
    const process = here.process();
    let outcome: Promise<string> | undefined;
    process.register(
      scribe(log, {
        checkpoint() {
          // Right behind saved, before the connection is closed.
          setImmediate(() => {
            outcome = process.request();
          });
        },
      }),
    );
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    peer.say(save(1, here.directory), { type: 'ping', n: 1 });
    expect((await peer.hearsUntil('saved')).at(-1)).toEqual({ type: 'saved', op: 1 });
    const again = await here.agent.welcomes({ outcome: { op: 1, result: 'committed', deadline_ms: 1000 } });
    const { id } = (await again.hearsUntil('request')).at(-1) as { id: number };
    again.say({ type: 'accepted', id, op: 2 }, { type: 'abort', op: 2, reason: 'enough' });
    expect(await outcome).toBe('aborted');
  });

  test('told to end, it ends, and nothing is called any more', async () => {
    const log: string[] = [];
    const peer = await running(scribe(log));
    await intoDoubt(peer);
    const again = await here.agent.arrival();
    again.say({ type: 'end', reason: 'stopped with checkpoint 1' });
    await again.closed;
    expect(here.ended).toBe(1);
    expect(log).toEqual(['stop', 'checkpoint']);
  });
});

describe('when the outcome is known', () => {
  test('a hang-up while resuming: it goes on, once, and tells when it comes back', async () => {
    const log: string[] = [];
    let release = (): void => {};
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const resumeCp = (): Promise<void> => {
      log.push('resumeCp');
      begin();
      return new Promise((resolve) => (release = resolve));
    };
    const peer = await running(scribe(log, { resumeCp }));
    await intoDoubt(peer);
    const again = await here.agent.welcomes({ outcome: { op: 1, result: 'committed', deadline_ms: 1000 } });
    await begun;
    await again.hangUp();
    const third = await here.agent.welcomes();
    expect(third.hello).not.toHaveProperty('saved');
    expect(third.hello).not.toHaveProperty('done');
    release();
    expect(await third.hears('resumed')).toMatchObject({ op: 1 });
    await third.hangUp();
    expect((await here.agent.welcomes()).hello).toMatchObject({ done: 1 });
    expect(log).toEqual(['stop', 'checkpoint', 'resumeCp']);
  });
});

describe('what is not understood', () => {
  test('an unknown message is answered, and nothing else happens', async () => {
    const peer = await running(scribe([]));
    peer.say({ type: 'dance' } as never, { type: 'ping', n: 7 });
    expect(await peer.hears('unsupported')).toEqual({ type: 'unsupported', what: 'dance' });
    expect(await peer.hears('pong')).toEqual({ type: 'pong', n: 7 });
    peer.say({ type: 'unsupported', what: 'pong' }, { type: 'pong', n: 1 }, { type: 'ping', n: 8 });
    expect(await peer.hears('pong')).toEqual({ type: 'pong', n: 8 });
  });

  test('unknown fields are ignored', async () => {
    const peer = await running(scribe([]));
    peer.say({ ...prepare(1), colour: 'red' } as never);
    expect(await peer.hearsUntil('prepared')).toHaveLength(2);
    await peer.hangUp();
  });
});
