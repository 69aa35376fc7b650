import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { Channel } from '../../src/callbacks/channel/channel.js';
import { ChannelServer } from '../../src/callbacks/channel/channel-server.js';
import { channelStream } from '../../src/callbacks/channel/channel-stream.js';
import { OpenRequests } from '../../src/callbacks/channel/open-requests.js';
import { JobOfChannels } from './job-of-channels.js';

let job: JobOfChannels;

beforeEach(async () => {
  job = await JobOfChannels.create();
});

afterEach(async () => {
  await job[Symbol.asyncDispose]();
});

describe('channelStream', () => {
  test('carries bytes over a checkpoint, and holds nothing that would be missing in it', async () => {
    const address = `unix:${join(job.directory, 'solver')}`;
    const solver = new ChannelServer({ name: 'solver', address, maxMessage: 10_000, checkpointing: job });
    await solver.listen();
    const channel = new Channel({ server: 'solver', name: 'worker', address, maxMessage: 10_000, checkpointing: job });
    await channel.open();

    const there = channelStream(solver.channel('worker'));
    const here = channelStream(channel);
    here.write('one ');
    expect(here.writableNeedDrain).toBe(true);
    await job.checkpoint();
    // Taken by the channel at once, and in no buffer of the stream: a checkpoint has it.
    expect(here.writableLength).toBe(0);
    const large = 'x'.repeat(25_000);
    const read = text(there);
    await pipeline([large, ' end'], here);
    expect(await read).toBe(`one ${large} end`);
    await solver.close();
    await channel.close();
  });

  test('fails when the channel does', async () => {
    const address = `unix:${join(job.directory, 'solver')}`;
    const channel = new Channel({ server: 'solver', name: 'worker', address, patience: 0.01, checkpointing: false });
    const opening = channel.open().catch((error: unknown) => error);
    const stream = channelStream(channel);
    stream.resume();
    const [error] = (await once(stream, 'error')) as [Error];
    expect(error).toBe(await opening);
    await channel.close();
  });
});

describe('own connections', () => {
  test('carry a channel over any duplex stream', async () => {
    const solver = new ChannelServer({ name: 'solver', checkpointing: job });
    await solver.listen();
    const channel = new Channel({
      server: 'solver',
      name: 'worker',
      checkpointing: job,
      connect: () => {
        const [here, there] = duplexPair();
        void solver.admit(there);
        return here;
      },
    });
    await channel.open();
    await channel.send('over a pair of streams');
    await job.checkpoint();
    expect(String(await solver.channel('worker').receive())).toBe('over a pair of streams');
    await channel.close();
    await solver.close();
  });
});

describe('OpenRequests', () => {
  test('a checkpoint waits until none is open, and new ones wait until it is over', async () => {
    const requests = new OpenRequests({ checkpointing: job });
    let answer!: (value: string) => void;
    const first = requests.run(() => new Promise<string>((resolve) => (answer = resolve)));
    const order: string[] = [];
    const stopped = job.stop().then(() => order.push('stopped'));
    const second = requests.run(() => order.push('second'));
    expect([requests.open, requests.taking]).toEqual([1, false]);
    answer('answered');
    expect(await first).toBe('answered');
    await stopped;
    await job.save();
    await job.resume();
    await second;
    expect(order).toEqual(['stopped', 'second']);
    await requests[Symbol.asyncDispose]();
    expect(job.participants).toEqual([]);
  });

  test('a request that stays open vetoes, and new ones can be refused meanwhile', async () => {
    const requests = new OpenRequests({ checkpointing: job, meanwhile: 'throw' });
    let answer!: () => void;
    const open = requests.run(() => new Promise<void>((resolve) => (answer = resolve)));
    job.deadline = 0.05;
    const stopping = job.stop();
    await expect(requests.run(() => 1)).rejects.toThrow('a checkpoint is being made: try again soon');
    await expect(stopping).rejects.toThrow('1 request is open');
    await job.resume(true);
    expect(await requests.run(() => 2)).toBe(2);
    answer();
    await open;
    expect(requests.open).toBe(0);
  });

  test('a request that fails is not open', async () => {
    const requests = new OpenRequests({ checkpointing: false });
    await expect(requests.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await requests.stop();
    requests.resume();
    expect(requests.taking).toBe(true);
  });
});
