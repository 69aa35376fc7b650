/** Whole processes, threads and children of a job: when they live, when they end, and who they say they are. */
import { describe, expect, test } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE, runModule } from '../package/built.js';
import { commit, prepare, save, stage } from './scripted-agent.js';

const here = stage();

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** A program that uses the built package, under the agent. */
function program(source: string, environment: NodeJS.ProcessEnv = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    cwd: PACKAGE,
    env: { ...process.env, XOSAGA_CKPT_SOCKET: here.agent.path, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (output += piece.toString()));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code, signal, output });
    });
  });
  return { child, ended };
}

/** Lives until its participant is stopped; then only the operation keeps it alive. */
const UNTIL_STOPPED = `
  import { checkpointing } from 'xosaga/callbacks';
  const reason = setInterval(() => {}, 1000);
  checkpointing.register({
    name: 'field',
    stop() { clearInterval(reason); },
    resumeCp({ aborted }) { console.log(aborted ? 'aborted' : 'resumed'); },
  });
`;

describe('a process that is connected', () => {
  test('ends when it has nothing more to do', async () => {
    const { ended } = program(`
      import { checkpointing } from 'xosaga/callbacks';
      checkpointing.register({ name: 'field', stop() {}, rebuild() {} });
      console.log(await checkpointing.ready());
    `);
    const peer = await here.agent.welcomes();
    await peer.closed;
    expect(await ended).toEqual({ code: 0, signal: null, output: 'false\n' });
  });

  test('ends when there is no agent', async () => {
    await here.agent.die();
    const { ended } = program(`
      import { checkpointing } from 'xosaga/callbacks';
      checkpointing.register({ name: 'field', stop() {} });
    `);
    expect(await ended).toEqual({ code: 0, signal: null, output: '' });
  });

  test('lives through an operation, whatever it has closed', async () => {
    const { ended } = program(UNTIL_STOPPED);
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await peer.hearsUntil('prepared');
    peer.say(save(1, here.directory));
    await peer.hears('saved');
    await here.agent.die();
    await here.agent.listen();
    const again = await here.agent.welcomes({ outcome: { op: 1, result: 'committed', deadline_ms: 1000 } });
    await again.closed;
    expect(await ended).toEqual({ code: 0, signal: null, output: 'resumed\n' });
  });

  test('lives while it waits for the outcome of its request', async () => {
    const { ended } = program(`
      import { checkpointing } from 'xosaga/callbacks';
      console.log(await checkpointing.request());
    `);
    const peer = await here.agent.welcomes();
    peer.say({ type: 'accepted', id: (await peer.hears('request')).id, op: 1 });
    await commit(here.agent, peer, 1, here.directory);
    expect(await ended).toEqual({ code: 0, signal: null, output: 'continued\n' });
  });

  test('that exits while it stops has hung up without a word', async () => {
    const { ended } = program(`
      import { checkpointing } from 'xosaga/callbacks';
      checkpointing.register({ name: 'field', stop() { process.exit(7); } });
      setInterval(() => {}, 1000);
    `);
    const peer = await here.agent.welcomes();
    peer.say(prepare(1));
    await peer.closed;
    expect(peer.isSilent).toBe(true);
    expect(await ended).toMatchObject({ code: 7 });
  });

  test('told to end, it runs no further line', async () => {
    const { ended } = program(`${UNTIL_STOPPED} process.on('exit', () => console.log('exit handler'));`);
    const peer = await here.agent.welcomes();
    peer.say(prepare(1, { mode: 'stop' }), save(1, here.directory));
    await peer.hearsUntil('saved');
    (await here.agent.arrival()).say({ type: 'end', reason: 'stopped with checkpoint 1' });
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL', output: '' });
  });

  test('says who it is', async () => {
    const { child, ended } = program(UNTIL_STOPPED, { XOSAGA_RANK: '3' });
    const peer = await here.agent.welcomes();
    expect(peer.hello).toMatchObject({ pid: child.pid, rank: 3, thread: 0, sdk: 'xosaga-typescript' });
    expect(peer.hello.client).toMatch(/^[0-9a-f]{32}$/);
    expect(peer.hello).not.toHaveProperty('incarnation');
    child.kill('SIGKILL');
    await ended;
  });

  test('a rank that is none is refused', async () => {
    const { ended } = program(UNTIL_STOPPED, { XOSAGA_RANK: 'first' });
    expect((await ended).output).toContain('XOSAGA_RANK must be a number from 0, not "first"');
  });
});

describe('threads and children', () => {
  test('a worker thread takes part by itself', async () => {
    const { ended } = program(`
      import { checkpointing } from 'xosaga/callbacks';
      import { Worker } from 'node:worker_threads';
      const worker = new Worker(\`
        import { checkpointing } from 'xosaga/callbacks';
        import { parentPort } from 'node:worker_threads';
        parentPort.on('message', () => {});
        checkpointing.register({
          name: 'strip 1',
          stop() { parentPort.close(); },
          resumeCp() { console.log('resumed in the worker'); },
        });
      \`, { eval: true });
      checkpointing.register({ name: 'field', stop() {} });
    `);
    const arrived = [await here.agent.welcomes(), await here.agent.welcomes()];
    const [main, worker] = arrived.sort((a, b) => a.hello.thread - b.hello.thread);
    expect(main?.hello.pid).toBe(worker?.hello.pid);
    expect(worker?.hello.thread).toBeGreaterThan(0);
    expect(main?.hello.client).not.toBe(worker?.hello.client);
    const again = await commit(here.agent, worker!, 1, here.directory);
    await again.closed;
    expect(await ended).toMatchObject({ code: 0, output: 'resumed in the worker\n' });
  });

  test('a child inherits the agent, and is a process of its own', async () => {
    const path = join(here.directory, 'child.mjs');
    await writeFile(
      path,
      `import { createRequire } from 'node:module';
       const { checkpointing } = createRequire('${PACKAGE}')('xosaga/callbacks');
       process.channel.ref();
       checkpointing.register({ name: 'child', stop() { process.disconnect(); } });`,
    );
    const { ended } = program(
      `
      import { checkpointing } from 'xosaga/callbacks';
      import { fork } from 'node:child_process';
      checkpointing.register({ name: 'parent', stop() {} });
      fork(${JSON.stringify(path)}, { execArgv: [] });
    `,
      { XOSAGA_RANK: '2' },
    );
    const [first, second] = [await here.agent.welcomes(), await here.agent.welcomes()];
    expect(first.hello.pid).not.toBe(second.hello.pid);
    expect(first.hello.client).not.toBe(second.hello.client);
    expect([first.hello.rank, second.hello.rank]).toEqual([2, 2]);
    for (const peer of [first, second]) peer.say(prepare(1));
    const named = [await first.hears('stopped'), await second.hears('stopped')].map(({ participant }) => participant);
    expect(named.sort()).toEqual(['child', 'parent']);
    for (const peer of [first, second]) peer.say({ type: 'abort', op: 1, reason: 'enough' });
    await Promise.all([first.closed, second.closed]);
    expect(await ended).toMatchObject({ code: 0 });
  });
});

describe('importing xosaga/callbacks', () => {
  test('loads no package, no network, and keeps no process alive', () => {
    const loaded = runModule(`
      const { createRequire } = await import('node:module');
      const before = process.moduleLoadList.includes('NativeModule net');
      const require = createRequire(import.meta.url);
      require('xosaga/callbacks');
      const network = process.moduleLoadList.includes('NativeModule net');
      console.log(JSON.stringify({ before, network, packages: Object.keys(require.cache).filter((file) => file.includes('node_modules')) }));
    `);
    expect(loaded).toEqual({ before: false, network: false, packages: [] });
  });
});
