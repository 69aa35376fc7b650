/** Critical sections hold a checkpoint off, and it holds them off; neither waits for ever. */
import { describe, expect, test } from '@jest/globals';
import { CheckpointDeadlock } from '../../src/callbacks/errors.js';
import { commit, prepare, stage } from './scripted-agent.js';

const here = stage();

/** A promise, and what resolves it. */
function door(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

const turn = (): Promise<void> => new Promise(setImmediate);

describe('a critical section', () => {
  test('runs at once when there is no checkpoint, and gives what it gives', async () => {
    const process = here.process();
    expect(await process.criticalSection(() => 1)).toBe(1);
    expect(await process.criticalSection(() => Promise.resolve(2))).toBe(2);
    await expect(process.criticalSection(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    let began = false;
    const section = process.criticalSection(() => (began = true));
    expect(began).toBe(true);
    await section;
  });

  test('defers the stop until the last of them has ended', async () => {
    const log: string[] = [];
    const [one, two, both] = [door(), door(), door()];
    const process = here.process();
    process.register({ name: 'field', stop: () => void log.push('stop') });
    const peer = await here.agent.welcomes();
    const first = process.criticalSection(() => one.opened);
    const second = process.criticalSection(() => two.opened);
    peer.say(prepare(1), { type: 'ping', n: 1 });
    await peer.hears('pong');
    one.open();
    await first;
    await turn();
    expect(log).toEqual([]);
    two.open();
    await second;
    await peer.hears('stopped');
    expect(log).toEqual(['stop']);
    both.open();
    await peer.hangUp();
  });

  test('entered while a checkpoint is made waits for its end', async () => {
    const log: string[] = [];
    const process = here.process();
    process.register({ name: 'field', stop: () => void log.push('stop'), resumeCp: () => void log.push('resumeCp') });
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    const section = process.criticalSection(() => log.push('section'));
    await turn();
    expect(log).toEqual(['stop']);
    const again = await commit(here.agent, peer, 1, here.directory, 1, false);
    await again.hears('resumed');
    await section;
    expect(log).toEqual(['stop', 'resumeCp', 'section']);
  });

  test('nested in one for which a checkpoint waits goes on', async () => {
    const log: string[] = [];
    const [outer, inner] = [door(), door()];
    const process = here.process();
    process.register({ name: 'field', stop: () => void log.push('stop') });
    const peer = await here.agent.welcomes();
    const section = process.criticalSection(async () => {
      await outer.opened;
      await process.criticalSection(async () => {
        log.push('nested');
        await inner.opened;
      });
      log.push('outer ends');
    });
    peer.say(prepare(1), { type: 'ping', n: 1 });
    await peer.hears('pong');
    outer.open();
    await turn();
    inner.open();
    await section;
    await peer.hears('stopped');
    expect(log).toEqual(['nested', 'outer ends', 'stop']);
    await peer.hangUp();
  });

  test('nested and not awaited counts by itself', async () => {
    const log: string[] = [];
    const inner = door();
    const process = here.process();
    process.register({ name: 'field', stop: () => void log.push('stop') });
    const peer = await here.agent.welcomes();
    let left: Promise<void> | undefined;
    await process.criticalSection(() => {
      left = process.criticalSection(() => inner.opened);
    });
    peer.say(prepare(1), { type: 'ping', n: 1 });
    await peer.hears('pong');
    expect(log).toEqual([]);
    inner.open();
    await left;
    await peer.hears('stopped');
    await peer.hangUp();
  });

  test('in a callback runs at once, and is waited for even when the callback does not', async () => {
    const log: string[] = [];
    const long = door();
    const process = here.process();
    process.register({
      name: 'field',
      async stop() {
        await process.criticalSection(() => log.push('in stop'));
        void process.criticalSection(() => long.opened);
      },
    });
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await peer.hears('stopped');
    peer.say({ type: 'ping', n: 1 });
    await peer.hears('pong');
    expect(peer.isSilent).toBe(true);
    long.open();
    await peer.hears('prepared');
    expect(log).toEqual(['in stop']);
    await peer.hangUp();
  });

  test('that does not end is a veto, and another one waits no longer', async () => {
    const log: string[] = [];
    const process = here.process();
    process.register({ name: 'field', stop: () => void log.push('stop') });
    const peer = await here.agent.welcomes();
    const stuck = door();
    const section = process.criticalSection(() => stuck.opened);
    peer.say(prepare(1, { deadline_ms: 20 }));
    expect(await peer.hears('veto')).toEqual({
      type: 'veto',
      op: 1,
      by: '',
      reason: 'waiting for the end of a critical section has missed its deadline of 0.02 s',
    });
    await peer.hears('resumed');
    expect(log).toEqual([]);
    await process.criticalSection(() => undefined);
    stuck.open();
    await section;
  });

  test('does not hold an abort off', async () => {
    const process = here.process();
    process.register({ name: 'field', stop: () => {} });
    const peer = await here.agent.welcomes();
    const stuck = door();
    const section = process.criticalSection(() => stuck.opened);
    peer.say(prepare(1), { type: 'abort', op: 1, reason: 'enough' });
    expect(await peer.hears('resumed')).toMatchObject({ op: 1 });
    stuck.open();
    await section;
  });
});

describe('a request that would wait for itself', () => {
  test('in a critical section is refused', async () => {
    const process = here.process();
    process.register({ name: 'field', stop: () => {} });
    await here.agent.welcomes();
    const asked = process.criticalSection(() => process.request());
    await expect(asked).rejects.toThrow(CheckpointDeadlock);
    await expect(asked).rejects.toThrow(
      'checkpointing.request() in a critical section: the checkpoint would wait for its end, and it for the checkpoint',
    );
  });

  test('in a callback is refused', async () => {
    const process = here.process();
    let asked: Promise<unknown> | undefined;
    process.register({
      name: 'field',
      stop() {
        asked = process.request();
        asked.catch(() => {});
      },
    });
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    await expect(asked).rejects.toThrow('checkpointing.request() in stop of "field"');
    await peer.hangUp();
  });

  test('after the section that started the code has ended is none', async () => {
    const process = here.process();
    process.register({ name: 'field', stop: () => {} });
    const peer = await here.agent.welcomes();
    const ended = door();
    let asked: Promise<string> | undefined;
    await process.criticalSection(() => {
      asked = ended.opened.then(() => process.request());
    });
    ended.open();
    const { id } = await peer.hears('request');
    peer.say({ type: 'accepted', id, op: 1 }, { type: 'abort', op: 1, reason: 'not now' });
    expect(await asked).toBe('aborted');
  });
});
