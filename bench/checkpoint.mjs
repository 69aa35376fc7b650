/**
 * What checkpoints cost the processes of a job, and prints milliseconds.
 *
 *     node checkpoint.mjs phases COUNT          own phases of two processes that exchange 10,000 messages a second each way
 *     node checkpoint.mjs participants COUNT    from `prepare` to `prepared`, and from the outcome to `resumed`, of 1000 participants
 *     node checkpoint.mjs whole COUNT           of the two processes under a real agent, from the request until it is durable
 *     node checkpoint.mjs import COUNT          processes that load xosaga/callbacks, and such that do nothing
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BenchAgent } from './checkpoint-agent.mjs';
import { median, percentile } from './statistics.mjs';

const run = promisify(execFile);

const PROGRAM = fileURLToPath(new URL('checkpointed.mjs', import.meta.url));
const UNIT = fileURLToPath(new URL('../dist/esm/callbacks/grid/unit-main.js', import.meta.url));
/** Checkpoints that are not counted: the first ones compile what they run. */
const WARM_UP = 10;
const PARTICIPANTS = '1000';

const [way = '', countText = ''] = process.argv.slice(2);
const count = Number(countText);

/**
 * @param {string} socket
 * @param {number} size
 * @param {string[]} args
 * @returns {() => Promise<void>} ends them
 */
function startProcesses(socket, size, args) {
  const processes = Array.from({ length: size }, (_, rank) =>
    spawn(process.execPath, [PROGRAM, ...args], {
      stdio: ['pipe', 'ignore', 'inherit'],
      env: { ...process.env, XOSAGA_CKPT_SOCKET: socket, XOSAGA_RANK: String(rank), XOSAGA_SIZE: String(size) },
    }),
  );
  return async () => {
    const ends = processes.map((child) => once(child, 'exit'));
    for (const child of processes) child.stdin.end();
    await Promise.all(ends);
  };
}

/**
 * @param {number} size
 * @param {(directory: string) => string[]} args
 * @returns {Promise<import('./checkpoint-agent.mjs').Phases[]>}
 */
async function phases(size, args) {
  const agent = await BenchAgent.start(tmpdir());
  const end = startProcesses(agent.socket, size, args(join(agent.socket, '..')));
  await agent.members(size);
  const all = [];
  for (let n = 0; n < WARM_UP + count; n++) all.push(await agent.checkpoint());
  await end();
  await agent.close();
  return all.slice(WARM_UP);
}

/** @returns {Promise<number[]>} */
async function wholeCheckpoints() {
  const { ControlClient } = await import('../dist/esm/callbacks/grid/control-client.js');
  const { socketPath } = await import('../dist/esm/callbacks/grid/socket-path.js');
  // Where the state of jobs is: a directory on a disk.
  const directory = await mkdtemp(join(process.env.XOSAGA_HOME ?? tmpdir(), 'checkpoint-'));
  const state = join(directory, 'state');
  const plan = { config: { job: 'bench', checkpoints: join(directory, 'versions') }, processes: 2 };
  const command = [process.execPath, PROGRAM, 'exchange', `unix:${join(directory, 'channel')}`];
  const unit = spawn(process.execPath, [UNIT, state, JSON.stringify(plan), ...command], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const control = await connect();
  const times = [];
  for (let n = 0; n < WARM_UP + count; n++) {
    const start = performance.now();
    const { result, reason } = await control.request('continue');
    if (result !== 'committed') throw new Error(reason);
    times.push(performance.now() - start);
  }
  control.close();
  const ended = once(unit, 'exit');
  unit.stdin.end();
  await ended;
  await rm(directory, { recursive: true, force: true });
  return times.slice(WARM_UP);

  /** @returns {Promise<import('../dist/esm/callbacks/grid/control-client.js').ControlClient>} */
  async function connect() {
    for (;;) {
      try {
        return await ControlClient.connect(socketPath(state));
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
  }
}

/**
 * @param {string[]} args
 * @returns {Promise<number>}
 */
async function timeOf(args) {
  const start = performance.now();
  await run(process.execPath, args, { cwd: fileURLToPath(new URL('..', import.meta.url)) });
  return performance.now() - start;
}

/** @returns {Promise<object>} */
async function imports() {
  /** @type {Record<string, string[]>} */
  const programs = {
    nothing: ['-e', '0'],
    required: ['-e', "require('xosaga/callbacks')"],
    imported: ['--input-type=module', '-e', "import 'xosaga/callbacks'"],
    module: ['--input-type=module', '-e', '0'],
  };
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
  for (const args of Object.values(programs)) await timeOf(args);
  for (let left = count; left > 0; left--) {
    for (const [name, args] of Object.entries(programs)) times[name]?.push(await timeOf(args));
  }
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

if (way === 'phases') {
  const all = await phases(2, (directory) => ['exchange', `unix:${join(directory, 'channel')}`]);
  const sums = all.map(({ stop, save, resume }) => stop + save + resume);
  const medianOf = (/** @type {'stop' | 'save' | 'resume'} */ phase) => median(all.map((phases) => phases[phase]));
  const figures = { stop: medianOf('stop'), save: medianOf('save'), resume: medianOf('resume') };
  console.log(JSON.stringify({ ...figures, median: median(sums), p95: percentile(sums, 0.95) }));
} else if (way === 'participants') {
  const all = await phases(1, () => ['participants', PARTICIPANTS]);
  const p99 = (/** @type {'stop' | 'resume'} */ phase) =>
    percentile(
      all.map((phases) => phases[phase]),
      0.99,
    );
  console.log(JSON.stringify({ stop: p99('stop'), resume: p99('resume') }));
} else if (way === 'whole') {
  const times = await wholeCheckpoints();
  console.log(JSON.stringify({ median: median(times), p95: percentile(times, 0.95) }));
} else {
  console.log(JSON.stringify(await imports()));
}
