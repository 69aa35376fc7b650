/** What other ends, other users and other lives of the job do to a channel. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';

import { Channel } from '../../src/callbacks/channel/channel.js';
import type { ChannelOptions } from '../../src/callbacks/channel/channel.js';
import type { ChannelEnd } from '../../src/callbacks/channel/channel-end.js';
import { ChannelError } from '../../src/callbacks/channel/channel-error.js';
import { ChannelServer } from '../../src/callbacks/channel/channel-server.js';
import type { ChannelServerOptions } from '../../src/callbacks/channel/channel-server.js';
import { FrameWriter, HELLO, MESSAGE, REFUSE } from '../../src/callbacks/channel/frames.js';
import { JobOfChannels } from './job-of-channels.js';

const SECRET = 'a secret of sixteen bytes or more';
const given = AbortSignal.abort();

let job: JobOfChannels;
const open: (ChannelEnd | ChannelServer)[] = [];
const sockets: (Socket | Server)[] = [];

beforeEach(async () => {
  job = await JobOfChannels.create();
});

afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((one) => one.close({ signal: given })));
  for (const one of sockets.splice(0))
    if ('destroy' in one) one.destroy();
    else one.close();
  await job[Symbol.asyncDispose]();
});

function server(options: Partial<ChannelServerOptions> = {}): ChannelServer {
  const address = `unix:${join(job.directory, 'solver')}`;
  const made = new ChannelServer({ name: 'solver', address, checkpointing: job, ...options });
  open.push(made);
  return made;
}

function client(options: Partial<ChannelOptions> = {}): Channel {
  const address = `unix:${join(job.directory, 'solver')}`;
  const made = new Channel({ server: 'solver', name: 'worker', address, checkpointing: job, ...options });
  open.push(made);
  return made;
}

/** Sends these bytes to the server, and gives all that it answers until it hangs up. */
async function answerTo(bytes: Uint8Array): Promise<Buffer> {
  const socket = connect(join(job.directory, 'solver'));
  sockets.push(socket);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(chunks);
}

/** The code and the reason in a `REFUSE`. */
function refusal(frame: Buffer): string {
  expect(frame[4]).toBe(REFUSE);
  return `${frame.readUInt16BE(5)} ${frame.subarray(10).toString()}`;
}

function hello(versions: [number, number], wanted: string, name: string): Buffer {
  return new FrameWriter(HELLO)
    .bytes(Buffer.from('xosagach'))
    .u8(versions[0])
    .u8(versions[1])
    .bytes(Buffer.alloc(32))
    .str(wanted)
    .str(name)
    .frame();
}

describe('who may connect', () => {
  test('a client without the secret is refused, and so is one with another', async () => {
    await server({ secret: SECRET }).listen();
    await expect(client().open()).rejects.toMatchObject({
      code: 'proof',
      message: 'channel solver/worker: the other end refuses: the client "worker" does not know the secret',
    });
    await expect(client({ name: 'other', secret: `${SECRET}!` }).open()).rejects.toMatchObject({
      code: 'proof',
      message: 'channel solver/other: the server "solver" does not know the secret',
    });
  });

  test('a server that does not know the secret learns nothing from the client', async () => {
    await server().listen();
    await expect(client({ secret: SECRET }).open()).rejects.toMatchObject({ code: 'proof' });
  });

  test('TCP needs a secret, and a secret has a length', async () => {
    await expect(server({ address: 'tcp:127.0.0.1:0' }).listen()).rejects.toMatchObject({
      message: 'channel solver: TCP needs a secret that both ends know: others can connect, too',
    });
    await expect(client({ address: 'tcp:127.0.0.1:1' }).open()).rejects.toMatchObject({ code: 'address' });
    expect(() => server({ name: 'short', secret: 'short' })).toThrow('channel short: a secret has at least 16 bytes');
  });

  test('the directory of a socket is the own one, and closed to others', async () => {
    await chmod(job.directory, 0o750);
    await expect(server().listen()).rejects.toMatchObject({
      code: 'address',
      message: `channel solver: others can open the directory ${job.directory} of the socket: use one of your own with mode 0700, or a secret`,
    });
    await expect(client().open()).rejects.toMatchObject({ code: 'address' });
    await server({ name: 'with a secret', secret: SECRET }).listen();
    expect((await stat(join(job.directory, 'solver'))).mode & 0o777).toBe(0o600);
  });

  test('addresses and names that cannot be are refused at once', () => {
    const wrong =
      (address: string): (() => unknown) =>
      () =>
        server({ name: address.slice(0, 5), address });
    expect(wrong('solver')).toThrow('is no address: unix:/path/of/a/socket or tcp:host:port');
    expect(wrong('unix:relative')).toThrow('must have an absolute path');
    expect(wrong(`unix:/${'x'.repeat(103)}`)).toThrow('longer than 103 bytes');
    expect(wrong('tcp:host:70000')).toThrow('is no address');
    expect(() => client({ name: 'a/b' })).toThrow(
      'a name has 1 to 200 bytes of UTF-8, without / and control characters',
    );
    expect(() => server({ name: '' })).toThrow(ChannelError);
    expect(() => client({ name: 'w', window: 0 })).toThrow('window is 0: it is a number of bytes from 1 to 2147483648');
  });

  test('a client needs an address where no job is there to ask', async () => {
    const lost = new Channel({ server: 'solver', name: 'worker', checkpointing: false });
    await expect(lost.open()).rejects.toThrow('it needs an address: no job is there to ask where the server is');
    await lost.close();
  });

  test('a client that nobody expects is refused', async () => {
    await server({ clients: ['one'] }).listen();
    await expect(client().open()).rejects.toThrow('no client "worker" is expected here');
  });

  test('a living server keeps its socket, that of a killed one is taken over', async () => {
    const path = join(job.directory, 'solver');
    await server().listen();
    await expect(server({ name: 'second' }).listen()).rejects.toMatchObject({
      message: `channel second: it cannot listen at unix:${path}: another server listens there`,
    });
    // A server that was killed leaves its socket behind: bound, and nobody there.
    const other = join(job.directory, 'killed');
    const { spawnSync } = await import('node:child_process');
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(other)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect((await stat(other)).isSocket()).toBe(true);
    await server({ name: 'third', address: `unix:${other}` }).listen();
    await client({ server: 'third', address: `unix:${other}` }).open();
  });

  test('what is no socket is not removed', async () => {
    const path = join(job.directory, 'precious');
    await writeFile(path, 'data');
    await expect(server({ address: `unix:${path}` }).listen()).rejects.toMatchObject({ code: 'address' });
    expect(await readFile(path, 'utf8')).toBe('data');
  });
});

describe('what comes over the connection', () => {
  test('no frame, too long a frame and a frame out of place are refused', async () => {
    await server().listen();
    expect(refusal(await answerTo(Buffer.from('GET / HTTP/1.1\r\n\r\n')))).toMatch(
      /^8 a frame of type 47 and length 1195725856/,
    );
    expect(refusal(await answerTo(Buffer.from([0, 0, 0, 0, 1])))).toMatch(/^8 a frame of type 1 and length 0/);
    expect(refusal(await answerTo(new FrameWriter(MESSAGE).u64(1).frame()))).toMatch(
      /^8 a frame of type 16 where 1 was due/,
    );
    expect(refusal(await answerTo(new FrameWriter(HELLO).u8(1).frame()))).toMatch(
      /^8 a frame is shorter than its fields/,
    );
  });

  test('another version, another server and a name that cannot be are refused', async () => {
    await server().listen();
    expect(refusal(await answerTo(hello([2, 7], 'solver', 'w')))).toBe(
      '1 this server speaks version 1, the client 2 to 7',
    );
    expect(refusal(await answerTo(hello([1, 1], 'other', 'w')))).toBe('2 this is the server "solver", not "other"');
    expect(refusal(await answerTo(hello([0, 9], 'solver', 'a/b')))).toMatch(/^8|^2/);
  });

  test('a server that talks nonsense is refused by the client, and does not steer a terminal', async () => {
    const path = join(job.directory, 'nonsense');
    const nonsense = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(new FrameWriter(REFUSE).u16(999).u8(0).str('\u001b[2J boo').frame());
    });
    sockets.push(nonsense);
    nonsense.listen(path);
    await once(nonsense, 'listening');
    await expect(client({ address: `unix:${path}` }).open()).rejects.toMatchObject({
      code: 'protocol',
      message: 'channel solver/worker: the other end refuses:  [2J boo',
    });
  });

  test('a client that says nothing does not hold up the others', async () => {
    const solver = server();
    await solver.listen();
    sockets.push(connect(join(job.directory, 'solver')));
    const right = client();
    await right.open();
    expect(right.connected).toBe(true);
  });

  test('ends with different largest messages refuse each other', async () => {
    await server({ maxMessage: 100 }).listen();
    await expect(client({ maxMessage: 200 }).open()).rejects.toThrow(
      'the largest message has 100 bytes at one end, 200 at the other: give both the same maxMessage',
    );
  });
});

describe('who is at the other end', () => {
  test('a client that was started anew is refused, and one after the end of the channel is not', async () => {
    const solver = server();
    await solver.listen();
    const first = client();
    await first.open();
    await first.close({ signal: given }).catch(() => undefined);
    const second = client();
    await expect(second.open()).rejects.toMatchObject({
      code: 'instance',
      message:
        'channel solver/worker: the other end refuses: the other end is not the one that this channel has been with: ' +
        'it was started anew, or two processes have its name',
    });

    const proper = client({ name: 'proper' });
    await proper.open();
    await proper.close();
    const next = client({ name: 'proper' });
    await next.open();
    await next.send('new');
    expect(String(await solver.channel('proper').receive())).toBe('new');
  });

  test('a server that does not come back within the patience fails the channel', async () => {
    await server().listen();
    const path = join(job.directory, 'solver');
    const connections: Socket[] = [];
    const right = client({
      patience: 0.05,
      connect: () => {
        if (connections.length > 0) throw new Error('the network is down');
        connections.push(connect(path));
        return connections[0]!;
      },
    });
    await right.open();
    connections[0]!.destroy();
    await expect(right.receive()).rejects.toMatchObject({
      code: 'lost',
      message:
        'channel solver/worker: the other end has not been there for 0.05 s; what it has not consumed may be lost',
    });
    await expect(right.send('')).rejects.toBe(right.failure);
    await right.close();
  });

  test('what was left over by an earlier life of the job is refused', async () => {
    process.env['XOSAGA_CKPT_SOCKET'] = '/nowhere';
    try {
      const right = client();
      await right.open({ signal: given }).catch(() => undefined);
      job.incarnation = 1;
      await server().listen();
      await expect(right.receive()).rejects.toThrow(
        'the job has been restarted 1 times for one end, 0 times for the other: one of them is left over',
      );
    } finally {
      delete process.env['XOSAGA_CKPT_SOCKET'];
    }
  });
});

describe('a checkpoint', () => {
  test('is vetoed when the other end does not stop', async () => {
    await server().listen();
    await client().open();
    job.deadline = 0.05;
    const [solver] = job.participants;
    await expect(job.stop([solver!])).rejects.toThrow(
      'channel solver/worker: the other end has not stopped: it does not take part in the checkpoint, or is late',
    );
    await job.resume(true);
    await job.checkpoint();
  });

  test('is vetoed when the other end is gone', async () => {
    const solver = server();
    await solver.listen();
    const right = client();
    await right.open();
    await solver.channel('worker').send('unread');
    await right.close({ signal: given }).catch(() => undefined);
    job.deadline = 0.05;
    await expect(job.stop()).rejects.toThrow('channel solver/worker: the other end');
    await job.resume(true);
  });

  test('is vetoed when a message is being handled, or not read where that was asked for', async () => {
    const solver = server({ unread: 'veto' });
    await solver.listen();
    const right = client({ unread: 'buffer' });
    await right.open();
    await solver.channel('worker').send('for the right');
    await right.send('for the left');
    job.deadline = 0.05;
    const reading = right[Symbol.asyncIterator]();
    expect(String((await reading.next()).value)).toBe('for the right');
    const [left, worker] = job.participants;
    const reasons = await Promise.allSettled([job.stop([left!, worker!])]);
    expect(String((reasons[0] as PromiseRejectedResult).reason)).toMatch(
      /1 messages are still being handled|1 messages are not read/,
    );
    await job.resume(true);
    await reading.return(undefined);
    await solver.channel('worker').receive();
    await job.checkpoint();
  });

  test('can be made with an end outside of the job, which goes on where it was', async () => {
    const solver = server({ outside: true });
    await solver.listen();
    const right = client({ checkpointing: false });
    await right.open();
    const left = solver.channel('worker');
    await right.send('one');
    const [report] = await job.stop();
    expect(report).toMatchObject({ id: 'solver/worker', end: 'server', outside: true });
    await right.send('two');
    await left.send('three');
    await job.save();
    await job.resume();
    expect([String(await left.receive()), String(await left.receive())]).toEqual(['one', 'two']);
    expect(String(await right.receive())).toBe('three');
  });

  test('goes on at its end, not when the application resumes a drain of its own', async () => {
    const solver = server();
    await solver.listen();
    const right = client();
    await right.open();
    const drained = right.drain();
    await job.stop();
    await drained;
    await right.send('held');
    right.resume();
    await job.save();
    await job.resume();
    expect(String(await solver.channel('worker').receive())).toBe('held');
  });

  test('of different moments is refused', async () => {
    const before = server();
    await before.listen();
    const right = client();
    await right.open();
    const first = await job.checkpoint();
    await right.send('more');
    await before.channel('worker').receive();
    await job.checkpoint();
    const second = job.generation;
    await Promise.allSettled(open.splice(0).map((one) => one.close({ signal: given })));

    job.forget();
    server();
    client();
    const [solver, worker] = job.participants;
    await job.rebuild(first, [solver!]);
    await expect(job.rebuild(second, [worker!])).rejects.toMatchObject({
      code: 'history',
      message:
        'channel solver/worker: one end has received 0 messages, the other one has sent 1 and can repeat the last 0 of them: ' +
        'they come from different checkpoints',
    });
  });

  test.each([
    ['cannot be read', async (path: string) => writeFile(join(path, '..', 'gone'), '')],
    ['is damaged: it does not begin with a line of JSON', async (path: string) => writeFile(path, 'nonsense')],
    ['is not of the form "xosaga channels" version 1', async (path: string) => writeFile(path, '{"version":2}\n')],
    ['is damaged: it is too long', async (path: string) => writeFile(path, `${await readFile(path, 'latin1')}x`)],
  ])('that %s is refused', async (why, damage) => {
    await server().listen();
    await job.checkpoint();
    await Promise.allSettled(open.splice(0).map((one) => one.close({ signal: given })));
    job.forget();
    server();
    const directory = join(job.directory, String(job.generation), 'channel%20server%20solver');
    const state = join(directory, 'channels');
    if (why === 'cannot be read') {
      await mkdir(join(directory, 'other'));
      await writeFile(join(directory, 'other', 'channels'), await readFile(state));
      await (await import('node:fs/promises')).unlink(state);
      await symlink(join(directory, 'other', 'channels'), state);
    } else {
      await damage(state);
    }
    await expect(job.rebuild(job.generation)).rejects.toThrow(`channel solver: its state in ${state} ${why}`);
  });

  test('is not loaded by an end that was opened too early', async () => {
    await server().listen();
    await client().open();
    await job.checkpoint();
    await Promise.allSettled(open.splice(0).map((one) => one.close({ signal: given })));
    job.forget();
    await server().listen();
    await client().open();
    const [solver, worker] = job.participants;
    await expect(job.rebuild(job.generation, [solver!])).rejects.toThrow('await checkpointing.ready() before listen()');
    await expect(job.rebuild(job.generation, [worker!])).rejects.toThrow('await checkpointing.ready() before open()');
  });
});
