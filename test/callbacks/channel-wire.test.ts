/** A client of a channel written from docs/channels.md alone, without a line of the library: so others can be, too. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createHmac, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { ChannelServer } from '../../src/callbacks/channel/channel-server.js';
import type { ChannelEnd } from '../../src/callbacks/channel/channel-end.js';
import { JobOfChannels } from './job-of-channels.js';

const SECRET = 'a secret of sixteen bytes or more';

let job: JobOfChannels;
let server: ChannelServer;
let end: ChannelEnd;
let socket: Socket;
let unread: Buffer;

beforeEach(async () => {
  job = await JobOfChannels.create();
  server = new ChannelServer({
    name: 'solver',
    address: `unix:${join(job.directory, 'solver')}`,
    secret: SECRET,
    maxMessage: 1000,
    window: 60,
    checkpointing: job,
  });
  await server.listen();
  end = server.channel('by hand');
});

afterEach(async () => {
  socket.destroy();
  await server.close({ signal: AbortSignal.abort() }).catch(() => undefined);
  await job[Symbol.asyncDispose]();
});

function dial(): void {
  unread = Buffer.alloc(0);
  socket = connect(join(job.directory, 'solver'));
  socket.on('data', (chunk) => (unread = Buffer.concat([unread, chunk])));
  socket.on('error', () => undefined);
}

function frame(type: number, ...fields: Uint8Array[]): Buffer {
  const body = Buffer.concat(fields);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length + 1);
  head[4] = type;
  return Buffer.concat([head, body]);
}

const u32 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(8, '0'), 'hex');
const u64 = (value: number): Buffer => Buffer.from(value.toString(16).padStart(16, '0'), 'hex');
const str = (value: string): Buffer => Buffer.from(`\0${String.fromCharCode(value.length)}${value}`, 'latin1');
const hmac = (...parts: Uint8Array[]): Buffer => {
  const sum = createHmac('sha256', SECRET);
  for (const part of parts) sum.update(part);
  return sum.digest();
};

/** The next whole frame. */
async function next(): Promise<Buffer> {
  while (unread.length < 4 || unread.length < 4 + unread.readUInt32BE())
    await new Promise((resolve) => socket.once('data', resolve));
  const length = 4 + unread.readUInt32BE();
  const found = unread.subarray(0, length);
  unread = unread.subarray(length);
  return found;
}

interface Mine {
  readonly instance: Buffer;
  readonly peer: Buffer;
  readonly received: number;
  readonly bytes: number;
  readonly digest: number;
}

/** The whole beginning; gives the state of the server. */
async function begin({ instance, peer, received, bytes, digest }: Mine): Promise<Buffer> {
  dial();
  const hello = frame(1, Buffer.from('xosagach'), Buffer.of(1, 1), randomBytes(32), str('solver'), str('by hand'));
  socket.write(hello);
  const challenge = await next();
  expect([challenge[4], challenge[5]]).toEqual([2, 1]);
  const proven = challenge.subarray(0, 38);
  expect(challenge.subarray(38, 70)).toEqual(hmac(Buffer.from('xosaga channel server\n'), hello, proven));
  const state = Buffer.concat([
    u32(2 ** 32 - 1),
    instance,
    peer,
    u64(received),
    u64(bytes),
    u32(digest),
    u64(received),
    u32(1000),
    u32(1000),
  ]);
  socket.write(frame(3, hmac(Buffer.from('xosaga channel client\n'), hello, challenge, state), state));
  const joined = await next();
  expect(joined[4]).toBe(4);
  return joined.subarray(5);
}

const stranger: Mine = { instance: randomBytes(16), peer: Buffer.alloc(16), received: 0, bytes: 0, digest: 0 };

test('begins, carries messages, proves the drain, begins again and ends', async () => {
  const theirs = await begin(stranger);
  // incarnation, instance, peer, received, their bytes and digest, consumed, window, largest
  expect(theirs).toHaveLength(4 + 16 + 16 + 8 + 8 + 4 + 8 + 4 + 4);
  expect(theirs.subarray(20, 36)).toEqual(Buffer.alloc(16));
  expect(theirs.subarray(64)).toEqual(Buffer.concat([u32(60), u32(1000)]));

  const one = frame(16, u64(1), Buffer.from('one'));
  const two = frame(16, u64(2), Buffer.from('two'));
  socket.write(Buffer.concat([one, two]));
  expect(String(await end.receive())).toBe('one');
  expect(String(await end.receive())).toBe('two');
  // As many at once as were consumed in one turn.
  let consumed = 0;
  while (consumed < 2) {
    const frameOfTheirs = await next();
    expect(frameOfTheirs[4]).toBe(18);
    consumed = Number(frameOfTheirs.readBigUInt64BE(5));
  }

  await end.send('three');
  const three = await next();
  expect(three).toEqual(frame(16, u64(1), Buffer.from('three')));
  const sent = Buffer.concat([u64(2), u64(6), u32(crc32(two, crc32(one)))]);
  expect(crc32(two, crc32(one))).toBe(0x1d1eba19);

  // The marker of the other end may come before the own one.
  socket.write(frame(32, u64(7), sent));
  expect(await next()).toEqual(frame(33, u64(7), sent));
  const drained = end.drain(AbortSignal.timeout(5000));
  const marker = await next();
  const received = Buffer.concat([u64(1), u64(5), u32(crc32(three))]);
  expect(marker).toEqual(frame(32, u64(0), received));
  socket.write(frame(33, u64(0), received));
  expect((await drained).channels).toEqual([
    {
      id: 'solver/by hand',
      end: 'server',
      sent: { messages: 1, bytes: 5, digest: crc32(three).toString(16).padStart(8, '0') },
      received: { messages: 2, bytes: 6, digest: '1d1eba19' },
    },
  ]);
  await end.send('four');
  socket.destroy();
  end.resume();

  // On the next connection comes what was not received, and nothing else.
  const again = await begin({
    ...stranger,
    peer: Buffer.from(theirs.subarray(4, 20)),
    received: 1,
    bytes: 5,
    digest: crc32(three),
  });
  expect(again.subarray(4, 20)).toEqual(theirs.subarray(4, 20));
  expect(again.subarray(20, 36)).toEqual(stranger.instance);
  expect(again.subarray(36, 56)).toEqual(sent);
  expect(await next()).toEqual(frame(16, u64(2), Buffer.from('four')));

  socket.write(frame(17, u64(3)));
  const last = [await next(), await next()];
  expect(last).toContainEqual(frame(17, u64(3)));
  expect(last).toContainEqual(frame(18, u64(3)));
  socket.write(frame(18, u64(3)));
  await end.close();
  expect(await end.receive()).toBeUndefined();
});

test('respects the window, and is refused when it does not', async () => {
  await begin(stranger);
  // The server's window is 60 bytes: two of these, and not three.
  const weighing20 = (number: number): Buffer => frame(16, u64(number), Buffer.alloc(7));
  socket.write(Buffer.concat([weighing20(1), weighing20(2), weighing20(3), weighing20(4)]));
  const refuse = await next();
  expect([refuse[4], refuse.readUInt16BE(5), refuse[7]]).toEqual([5, 8, 0]);
  expect(refuse.subarray(10).toString()).toBe('message 4 exceeds the window of 60 bytes');
  expect(end.failure?.message).toBe('channel solver/by hand: message 4 exceeds the window of 60 bytes');
});

test.each([
  ['a number that is not the next one', () => frame(16, u64(2), Buffer.from('x')), 8, 'message 2 where 1 was due'],
  ['a number above 2^53', () => frame(16, Buffer.alloc(8, 255)), 8, 'a number is too large'],
  ['a message that is too large', () => frame(16, u64(1), Buffer.alloc(1001)), 8, 'a frame of type 16 and length 1010'],
  ['a type that is none', () => frame(99), 8, 'a frame of type 99 between messages'],
  ['an end with a payload', () => frame(17, u64(1), Buffer.of(1)), 8, 'an end with a payload'],
  ['the consumption of what was never sent', () => frame(18, u64(1)), 8, 'message 1 was consumed and not sent'],
  [
    'a marker for messages that did not arrive',
    () => frame(32, u64(1), u64(1), u64(1), u32(1)),
    5,
    'sent were 1 messages of 1 bytes, digest 00000001, received 0 messages of 0 bytes, digest 00000000: messages were lost on the way',
  ],
])('%s is refused', async (_what, bytes, code, reason) => {
  await begin(stranger);
  socket.write(bytes());
  const refuse = await next();
  expect([refuse[4], refuse.readUInt16BE(5)]).toEqual([5, code]);
  expect(refuse.subarray(10).toString()).toBe(reason);
  await expect(end.receive()).rejects.toThrow(reason);
});

test('frames that come in single bytes are frames', async () => {
  await begin(stranger);
  socket.setNoDelay(true);
  for (const byte of frame(16, u64(1), Buffer.from('slowly'))) {
    socket.write(Buffer.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(String(await end.receive())).toBe('slowly');
});
