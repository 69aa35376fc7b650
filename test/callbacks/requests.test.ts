/** Checkpoints that a process asks for, in every state of its agent; and names that processes publish. */
import { describe, expect, test } from '@jest/globals';
import type { ResumeContext } from '../../src/callbacks/participant.js';
import { commit, prepare, save, stage } from './scripted-agent.js';

const here = stage();

describe('a request', () => {
  test('is served by an operation, and answered when this process has resumed', async () => {
    const log: string[] = [];
    const process = here.process();
    process.register({ name: 'field', resumeCp: () => void log.push('resumeCp') });
    const peer = await here.agent.welcomes();
    const outcome = process.request({ mode: 'stop', deadline: 2.5 }).then((how) => log.push(how));
    const asked = await peer.hears('request');
    expect(asked).toEqual({ type: 'request', id: asked.id, mode: 'stop', deadline_ms: 2500 });
    peer.say({ type: 'accepted', id: asked.id, op: 1 });
    await commit(here.agent, peer, 1, here.directory);
    await outcome;
    expect(log).toEqual(['resumeCp', 'continued']);
  });

  test('needs no participant', async () => {
    const process = here.process();
    const outcome = process.request();
    const peer = await here.agent.welcomes();
    const { id, mode } = await peer.hears('request');
    expect(mode).toBe('continue');
    peer.say({ type: 'accepted', id, op: 1 });
    await commit(here.agent, peer, 1, here.directory);
    expect(await outcome).toBe('continued');
  });

  test('two at once are two, and one operation may serve both', async () => {
    const process = here.process();
    const outcomes = Promise.all([process.request(), process.request()]);
    const peer = await here.agent.welcomes();
    const [first, second] = [await peer.hears('request'), await peer.hears('request')];
    expect(first.id).not.toBe(second.id);
    peer.say({ type: 'accepted', id: first.id, op: 1 }, { type: 'accepted', id: second.id, op: 1 });
    await commit(here.agent, peer, 1, here.directory);
    expect(await outcomes).toEqual(['continued', 'continued']);
  });

  test('while stopping joins the operation or waits for the next: the agent decides', async () => {
    const process = here.process();
    process.register({ name: 'field', stop: () => {} });
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    const joined = process.request();
    const later = process.request({ mode: 'stop' });
    const [first, second] = [await peer.hears('request'), await peer.hears('request')];
    peer.say({ type: 'accepted', id: first.id, op: 1 });
    const again = await commit(here.agent, peer, 1, here.directory, 1, false);
    expect(await joined).toBe('continued');
    // It hung up in between, so it asks again.
    expect((await again.hearsUntil('resumed'))[0]).toEqual(second);
    again.say({ type: 'accepted', id: second.id, op: 2 }, { type: 'abort', op: 2, reason: 'no space left' });
    expect(await later).toBe('aborted');
    expect(process.last).toMatchObject({ op: 2, outcome: 'aborted', reason: 'no space left' });
  });

  test('while in doubt is asked when the agent is back', async () => {
    const process = here.process();
    process.register({ name: 'field', stop: () => {} });
    const peer = await here.agent.welcomes();
    peer.say(prepare(1), save(1, here.directory));
    await peer.hearsUntil('saved');
    await peer.closed;
    const outcome = process.request();
    const again = await here.agent.welcomes({ outcome: { op: 1, result: 'committed', deadline_ms: 1000 } });
    const { id } = (await again.hearsUntil('request')).at(-1) as { id: number };
    again.say({ type: 'accepted', id, op: 2 });
    await commit(here.agent, again, 2, here.directory);
    expect(await outcome).toBe('continued');
  });

  test('accepted by an agent that dies is asked again', async () => {
    const process = here.process();
    const outcome = process.request();
    const peer = await here.agent.welcomes();
    const asked = await peer.hears('request');
    peer.say({ type: 'accepted', id: asked.id, op: 1 }, { type: 'ping', n: 1 });
    await peer.hears('pong');
    await here.agent.die();
    await here.agent.listen();
    const again = await here.agent.welcomes();
    expect(await again.hears('request')).toEqual(asked);
    again.say({ type: 'accepted', id: asked.id, op: 2 });
    await commit(here.agent, again, 2, here.directory);
    expect(await outcome).toBe('continued');
  });

  test('is answered by a veto of this process', async () => {
    const process = here.process();
    process.register({
      name: 'busy',
      stop() {
        throw new Error('a transfer is open');
      },
    });
    const peer = await here.agent.welcomes();
    const outcome = process.request();
    const { id } = await peer.hears('request');
    peer.say({ type: 'accepted', id, op: 1 }, prepare(1));
    expect(await outcome).toBe('aborted');
    expect(process.last).toMatchObject({ reason: 'a transfer is open', by: 'busy' });
  });

  test('that joined an operation which this process has ended already', async () => {
    const process = here.process();
    process.register({
      name: 'busy',
      stop() {
        throw new Error('a transfer is open');
      },
    });
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    const outcome = process.request();
    const heard = await peer.hearsUntil('resumed');
    const { id } = heard.find(({ type }) => type === 'request') as { id: number };
    peer.say({ type: 'accepted', id, op: 1 });
    expect(await outcome).toBe('aborted');
  });

  test('that the agent refuses is rejected', async () => {
    const process = here.process();
    const outcome = process.request();
    const peer = await here.agent.welcomes();
    const { id } = await peer.hears('request');
    peer.say({ type: 'refused', id, reason: 'the job ends' });
    await expect(outcome).rejects.toThrow('the checkpointer makes no checkpoint now: the job ends');
  });

  test('answers for requests that nobody has made mean nothing', async () => {
    const process = here.process();
    process.register({ name: 'field', stop: () => {} });
    const peer = await here.agent.welcomes();
    peer.say({ type: 'accepted', id: 77, op: 1 }, { type: 'refused', id: 78, reason: 'what?' }, { type: 'ok', id: 79 });
    peer.say({ type: 'endpoint', id: 80, name: 'x', address: 'y' }, { type: 'ping', n: 1 });
    await peer.hears('pong');
    expect(process.connected).toBe(true);
  });
});

describe('names', () => {
  test('are published and resolved', async () => {
    const process = here.process();
    const published = process.publish('halo 0', 'n1:4021');
    const peer = await here.agent.welcomes();
    const told = await peer.hears('publish');
    expect(told).toEqual({ type: 'publish', id: told.id, name: 'halo 0', address: 'n1:4021' });
    peer.say({ type: 'ok', id: told.id });
    await published;

    const address = process.resolve('halo 1');
    const asked = await peer.hears('resolve');
    peer.say({ type: 'endpoint', id: asked.id, name: 'halo 1', address: 'n2:5000' });
    expect(await address).toBe('n2:5000');
  });

  test('are told again to an agent that was killed', async () => {
    const process = here.process();
    const published = process.publish('halo 0', 'old');
    const address = process.resolve('halo 1');
    const peer = await here.agent.welcomes();
    peer.say({ type: 'ok', id: (await peer.hears('publish')).id });
    await published;
    const asked = await peer.hears('resolve');
    await here.agent.die();
    await here.agent.listen();
    const again = await here.agent.welcomes();
    expect(await again.hears('publish')).toMatchObject({ name: 'halo 0', address: 'old' });
    expect(await again.hears('resolve')).toEqual(asked);
    again.say({ type: 'endpoint', id: asked.id, name: 'halo 1', address: 'there' });
    expect(await address).toBe('there');
  });

  test('are forgotten with a checkpoint, and published anew in resumeCp', async () => {
    const process = here.process();
    let resumed: Promise<void> | undefined;
    process.register({
      name: 'halo',
      resumeCp: (context: ResumeContext) => {
        resumed = context.publish('halo 0', 'new');
        return resumed;
      },
    });
    const peer = await here.agent.welcomes();
    const published = process.publish('halo 0', 'old');
    peer.say({ type: 'ok', id: (await peer.hears('publish')).id });
    await published;
    const again = await commit(here.agent, peer, 1, here.directory);
    const told = await again.hears('publish');
    expect(told).toMatchObject({ name: 'halo 0', address: 'new' });
    again.say({ type: 'ok', id: told.id });
    await again.hears('resumed');
    await resumed;
    expect(again.isSilent).toBe(true);
  });

  test('a resolve can be given up', async () => {
    const process = here.process();
    const controller = new AbortController();
    const address = process.resolve('nobody', { signal: controller.signal });
    const peer = await here.agent.welcomes();
    const { id } = await peer.hears('resolve');
    controller.abort(new Error('enough'));
    await expect(address).rejects.toThrow('enough');
    expect(await peer.hears('cancel')).toEqual({ type: 'cancel', id });
    await expect(process.resolve('nobody', { signal: controller.signal })).rejects.toThrow('enough');
  });

  test('refusals are told', async () => {
    const process = here.process();
    const published = process.publish('halo 0', 'here');
    const peer = await here.agent.welcomes();
    peer.say({ type: 'refused', id: (await peer.hears('publish')).id, reason: 'too many names' });
    await expect(published).rejects.toThrow('too many names');
    await expect(process.publish('halo 0', 'x'.repeat(5000))).rejects.toThrow(
      'the address of "halo 0" has more than 4096 bytes',
    );
  });
});
