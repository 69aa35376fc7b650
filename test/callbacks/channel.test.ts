import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';

import { Channel } from '../../src/callbacks/channel/channel.js';
import type { ChannelOptions } from '../../src/callbacks/channel/channel.js';
import type { ChannelEnd } from '../../src/callbacks/channel/channel-end.js';
import { ChannelServer } from '../../src/callbacks/channel/channel-server.js';
import type { ChannelServerOptions } from '../../src/callbacks/channel/channel-server.js';
import { JobOfChannels } from './job-of-channels.js';

const SECRET = 'a secret of sixteen bytes or more';

let job: JobOfChannels;
const open: (ChannelEnd | ChannelServer)[] = [];

beforeEach(async () => {
  job = await JobOfChannels.create();
});

afterEach(async () => {
  await abandon();
  await job[Symbol.asyncDispose]();
});

/** A server and a client `worker 1` of it, in the job; both are given up after the test. */
function server(options: Partial<ChannelServerOptions> = {}): ChannelServer {
  const made = new ChannelServer({
    name: 'solver',
    address: `unix:${join(job.directory, 'solver')}`,
    checkpointing: job,
    ...options,
  });
  open.push(made);
  return made;
}

function client(options: Partial<ChannelOptions> = {}): Channel {
  const made = new Channel({
    server: 'solver',
    name: 'worker 1',
    address: `unix:${join(job.directory, 'solver')}`,
    checkpointing: job,
    ...options,
  });
  open.push(made);
  return made;
}

async function pair(
  options: Partial<ChannelServerOptions & ChannelOptions> = {},
): Promise<{ solver: ChannelServer; left: ChannelEnd; right: Channel }> {
  const { name: _, ...others } = options;
  const solver = server(others);
  await solver.listen();
  const right = client(others);
  await right.open();
  return { solver, left: solver.channel('worker 1'), right };
}

async function read(end: ChannelEnd, count: number): Promise<string[]> {
  const texts = [];
  while (texts.length < count) texts.push(String(await end.receive()));
  return texts;
}

const given = AbortSignal.abort();

describe('a channel', () => {
  test('carries messages in both directions, in their order', async () => {
    const { left, right } = await pair();
    await right.send('one');
    await right.send('two');
    await left.send(Buffer.from([1, 0, 255]));
    expect(await read(left, 2)).toEqual(['one', 'two']);
    expect(await right.receive()).toEqual(Buffer.from([1, 0, 255]));
    expect(left.received).toEqual({ messages: 2, bytes: 6, digest: 0x1d1eba19 });
    expect(right.sent).toEqual(left.received);
  });

  test('carries empty and large messages', async () => {
    const { left, right } = await pair({ maxMessage: 3_000_000 });
    const large = Buffer.alloc(3_000_000, 'large');
    await right.send('');
    const sent = right.send(large);
    expect(await left.receive()).toHaveLength(0);
    expect(large.equals((await left.receive())!)).toBe(true);
    await sent;
  });

  test('works over TCP with a secret', async () => {
    const solver = server({ address: 'tcp:127.0.0.1:0', secret: SECRET });
    await solver.listen();
    const right = client({ address: solver.address!, secret: SECRET });
    await right.open();
    await right.send('hello');
    expect(await read(solver.channel('worker 1'), 1)).toEqual(['hello']);
  });

  test('ends at both ends when one closes it, after everything was sent', async () => {
    const { left, right } = await pair();
    await right.send('last');
    await left.send('too');
    await right.close();
    expect(await read(right, 1)).toEqual(['too']);
    expect(await right.receive()).toBeUndefined();
    const texts: string[] = [];
    for await (const message of left) texts.push(message.toString());
    expect(texts).toEqual(['last']);
    await expect(left.send('late')).rejects.toMatchObject({ code: 'closed' });
    await left.close();
    await right.close();
  });

  test('ends when both close it at once', async () => {
    const { left, right } = await pair();
    await left.send('a');
    await right.send('b');
    await Promise.all([left.close(), right.close()]);
    expect(await read(left, 1)).toEqual(['b']);
    expect(await read(right, 1)).toEqual(['a']);
  });

  test('hands clients to a server that iterates', async () => {
    const solver = server();
    await solver.listen();
    const right = client();
    await right.open();
    for await (const end of solver) {
      expect(end.id).toBe('solver/worker 1');
      break;
    }
  });

  test('stays where it is when nobody closes it, until somebody has', async () => {
    const { solver } = await pair();
    await solver.close();
    const rest: unknown[] = [];
    for await (const end of solver) rest.push(end);
    expect(rest).toHaveLength(1);
  });

  test('asks to wait when much is queued, and refuses what is too much', async () => {
    const solver = server();
    await solver.listen();
    const right = client({ queue: 1000, maxQueue: 3000 });
    await right.open();
    const left = solver.channel('worker 1');
    await expect(right.drain(given)).rejects.toMatchObject({ code: 'lost' });
    await right.send('x'.repeat(900));
    const waiting = right.send('x'.repeat(900));
    await expect(right.send('x'.repeat(3000))).rejects.toMatchObject({ code: 'full' });
    right.resume();
    await waiting;
    expect(await read(left, 2)).toHaveLength(2);
  });

  test('refuses a message that is too large, and takes the next one', async () => {
    const { left, right } = await pair({ maxMessage: 10 });
    await expect(right.send('12345678901')).rejects.toMatchObject({
      code: 'size',
      message: 'channel solver/worker 1: a message of 11 bytes is larger than maxMessage, 10',
    });
    await right.send('1234567890');
    expect(await read(left, 1)).toEqual(['1234567890']);
  });
});

describe('a checkpoint', () => {
  test('leaves nothing in flight, and the channel goes on after it', async () => {
    const { left, right } = await pair();
    for (let i = 0; i < 100; i += 1) await Promise.all([right.send(`r${i}`), left.send(`l${i}`)]);
    const channels = await job.stop();
    expect(job.complaints).toEqual([]);
    expect(channels).toHaveLength(2);
    await right.send('while stopped');
    await job.save();
    expect(left.connected).toBe(false);
    await job.resume();
    expect(await read(left, 101)).toEqual([...Array.from({ length: 100 }, (_, i) => `r${i}`), 'while stopped']);
    expect(await read(right, 100)).toHaveLength(100);
  });

  test('delivers nothing between the stop and its end: what is read in it would be in no saved state', async () => {
    const { left, right } = await pair();
    await right.send('before');
    await job.stop();
    let read = false;
    const reading = left.receive().then((message) => {
      read = true;
      return String(message);
    });
    await job.save();
    await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBe(false);
    await job.resume();
    expect(await reading).toBe('before');
  });

  test('does not wait for those who wait for room to answer', async () => {
    const { left, right } = await pair({ queue: 10, window: 10 });
    const answers: string[] = [];
    const answering = (async () => {
      for await (const message of right) {
        answers.push(`answer to ${message.toString()}`);
        // Nobody reads at the other end: soon there is no room.
        await right.send(answers.at(-1)!);
      }
    })();
    for (const text of ['a', 'b', 'c']) void left.send(text);
    while (answers.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await job.checkpoint();
    expect(await read(left, 3)).toEqual(['answer to a', 'answer to b', 'answer to c']);
    await Promise.all([left.close(), answering]);
  });

  test('is vetoed by a channel that has failed, until that is closed', async () => {
    const solver = server({ patience: 0.02 });
    await solver.listen();
    const sockets: Socket[] = [];
    const right = client({
      checkpointing: false,
      connect: () => {
        if (sockets.length > 0) throw new Error('killed');
        sockets.push(connect(join(job.directory, 'solver')));
        return sockets[0]!;
      },
    });
    await right.open();
    const left = solver.channel('worker 1');
    sockets[0]!.destroy();
    await expect(left.receive()).rejects.toMatchObject({ code: 'lost' });
    await expect(job.stop()).rejects.toThrow(
      'channel solver/worker 1: the other end has not been there for 0.02 s; what it has not consumed may be lost',
    );
    await job.resume(true);
    await left.close();
    await job.checkpoint();

    // Whoever comes next under its name begins anew.
    const next = client();
    await next.open();
    await next.send('hello');
    expect(await read(solver.channel('worker 1'), 1)).toEqual(['hello']);
  });

  test('is restarted from by processes whose memory was restored', async () => {
    const { solver, left, right } = await pair();
    await right.send('before');
    await job.stop();
    await right.send('while stopped');
    await job.save();
    job.incarnation += 1;
    // What the system knew of them is gone, what they know themselves is as it was.
    await job.rebuild(job.generation);
    expect(solver.address).toBe(`unix:${join(job.directory, 'solver')}`);
    expect(await read(left, 2)).toEqual(['before', 'while stopped']);
    await job.checkpoint();
    await left.send('after');
    expect(await read(right, 1)).toEqual(['after']);
  });

  test('is not joined by a client that comes when the server has reported, expected or not', async () => {
    const solver = server();
    await solver.listen();
    const left = solver.channel('worker 1');
    expect(await job.stop()).toEqual([]);
    const right = client();
    const opening = right.open();
    await expect(right.drain(AbortSignal.timeout(50))).resolves.toEqual({ channels: [] });
    expect(right.connected).toBe(false);
    right.resume();
    await job.save();
    await job.resume();
    await opening;
    await right.send('first');
    expect(await read(left, 1)).toEqual(['first']);
  });

  test('goes on when the server is being closed in it: the clients come once more', async () => {
    const { solver, left, right } = await pair();
    await left.send('the last');
    await job.stop();
    const closing = solver.close();
    await job.save();
    await job.resume();
    expect(await read(right, 1)).toEqual(['the last']);
    expect(await right.receive()).toBeUndefined();
    await Promise.all([closing, right.close()]);
    expect(solver.address).toBeUndefined();
  });

  test('finds a channel half closed, and the new processes close it', async () => {
    const first = await pair();
    await first.left.send('unread');
    await job.stop();
    const closing = first.right.close({ signal: AbortSignal.timeout(100) }).catch((error: unknown) => error);
    await job.save();
    const { generation } = job;
    expect(await closing).toMatchObject({
      code: 'lost',
      message: 'channel solver/worker 1: the other end has not closed',
    });
    await abandon();

    job.forget();
    const solver = server();
    const right = client();
    await job.rebuild(generation);
    await Promise.all([solver.listen(), right.open()]);
    await expect(right.send('more')).rejects.toMatchObject({ code: 'closed' });
    await Promise.all([right.close(), solver.channel('worker 1').close()]);
    expect(await read(right, 1)).toEqual(['unread']);
    expect(await right.receive()).toBeUndefined();
    expect(await solver.channel('worker 1').receive()).toBeUndefined();
  });

  test('is restarted from by new processes, which go on where it was made', async () => {
    const first = await pair();
    for (let i = 0; i < 10; i += 1) await first.right.send(`r${i}`);
    expect(await read(first.left, 3)).toEqual(['r0', 'r1', 'r2']);
    await job.stop();
    await first.right.send('queued');
    await job.save();
    const generation = job.generation;
    await job.resume();
    await first.right.send('never happened');
    await abandon();

    job.forget();
    await mkdir(join(job.directory, 'elsewhere'), { mode: 0o700 });
    const address = `unix:${join(job.directory, 'elsewhere', 'solver')}`;
    const right = client();
    const solver = server({ address });
    await job.rebuild(generation);
    await Promise.all([solver.listen(), right.open()]);
    expect(job.complaints).toEqual([]);
    await right.send('after');
    const left = solver.channel('worker 1');
    expect(await read(left, 9)).toEqual(['r3', 'r4', 'r5', 'r6', 'r7', 'r8', 'r9', 'queued', 'after']);
  });
});

async function abandon(): Promise<void> {
  await Promise.allSettled(open.splice(0).map((one) => one.close({ signal: given })));
}
