import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ConfigFile } from '../../src/callbacks/grid/config.js';
import { historyOf } from '../../src/callbacks/grid/journal-records.js';
import { readRecords } from '../../src/callbacks/grid/journal.js';
import { nameProcess } from '../../src/callbacks/grid/process-name.js';
import { eventually } from '../faults/processes.js';
import { AgentProgram, Controller, Peer, ScriptedProcess } from './scripted-process.js';

const base = mkdtempSync(join(tmpdir(), 'xosaga-agent-'));
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

async function start(config: Partial<ConfigFile> = {}): Promise<AgentProgram> {
  const agent = await AgentProgram.start(directory, config);
  agents.push(agent);
  return agent;
}

function processOf(agent: AgentProgram, rank = 0, pid?: number): ScriptedProcess {
  const member = new ScriptedProcess(agent.socket, rank, pid);
  peers.push({
    hangUp: () => {
      member.peer.hangUp();
    },
  });
  return member;
}

async function members(agent: AgentProgram, number: number): Promise<ScriptedProcess[]> {
  const all = Array.from({ length: number }, (_, rank) => processOf(agent, rank));
  for (const member of all) await member.welcome();
  return all;
}

async function control(agent: AgentProgram): Promise<Controller> {
  const controller = await Controller.dial(agent.socket);
  peers.push(controller);
  return controller;
}

const history = () => historyOf(readRecords(join(directory, 'journal')));
const versions = (): string[] =>
  readdirSync(join(directory, 'versions')).filter((name) => existsSync(join(directory, 'versions', name, 'manifest')));

describe('a checkpoint', () => {
  test('is made by all processes, and told to who asked', async () => {
    const agent = await start();
    const [a, b] = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    const controller = await control(agent);
    const { op } = await controller.ask('request', 'accepted', { mode: 'continue' });
    const outcomes = await Promise.all([a.takePart(), b.takePart()]);
    expect(outcomes).toEqual([
      expect.objectContaining({ op, result: 'committed' }),
      expect.objectContaining({ op, result: 'committed' }),
    ]);
    expect(await controller.peer.hear('decided')).toMatchObject({ op, result: 'committed', mode: 'continue' });
    const listed = await controller.ask('versions', 'versions');
    expect(listed['versions']).toEqual([{ generation: op, directory: join(directory, 'versions', String(op)) }]);
    expect(readFileSync(join(directory, 'versions', String(op), '1/state/data'), 'utf8')).toBe('state of rank 1');
    await eventually('the end of the operation', () => history().last?.settled);
  });

  test('asked for by a process', async () => {
    const agent = await start();
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    a.peer.say({ type: 'request', id: 7, mode: 'continue' });
    expect(await a.peer.hear('accepted')).toEqual({ type: 'accepted', id: 7, op: 1 });
    expect(await a.takePart()).toMatchObject({ result: 'committed' });
    expect((await a.welcome({ done: 1 }))['generation']).toBe(1);
  });

  test('one that ends the job ends every process of it', async () => {
    const agent = await start();
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'stop' });
    const op = await a.prepare();
    await a.save();
    await controller.peer.hear('decided');
    await a.dial({ saved: op });
    expect((await a.peer.hear('end'))['reason']).toContain('the job was to end with it');
  });

  test('requests of one mode share an operation, those of another wait for theirs', async () => {
    const agent = await start();
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const [first, second] = [await control(agent), await control(agent)];
    const { op } = await first.ask('request', 'accepted', { mode: 'continue' });
    expect(await second.ask('request', 'accepted', { mode: 'continue' })).toMatchObject({ op });
    second.peer.say({ type: 'request', id: 99, mode: 'stop' });
    await second.ask('status', 'status');
    await a.takePart();
    expect(await second.peer.hear('accepted')).toMatchObject({ id: 99, op: 2 });
  });

  test('without processes there is none', async () => {
    const controller = await control(await start());
    await controller.ask('request', 'accepted', { mode: 'continue' });
    expect(await controller.peer.hear('decided')).toMatchObject({ result: 'aborted', reason: 'no process takes part' });
  });

  test('waits for the processes that must be there, and names what is missing', async () => {
    const agent = await start({ processes: 2 });
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue', deadline_ms: 50 });
    expect(await controller.peer.hear('decided')).toMatchObject({
      result: 'aborted',
      reason: 'only 1 of 2 processes said hello within 0.05 s',
    });
    expect(a.peer.has('prepare')).toBe(false);
  });

  test('one at the heels of the other: none is lost', async () => {
    const agent = await start({ keepCheckpoints: 100 });
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    for (let round = 0; round < 25; round++) {
      // The versions before are being put in order while this one is written.
      await controller.ask('request', 'accepted', { mode: 'continue' });
      await a.takePart();
    }
    await eventually('the end of the last', () => history().last?.op === 25 && history().last?.settled);
    expect(versions()).toHaveLength(25);
  });

  test('only the last keepCheckpoints are kept', async () => {
    const agent = await start({ keepCheckpoints: 1, replicationLevel: 2 });
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    for (const op of [1, 2, 3]) {
      await controller.ask('request', 'accepted', { mode: 'continue' });
      await a.takePart();
      await controller.peer.hear('decided');
      await eventually('one version', () => String(versions()) === String(op));
    }
    await eventually('its copy', () => existsSync(join(directory, 'versions/copy-1/3/manifest')));
    expect(versions()).toEqual(['3']);
  });
});

describe('is aborted, and all resume, when', () => {
  async function begun(number = 2, config: Partial<ConfigFile> = {}) {
    const agent = await start(config);
    const all = (await members(agent, number)) as [ScriptedProcess, ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    const expectAborted = async (reason: string | RegExp) => {
      const decided = await controller.peer.hear('decided');
      expect(decided).toMatchObject({ result: 'aborted' });
      expect(decided['reason']).toMatch(reason);
      expect(versions()).toEqual([]);
      return decided;
    };
    return { agent, controller, all, expectAborted };
  }

  /** The next one succeeds: nobody is left behind. */
  async function expectToGoOn({ controller, all }: { controller: Controller; all: ScriptedProcess[] }): Promise<void> {
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await Promise.all(all.map((member) => member.takePart()));
    expect(await controller.peer.hear('decided')).toMatchObject({ result: 'committed' });
  }

  test('a participant vetoes', async () => {
    const job = await begun();
    const [a, b] = job.all;
    const op = await a.prepare();
    await b.peer.hear('prepare');
    b.peer.say({ type: 'veto', op, by: 'pump', reason: '3 requests are open' });
    const reason = `rank 1, pid ${String(process.pid)}: "pump" vetoed: 3 requests are open`;
    expect(await job.expectAborted(reason)).toMatchObject({ by: 'pump' });
    expect(await a.peer.hear('abort')).toMatchObject({ op, reason, by: 'pump' });
    for (const member of job.all) member.resumed(op);
    await expectToGoOn(job);
  });

  test('a process hangs up before it has stopped', async () => {
    const job = await begun();
    const [a, b] = job.all;
    const op = await a.prepare();
    await b.peer.hear('prepare');
    b.peer.hangUp();
    await job.expectAborted(/^rank 1, pid \d+ hung up before it had stopped and saved$/);
    await b.welcome({ done: op });
    a.resumed(op);
    await expectToGoOn(job);
  });

  test('a process hangs up instead of saving, and the one that saved is told', async () => {
    const job = await begun();
    const [a, b] = job.all;
    const op = await a.prepare();
    await b.prepare();
    await a.save();
    await b.peer.hear('save');
    b.peer.hangUp();
    await job.expectAborted('hung up before it had saved');
    expect(await a.resolve(op)).toMatchObject({ result: 'aborted' });
    await b.welcome({ done: op });
    await expectToGoOn(job);
  });

  test('a process is late to stop', async () => {
    const job = await begun(2, { deadlines: { stop: 0.1 } });
    const op = await job.all[0].prepare();
    await job.expectAborted(/^rank 1, pid \d+ did not stop within 0\.1 s$/);
    for (const member of job.all) {
      expect(await member.peer.hear('abort')).toMatchObject({ op });
      member.resumed(op);
    }
    await expectToGoOn(job);
  });

  test('a process is late to save', async () => {
    const job = await begun(2, { deadlines: { save: 0.1 } });
    const [a, b] = job.all;
    const op = await a.prepare();
    await b.prepare();
    await a.save();
    await job.expectAborted(/^rank 1, pid \d+ did not save within 0\.1 s$/);
    await b.peer.hear('abort');
    b.resumed(op);
    expect(await a.resolve(op)).toMatchObject({ result: 'aborted' });
    expect(existsSync(join(directory, 'versions', String(op)))).toBe(false);
  });

  test('a message is in flight', async () => {
    const job = await begun();
    const [a, b] = job.all;
    const flow = (messages: number) => ({ messages, bytes: 8 * messages, digest: `d${String(messages)}` });
    await a.prepare([{ id: 'halo', end: '0', sent: flow(5), received: flow(2) }]);
    expect(a.peer.has('save')).toBe(false);
    await b.prepare([{ id: 'halo', end: '1', sent: flow(2), received: flow(4) }]);
    await job.expectAborted(
      'channel "halo": end "0" has sent 5 messages (40 bytes), end "1" has received 4 messages (32 bytes)',
    );
  });

  test('two processes of a rank have the same participant', async () => {
    const agent = await start();
    const [a, b] = [processOf(agent), processOf(agent)];
    await a.welcome();
    await b.welcome();
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await Promise.all([a.prepare(), b.prepare()]);
    expect(await controller.peer.hear('decided')).toMatchObject({
      reason: 'two processes of rank 0 have a participant "state"',
    });
  });

  test('what was saved cannot be kept', async () => {
    const job = await begun(1);
    const [a] = job.all;
    await a.prepare();
    const { op, directory: own } = await a.peer.hear('save');
    const child = spawn('mkfifo', [join(own as string, 'state')]);
    await once(child, 'exit');
    a.peer.say({ type: 'saved', op });
    expect(await job.expectAborted('state is no file, directory or link: a checkpoint cannot hold it')).toMatchObject({
      op,
    });
  });

  test('the version cannot be written', async () => {
    const job = await begun(1);
    const [a] = job.all;
    // The number of the next version is in use by a file of somebody.
    writeFileSync(join(directory, 'versions/1'), '');
    await a.prepare();
    await job.expectAborted('EEXIST');
    expect(await a.peer.hear('abort')).toMatchObject({ op: 1 });
  });
});

describe('processes', () => {
  test('that die are no longer waited for', async () => {
    const agent = await start();
    const child = spawn('sleep', ['100']);
    await once(child, 'spawn');
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const b = processOf(agent, 1, child.pid);
    await b.welcome();
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await Promise.all([a.prepare(), b.prepare()]);
    await Promise.all([a.save(), b.save()]);
    await controller.peer.hear('decided');
    // It has saved, and never comes back.
    child.kill('SIGKILL');
    await a.resolve(1);
    await eventually('the end of the operation', () => history().last?.settled);
    expect([...history().members.keys()]).toEqual([a.client]);
  });

  test('that connect anew in the middle have aborted it for themselves', async () => {
    const agent = await start();
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    const { op } = await a.peer.hear('prepare');
    const before = a.peer;
    // The agent has not noticed a hang-up.
    await a.welcome();
    expect(await controller.peer.hear('decided')).toMatchObject({ result: 'aborted' });
    await before.closed();
    a.resumed(op as number);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    expect(await a.takePart()).toMatchObject({ result: 'committed' });
  });

  test('that ask how it ended, on a new connection, before their word has arrived, have saved', async () => {
    const agent = await start();
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    const op = await a.prepare();
    await a.peer.hear('save');
    expect(await a.resolve(op)).toMatchObject({ result: 'committed' });
  });

  test('that leave are no longer part of the job', async () => {
    const agent = await start();
    const [a, b] = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    b.peer.hangUp();
    await eventually('one member', () => history().members.size === 1);
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    expect(await a.takePart()).toMatchObject({ result: 'committed' });
  });

  test('that come while others stop are part of it', async () => {
    const agent = await start();
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await a.peer.hear('prepare');
    const b = processOf(agent, 1);
    await b.welcome();
    expect(await b.peer.hear('prepare')).toMatchObject({ op: 1 });
  });

  test('find each other by name', async () => {
    const agent = await start();
    const [a, b] = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    a.peer.say({ type: 'resolve', id: 1, name: 'halo' });
    a.peer.say({ type: 'resolve', id: 2, name: 'never' });
    a.peer.say({ type: 'cancel', id: 2 });
    b.peer.say({ type: 'publish', id: 3, name: 'halo', address: 'n2:4711' });
    expect(await b.peer.hear('ok')).toMatchObject({ id: 3 });
    expect(await a.peer.hear('endpoint')).toMatchObject({ id: 1, address: 'n2:4711' });
    b.peer.say({ type: 'publish', id: 4, name: 'never', address: 'x' });
    await b.peer.hear('ok');
    a.peer.say({ type: 'ping', n: 5 });
    await a.peer.hear('pong');
    expect(a.peer.has('endpoint')).toBe(false);
  });
});

describe('a restart', () => {
  async function saved() {
    const agent = await start();
    const [a, b] = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    const controller = await control(agent);
    for (const text of ['one', 'two']) {
      await controller.ask('request', 'accepted', { mode: 'continue' });
      await Promise.all([a.takePart(text), b.takePart(text)]);
      await controller.peer.hear('decided');
    }
    return { agent, controller, a, b };
  }

  const rebuilt = (member: ScriptedProcess, op: number): void => {
    member.peer.say({ type: 'rebuilt', op, participants: ['state'], errors: [] });
  };

  test('ends the old processes, and gives the new ones their state when all have rebuilt', async () => {
    const { agent, controller, a, b } = await saved();
    const restarted = await controller.ask('restart', 'restarted');
    expect(restarted).toMatchObject({ op: 3, incarnation: 1, generation: 2, damaged: [] });
    expect((await a.peer.hear('end'))['reason']).toContain('the job was restarted');
    await b.peer.hear('end');
    const [c, d] = [processOf(agent, 0), processOf(agent, 1)];
    expect(await c.welcome()).toMatchObject({
      incarnation: 1,
      generation: 2,
      restart: { op: 3, generation: 2, directory: join(directory, 'versions/2/0'), participants: ['state'] },
    });
    await d.welcome();
    rebuilt(c, 3);
    c.peer.say({ type: 'ping', n: 1 });
    await c.peer.hear('pong');
    expect(c.peer.has('all_rebuilt')).toBe(false);
    rebuilt(d, 3);
    for (const member of [c, d]) {
      await member.peer.hear('all_rebuilt');
      member.resumed(3);
    }
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await Promise.all([c.takePart(), d.takePart()]);
    expect(await controller.peer.hear('decided')).toMatchObject({ op: 4, result: 'committed' });
  });

  test('goes back to an older version when it is told to', async () => {
    const { agent, controller } = await saved();
    expect(await controller.ask('restart', 'restarted', { generation: 1 })).toMatchObject({ generation: 1 });
    const { restart } = await processOf(agent).welcome();
    const { directory: own } = restart as { directory: string };
    expect(readFileSync(join(own, 'state/data'), 'utf8')).toBe('one');
  });

  test('goes back to an older version when the newest is damaged, and says so', async () => {
    const { controller } = await saved();
    writeFileSync(join(directory, 'versions/2/1/state/data'), 'TWO');
    const restarted = await controller.ask('restart', 'restarted');
    expect(restarted).toMatchObject({ generation: 1 });
    expect(restarted['damaged']).toEqual([
      `the checkpoint is damaged: ${join(directory, 'versions/2/1/state/data')} has been changed`,
    ]);
  });

  test('is refused from a damaged version that was asked for', async () => {
    const { agent, controller, a } = await saved();
    appendFileSync(join(directory, 'versions/2/0/state/data'), '!');
    const refused = await controller.ask('restart', 'refused', { generation: 2 });
    expect(refused).toMatchObject({ code: 'NoSuccess', reason: expect.stringContaining('has 4 bytes, not 3') });
    expect(await controller.ask('restart', 'refused', { generation: 9 })).toMatchObject({ code: 'DoesNotExist' });
    expect((await control(agent).then((other) => other.ask('status', 'status')))['incarnation']).toBe(0);
    expect(a.peer.has('end')).toBe(false);
  });

  test('without any version begins anew', async () => {
    const agent = await start();
    const controller = await control(agent);
    expect(await controller.ask('restart', 'restarted')).toMatchObject({ incarnation: 1, generation: 0 });
    const a = processOf(agent);
    expect(await a.welcome()).not.toHaveProperty('restart');
    await controller.ask('request', 'accepted', { mode: 'continue' });
    expect(await a.takePart()).toMatchObject({ result: 'committed' });
  });

  test('a process of the old incarnation that comes back is told to end', async () => {
    const { controller, a } = await saved();
    a.peer.hangUp();
    await controller.ask('restart', 'restarted');
    await a.dial();
    expect((await a.peer.hear('end'))['reason']).toBe(
      'the job was restarted: this is incarnation 1, the process is of 0',
    );
  });

  test('that is not finished in time ends the processes, by name of what is missing', async () => {
    const agent = await start({ deadlines: { rebuild: 1 } });
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('watch', 'ok');
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await a.takePart();
    await controller.ask('restart', 'restarted');
    const b = processOf(agent);
    await b.welcome();
    expect((await b.peer.hear('end'))['reason']).toBe(
      'the restart has failed: "state" of rank 0 did not rebuild within 1 s',
    );
    let event = await controller.peer.hear('event');
    while (event['event'] !== 'restart failed') event = await controller.peer.hear('event');
    expect(event).toMatchObject({ op: 2 });
  });

  test('survives the death of the agent, in the middle', async () => {
    const { agent, controller } = await saved();
    await controller.ask('restart', 'restarted');
    const [c, d] = [processOf(agent, 0), processOf(agent, 1)];
    await c.welcome();
    rebuilt(c, 3);
    await eventually('the record', () => history().restart?.taken.size === 1);
    await agent.replace();
    await c.welcome();
    // Its state is taken: nobody else of its rank may have it.
    expect((await processOf(agent, 0).welcome())['restart']).toMatchObject({ participants: [] });
    await d.welcome();
    rebuilt(d, 3);
    await c.peer.hear('all_rebuilt');
    await agent.replace();
    await d.welcome();
    await d.peer.hear('all_rebuilt');
  });
});

describe('the agent is killed', () => {
  async function begun() {
    const agent = await start();
    const all = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    return { agent, all };
  }

  async function expectNextToSucceed(agent: AgentProgram, all: ScriptedProcess[], op = 2): Promise<void> {
    const controller = await control(agent);
    const accepted = await controller.ask('request', 'accepted', { mode: 'continue' });
    const outcomes = await Promise.all(all.map((member) => member.takePart()));
    expect(outcomes.map(({ result }) => result)).toEqual(['committed', 'committed']);
    expect(accepted).toMatchObject({ op });
  }

  test('while all go on', async () => {
    const agent = await start();
    const all = await members(agent, 2);
    await agent.replace();
    for (const member of all) await member.welcome();
    await expectNextToSucceed(agent, all, 1);
  });

  test('while processes stop', async () => {
    const { agent, all } = await begun();
    const op = await all[0].prepare();
    await agent.replace();
    for (const member of all) await member.welcome({ done: op });
    expect(history().last).toMatchObject({ op, reached: 'abort' });
    await expectNextToSucceed(agent, all);
  });

  test('while processes save: who saved is told that it is aborted', async () => {
    const { agent, all } = await begun();
    const [a, b] = all;
    const op = await a.prepare();
    await b.prepare();
    await a.save();
    await b.peer.hear('save');
    await agent.replace();
    const outcome = a.resolve(op);
    await b.welcome({ done: op });
    expect(await outcome).toMatchObject({ result: 'aborted', reason: 'the agent was killed before the commit' });
    expect(existsSync(join(directory, 'versions', String(op)))).toBe(false);
    await expectNextToSucceed(agent, all);
  });

  test('after the commit: who saved is told that it is committed, however often it is killed', async () => {
    const { agent, all } = await begun();
    const [a, b] = all;
    const op = await a.prepare();
    await b.prepare();
    await Promise.all([a.save(), b.save()]);
    await eventually('the commit', () => history().last?.reached === 'commit');
    await agent.replace();
    expect(await a.resolve(op)).toMatchObject({ result: 'committed' });
    await agent.replace();
    expect(await b.resolve(op)).toMatchObject({ result: 'committed' });
    await a.welcome({ done: op });
    await expectNextToSucceed(agent, all);
  });

  test('between the manifest and the record: the manifest decides', async () => {
    const { agent, all } = await begun();
    const [a, b] = all;
    const op = await a.prepare();
    await b.prepare();
    await Promise.all([a.save(), b.save()]);
    await eventually('the commit', () => history().last?.reached === 'commit');
    await agent.end('SIGKILL');
    // As it would be had the kill come a moment earlier.
    const journal = join(directory, 'journal');
    const before = readFileSync(journal, 'utf8')
      .split('\n')
      .filter((line) => !/"t":"(commit|settled)"/.test(line));
    writeFileSync(journal, before.join('\n'));
    await agent.start();
    expect(await a.resolve(op)).toMatchObject({ result: 'committed' });
    expect(await b.resolve(op)).toMatchObject({ result: 'committed' });
    expect(history().last).toMatchObject({ reached: 'commit' });
  });

  test('no operation begins before every process is back', async () => {
    const agent = await start();
    const [a, b] = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    await agent.replace();
    await a.welcome();
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    a.peer.say({ type: 'ping', n: 1 });
    await a.peer.hear('pong');
    expect(a.peer.has('prepare')).toBe(false);
    await b.welcome();
    await Promise.all([a.takePart(), b.takePart()]);
    expect(await controller.peer.hear('decided')).toMatchObject({ result: 'committed' });
  });

  test('at random, again and again, and every answer tells the same', async () => {
    const agent = await start();
    const [a, b] = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    let committed = 0;
    for (let round = 0; round < 12; round++) {
      const controller = await control(agent);
      const { op } = await controller.ask('request', 'accepted', { mode: 'continue' });
      await Promise.all([a.prepare(), b.prepare()]);
      await Promise.all([a.save(), b.save()]);
      // Somewhere in syncing, writing the manifest, the record, answering.
      await new Promise((resolve) => setTimeout(resolve, round * 2));
      await agent.replace();
      const outcomes = await Promise.all([a.resolve(op as number), b.resolve(op as number)]);
      expect(outcomes[0].result).toBe(outcomes[1].result);
      expect(versions().includes(String(op))).toBe(outcomes[0].result === 'committed');
      if (outcomes[0].result === 'committed') committed++;
      controller.hangUp();
    }
    expect(committed).toBeGreaterThan(0);
  }, 60_000);
});

describe('strangers', () => {
  test.each<[string, Uint8Array]>([
    ['a frame too long', Buffer.from([0xff, 0xff, 0xff, 0xff])],
    ['an empty frame', Buffer.from([0, 0, 0, 0])],
    ['no JSON', Buffer.from([0, 0, 0, 2, 0x7b, 0x7b])],
    ['no message', Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from('[]')])],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ])('%s is hung up on', async (_, bytes) => {
    const agent = await start();
    const peer = await Peer.dial(agent.socket);
    peers.push(peer);
    peer.raw(bytes);
    await peer.closed();
    expect(await processOf(agent).welcome()).toMatchObject({ incarnation: 0 });
  });

  test.each<[string, object]>([
    ['a message before hello', { type: 'prepared', op: 1, participants: [] }],
    ['a hello without its fields', { type: 'hello', v: [1, 1] }],
    ['a request of an unknown mode', { type: 'control', v: [1, 1] }],
  ])('%s is hung up on', async (what, message) => {
    const agent = await start();
    const peer = await Peer.dial(agent.socket);
    peers.push(peer);
    peer.say(message);
    if (what.startsWith('a request')) peer.say({ type: 'request', id: 1, mode: 'maybe' });
    await peer.closed();
    expect(await processOf(agent).welcome()).toMatchObject({ incarnation: 0 });
  });

  test('an unknown message is answered, and nothing else happens', async () => {
    const agent = await start();
    const a = processOf(agent);
    await a.welcome();
    a.peer.say({ type: 'applause' });
    expect(await a.peer.hear('unsupported')).toEqual({ type: 'unsupported', what: 'applause' });
  });

  test('another version is refused', async () => {
    const agent = await start();
    const a = await processOf(agent).dial({ v: [2, 3] });
    expect(await a.peer.hear('refused')).toMatchObject({ reason: 'this agent speaks version 1' });
    await a.peer.closed();
  });

  test('what a process says of operations that it is not in means nothing', async () => {
    const agent = await start();
    const [a, b] = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await a.peer.hear('prepare');
    for (const op of [0, 2, 99]) {
      for (const type of ['saved', 'resumed', 'veto', 'rebuilt']) {
        a.peer.say({ type, op, by: '', reason: '', errors: [], participants: [] });
      }
    }
    a.peer.say({ type: 'saved', op: 1 });
    a.peer.say({ type: 'prepared', op: 1, participants: [] });
    await b.prepare();
    await a.save();
    await b.save();
    expect(await a.resolve(1)).toMatchObject({ result: 'committed' });
  });

  test('what is too long for others to hear is cut, or refused', async () => {
    const agent = await start();
    const [a, b] = (await members(agent, 2)) as [ScriptedProcess, ScriptedProcess];
    a.peer.say({ type: 'publish', id: 1, name: 'halo', address: 'x'.repeat(5000) });
    const reason = 'the address has 5000 bytes, more than 4096';
    expect(await a.peer.hear('refused')).toEqual({ type: 'refused', id: 1, reason });
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await b.peer.hear('prepare');
    a.peer.say({ type: 'veto', op: 1, by: '', reason: 'x'.repeat(1_000_000) });
    expect((await b.peer.hear('abort'))['reason']).toHaveLength(4096);
  });

  test('the socket is closed to others', async () => {
    const agent = await start();
    expect(statSync(agent.socket).mode & 0o777).toBe(0o600);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });
});

describe('the program', () => {
  test('ends when it is told to, and takes its socket with it', async () => {
    const agent = await start();
    expect(await agent.end('SIGTERM')).toBe(0);
    expect(existsSync(agent.socket)).toBe(false);
    await agent.start();
  });

  test('ends when its keeper has died', async () => {
    const keeper = spawn('sleep', ['100']);
    await once(keeper, 'spawn');
    const { pid, start: began } = nameProcess(keeper.pid!)!;
    const agent = await start({ keeper: { pid, start: began } });
    keeper.kill('SIGKILL');
    await eventually('its end', () => nameProcess(agent.pid) === undefined);
    expect(existsSync(agent.socket)).toBe(false);
  });

  test('is one at a time', async () => {
    const agent = await start();
    await expect(new AgentProgram(directory).start()).rejects.toThrow(
      `xosaga agent: process ${String(agent.pid)} is the agent that has ${join(directory, 'journal')}; end it first`,
    );
  });

  test('says what is wrong with its directory', async () => {
    await expect(new AgentProgram('').start()).rejects.toThrow("xosaga agent: '' must be an absolute path");
    await expect(new AgentProgram(directory).start()).rejects.toThrow('config.json: it must be there before');
    mkdirSync(`${directory}-2`, { mode: 0o700 });
    writeFileSync(join(`${directory}-2`, 'config.json'), '{"layout":1,"job":"j"}');
    await expect(new AgentProgram(`${directory}-2`).start()).rejects.toThrow('checkpoints must be an absolute path');
  });

  test('has a socket whose path fits, however long that of its directory', async () => {
    directory = join(base, 'x'.repeat(120));
    const agent = await start();
    expect(Buffer.byteLength(agent.socket)).toBeLessThanOrEqual(103);
    expect(await processOf(agent).welcome()).toMatchObject({ incarnation: 0 });
    await agent.end('SIGTERM');
    expect(existsSync(agent.socket)).toBe(false);
  });

  test('does not take over what somebody laid at the path of a version', async () => {
    const agent = await start();
    const [a] = (await members(agent, 1)) as [ScriptedProcess];
    const controller = await control(agent);
    await controller.ask('request', 'accepted', { mode: 'continue' });
    await a.takePart();
    await controller.peer.hear('decided');
    await agent.end('SIGKILL');
    renameSync(join(directory, 'versions/1'), join(directory, 'versions/5'));
    await agent.start();
    await a.welcome();
    // Numbers go on behind the highest that is there.
    expect(await (await control(agent)).ask('request', 'accepted', { mode: 'continue' })).toMatchObject({ op: 6 });
  });
});
