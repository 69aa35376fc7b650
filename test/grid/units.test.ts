import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ConfigFile, Meeting, Rendezvous } from '../../src/callbacks/grid/config.js';
import { historyOf } from '../../src/callbacks/grid/journal-records.js';
import { readRecords } from '../../src/callbacks/grid/journal.js';
import { eventually } from '../faults/processes.js';
import { AgentProgram, Controller, Peer, ScriptedProcess } from './scripted-process.js';

const base = mkdtempSync(join(tmpdir(), 'xosaga-units-'));
let directory = '';
let count = 0;
const agents: AgentProgram[] = [];
const peers: { hangUp(): void }[] = [];

beforeEach(() => {
  directory = join(base, String(++count));
});
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.hangUp();
  for (const agent of agents.splice(0)) await agent.end('SIGKILL');
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

const meetings: [string, () => { listen: Meeting; coordinator: Rendezvous }][] = [
  [
    'a unix socket',
    () => ({ listen: { unix: `${directory}-0/units` }, coordinator: { unix: `${directory}-0/units` } }),
  ],
  ['TCP', () => ({ listen: { host: '127.0.0.1', port: 0 }, coordinator: { address: `${directory}-0/address` } })],
  [
    'a shared directory',
    () => ({ listen: { directory: `${directory}-s` }, coordinator: { directory: `${directory}-s` } }),
  ],
];

interface Job {
  first: AgentProgram;
  second: AgentProgram;
  a: ScriptedProcess;
  b: ScriptedProcess;
  controller: Controller;
}

function processOf(agent: AgentProgram, rank: number): ScriptedProcess {
  const member = new ScriptedProcess(agent.socket, rank);
  peers.push({
    hangUp: () => {
      member.peer.hangUp();
    },
  });
  return member;
}

async function agentOf(unit: string, config: Partial<ConfigFile>): Promise<AgentProgram> {
  const checkpoints = `${directory}-versions`;
  const agent = await AgentProgram.start(`${directory}-${unit}`, {
    unit,
    checkpoints,
    secret: `${directory}-0/secret`,
    ...config,
  });
  agents.push(agent);
  return agent;
}

async function control(agent: AgentProgram): Promise<Controller> {
  const controller = await Controller.dial(agent.socket);
  peers.push(controller);
  return controller;
}

/** Two units with a process each. */
async function begin({ listen, coordinator }: { listen: Meeting; coordinator: Rendezvous }): Promise<Job> {
  const first = await agentOf('0', { units: ['0', '1'], listen });
  const second = await agentOf('1', { coordinator });
  const [a, b] = [processOf(first, 0), processOf(second, 1)];
  await a.welcome();
  // Answered when the link is there.
  await b.welcome();
  return { first, second, a, b, controller: await control(first) };
}

const history = () => historyOf(readRecords(`${directory}-0/journal`));
const ask = (job: Job) => job.controller.ask('request', 'accepted', { mode: 'continue' });

describe.each(meetings)('two units that meet by %s', (_, meeting) => {
  test('make a checkpoint together, and restart from it', async () => {
    const job = await begin(meeting());
    const { first, second, a, b, controller } = job;
    await ask(job);
    expect(await Promise.all([a.takePart(), b.takePart()])).toEqual([
      expect.objectContaining({ result: 'committed' }),
      expect.objectContaining({ result: 'committed' }),
    ]);
    await controller.peer.hear('decided');
    const version = `${directory}-versions/1`;
    expect(readdirSync(version).sort()).toEqual(['0', '1', 'manifest', 'parts-0', 'parts-1']);

    await controller.ask('restart', 'restarted');
    await a.peer.hear('end');
    await b.peer.hear('end');
    const [c, d] = [processOf(first, 1), processOf(second, 0)];
    // The ranks have changed places.
    expect(await c.welcome()).toMatchObject({ restart: { directory: join(version, '1') } });
    expect(await d.welcome()).toMatchObject({ restart: { directory: join(version, '0') } });
    c.peer.say({ type: 'publish', id: 1, name: 'halo', address: 'n1:1' });
    d.peer.say({ type: 'resolve', id: 1, name: 'halo' });
    expect(await d.peer.hear('endpoint')).toMatchObject({ address: 'n1:1' });
    for (const member of [c, d]) member.peer.say({ type: 'rebuilt', op: 2, participants: ['state'], errors: [] });
    await Promise.all([c, d].map((member) => member.peer.hear('all_rebuilt')));
  });

  test('abort together, and tell the process of the other unit why', async () => {
    const job = await begin(meeting());
    const { a, b } = job;
    await ask(job);
    const op = await a.prepare();
    await b.peer.hear('prepare');
    b.peer.say({ type: 'veto', op, by: 'pump', reason: 'busy' });
    expect(await a.peer.hear('abort')).toMatchObject({ reason: expect.stringContaining('rank 1, pid') });
    for (const member of [a, b]) member.resumed(op);
    expect(await job.controller.peer.hear('decided')).toMatchObject({ op: 1, by: 'pump' });
    await ask(job);
    await Promise.all([a.takePart(), b.takePart()]);
    expect(await job.controller.peer.hear('decided')).toMatchObject({ op: 2, result: 'committed' });
  });

  test('compare what one has sent with what the other has received', async () => {
    const job = await begin(meeting());
    const { a, b } = job;
    await ask(job);
    const flow = (messages: number) => ({ messages, bytes: messages, digest: String(messages) });
    await a.prepare([{ id: 'halo', end: '0', sent: flow(3), received: flow(2) }]);
    await b.prepare([{ id: 'halo', end: '1', sent: flow(2), received: flow(2) }]);
    expect(await job.controller.peer.hear('decided')).toMatchObject({
      result: 'aborted',
      reason: 'channel "halo": end "0" has sent 3 messages (3 bytes), end "1" has received 2 messages (2 bytes)',
    });
  });

  test('survive the agent of the second unit, killed while processes save', async () => {
    const job = await begin(meeting());
    const { a, b, second } = job;
    await ask(job);
    const op = await a.prepare();
    await b.prepare();
    await a.save();
    await b.peer.hear('save');
    await second.replace();
    const outcome = a.resolve(op);
    await b.welcome({ done: op });
    expect(await outcome).toMatchObject({ result: 'aborted' });
    expect(await job.controller.peer.hear('decided')).toMatchObject({ op, result: 'aborted' });
    await ask(job);
    await Promise.all([a.takePart(), b.takePart()]);
    expect(await job.controller.peer.hear('decided')).toMatchObject({ op: 2, result: 'committed' });
  });

  test('survive the agent of the first unit, killed after the commit', async () => {
    const job = await begin(meeting());
    const { a, b, first } = job;
    await ask(job);
    const op = await a.prepare();
    await b.prepare();
    await Promise.all([a.save(), b.save()]);
    await eventually('the commit', () => history().last?.reached === 'commit');
    await first.replace();
    expect(await Promise.all([a.resolve(op), b.resolve(op)])).toEqual([
      expect.objectContaining({ result: 'committed' }),
      expect.objectContaining({ result: 'committed' }),
    ]);
    const controller = await control(first);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await Promise.all([a.takePart(), b.takePart()]);
    expect(await controller.peer.hear('decided')).toMatchObject({ op: 2, result: 'committed' });
  });

  test('survive the agent of the first unit, killed while processes save', async () => {
    const job = await begin(meeting());
    const { a, b, first } = job;
    await ask(job);
    const op = await a.prepare();
    await b.prepare();
    await Promise.all([a.peer.hear('save'), b.save()]);
    await first.replace();
    expect(await b.resolve(op)).toMatchObject({ result: 'aborted' });
    await a.welcome({ done: op });
    const controller = await control(first);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await Promise.all([a.takePart(), b.takePart()]);
    expect(await controller.peer.hear('decided')).toMatchObject({ op: 2, result: 'committed' });
  });
});

describe('strangers', () => {
  test('an agent with another secret is not let in, nor lets one in', async () => {
    const listen: Meeting = { host: '127.0.0.1', port: 0 };
    const first = await agentOf('0', { units: ['0', '1'], listen, deadlines: { stop: 0.2 } });
    const secret = `${directory}-other`;
    writeFileSync(secret, 'ab'.repeat(32), { mode: 0o600 });
    const second = await agentOf('1', { coordinator: { address: `${directory}-0/address` }, secret });
    const b = await processOf(second, 1).dial();
    await processOf(first, 0).welcome();
    const status = await (await control(first)).ask('status', 'status');
    expect(status['units']).toEqual(['0']);
    expect(b.peer.has('welcome')).toBe(false);
  });

  test('a listener without the secret learns nothing that it could use, and decides nothing', async () => {
    const heard: Buffer[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      const challenge = Buffer.from(JSON.stringify({ v: 1, job: 'j', nonce: '0'.repeat(64) }));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(challenge.length);
      socket.write(Buffer.concat([length, challenge]));
      socket.on('data', (piece) => {
        heard.push(piece);
        // Its own proof, sent back.
        const answer = Buffer.from(JSON.stringify({ proof: /"proof":"(\w+)"/.exec(piece.toString())?.[1] }));
        length.writeUInt32BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    mkdirSync(`${directory}-0`, { mode: 0o700 });
    writeFileSync(`${directory}-0/secret`, 'cd'.repeat(32), { mode: 0o600 });
    const second = await agentOf('1', { coordinator: { host: '127.0.0.1', port } });
    const b = await processOf(second, 1).dial();
    await eventually('two attempts', () => heard.length >= 2);
    expect(b.peer.has('welcome')).toBe(false);
    expect(Buffer.concat(heard).toString()).not.toContain('cdcd');
    server.close();
  });

  test.each<[string, Uint8Array]>([
    ['a long message', Buffer.from([0, 1, 0, 0])],
    ['no JSON', Buffer.from([0, 0, 0, 1, 0x7b])],
    ['an unknown unit', frame({ v: 1, unit: '7', nonce: '0'.repeat(64), proof: '' })],
    ['no proof', frame({ v: 1, unit: '1', nonce: '0'.repeat(64), proof: '0'.repeat(64) })],
    ['no nonce', frame({ v: 1, unit: '1', nonce: '', proof: '0'.repeat(64) })],
    ['the unit that is here already', frame({ v: 1, unit: '0', nonce: '0'.repeat(64), proof: '' })],
  ])('%s is hung up on', async (_, bytes) => {
    const first = await agentOf('0', { units: ['0', '1'], listen: { unix: `${directory}-0/units` } });
    const socket = createConnection(`${directory}-0/units`);
    socket.on('error', () => undefined).on('data', () => undefined);
    socket.write(bytes);
    await once(socket, 'close');
    expect((await (await control(first)).ask('status', 'status'))['units']).toEqual(['0']);
  });

  test('the secret is made for the user alone, and refused when others can read it', async () => {
    const listen: Meeting = { unix: `${directory}-0/units` };
    const first = await agentOf('0', { units: ['0', '1'], listen });
    const secret = `${directory}-0/secret`;
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(readFileSync(secret, 'latin1')).toMatch(/^[0-9a-f]{64}\n$/);
    await first.end('SIGTERM');
    chmodSync(secret, 0o640);
    await expect(first.start()).rejects.toThrow(`${secret} can be read by others; run: chmod 600 '${secret}'`);
    chmodSync(secret, 0o600);
    writeFileSync(secret, 'abcd');
    await expect(first.start()).rejects.toThrow(`${secret} must hold 32 bytes or more, as hexadecimal digits`);
  });

  test('a control connection is refused by an agent that does not decide', async () => {
    const { second } = await begin({
      listen: { unix: `${directory}-0/units` },
      coordinator: { unix: `${directory}-0/units` },
    });
    const peer = await Peer.dial(second.socket);
    peers.push(peer);
    peer.say({ type: 'control', v: [1, 1] });
    expect(await peer.hear('refused')).toMatchObject({ reason: expect.stringContaining('that of the first unit') });
  });

  test('what is left of a wire in a shared directory is removed', async () => {
    const shared = `${directory}-s`;
    mkdirSync(join(shared, '0'.repeat(32)), { recursive: true, mode: 0o700 });
    writeFileSync(join(shared, '0'.repeat(32), 'job.0'), 'nonsense');
    await agentOf('0', { units: ['0', '1'], listen: { directory: shared } });
    await eventually('its removal', () => !existsSync(join(shared, '0'.repeat(32))));
    expect(readdirSync(shared)).toEqual([]);
  });
});

function frame(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}
