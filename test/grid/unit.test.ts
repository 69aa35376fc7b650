import { afterAll, afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { historyOf } from '../../src/callbacks/grid/journal-records.js';
import { readRecords } from '../../src/callbacks/grid/journal.js';
import { socketPath } from '../../src/callbacks/grid/socket-path.js';
import { STOPPED, type UnitPlan } from '../../src/callbacks/grid/unit.js';
import { childrenOf, eventually } from '../faults/processes.js';
import { PACKAGE } from '../package/built.js';
import { Controller } from './scripted-process.js';

/** What a process does at a number; see programs/counter.mjs. */
interface Step {
  readonly count: number;
  readonly rank?: number;
  readonly incarnation?: number;
  readonly do: 'exit' | 'kill' | 'deaf' | 'checkpoint';
  readonly code?: number;
  /** A file that it waits for. */
  readonly after?: string;
  readonly signal?: NodeJS.Signals;
  readonly mode?: 'continue' | 'stop';
}

interface Told {
  readonly started?: string;
  readonly ended?: boolean;
  readonly heard?: string;
  readonly checkpoint?: string;
  readonly count: number;
  readonly pid: number;
  readonly incarnation: number;
}

/** More than any test counts to; those jobs end when the test says `enough`. */
const ENDLESS = 1_000_000;
/** The exit code of a unit that cannot run its job. */
const UNFIT = 70;

// Several programs start in each test, and agents that are killed again and again are started ever less often.
jest.setTimeout(60_000);

const base = mkdtempSync(join(tmpdir(), 'xosaga-unit-'));
const units: Unit[] = [];
let directory = '';
let count = 0;

beforeEach(() => {
  directory = join(base, String(++count));
  mkdirSync(directory);
});
afterEach(() => {
  for (const unit of units.splice(0)) unit.kill('SIGKILL');
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});

/** The unit program, its job being what the plan of the counters says. */
class Unit {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  errors = '';

  constructor(plan: Partial<UnitPlan>, command: readonly string[]) {
    const config = { job: 'j', checkpoints: join(directory, 'versions'), ...plan.config };
    const program = `${PACKAGE}dist/esm/callbacks/grid/unit-main.js`;
    const args = [program, state(plan.config?.unit), JSON.stringify({ ...plan, config }), ...command];
    this.#child = spawn(process.execPath, args, {
      cwd: PACKAGE,
      // A group of its own, as a job has it on every backend.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, XOSAGA_GRACE: '0.3' },
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.#ended = once(this.#child, 'close');
    units.push(this);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Its exit code, or the signal that it ended by. */
  async end(): Promise<number | NodeJS.Signals | null> {
    await this.#ended;
    if (this.#child.exitCode === UNFIT) throw new Error(this.errors);
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  /** Why it could not run the job. */
  async refusal(): Promise<string> {
    await this.#ended;
    if (this.#child.exitCode !== UNFIT) throw new Error(`it has run the job: ${String(this.#child.exitCode)}`);
    return this.errors;
  }

  /** Signals the unit alone. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Signals all of the job, as a backend does. */
  kill(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // All have ended.
    }
  }

  get agent(): number | undefined {
    return childrenOf(this.pid).find((pid) => commandOf(pid).includes('grid/agent.js'));
  }
}

const state = (unit = '0'): string => join(directory, `state-${unit}`);

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function counters(until: number, at: readonly Step[] = [], plan: Partial<UnitPlan> = {}): Unit {
  const options = JSON.stringify({ directory, until, at });
  return new Unit(plan, [process.execPath, `${PACKAGE}test/grid/programs/counter.mjs`, options]);
}

function told(rank = 0): Told[] {
  const path = join(directory, `rank-${String(rank)}.log`);
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Told);
}

/** Where the lives of the job began. */
const starts = (rank = 0): number[] => told(rank).flatMap((line) => (line.started === undefined ? [] : [line.count]));
const journal = () => readRecords(join(state(), 'journal'));
const versions = (): string[] => readdirSync(join(directory, 'versions')).filter((name) => /^\d+$/.test(name));
const started = (unit: Unit, lives = 1) =>
  eventually('the start', () => {
    if (unit.isOver) throw new Error(`the unit has ended: ${unit.errors}`);
    return starts().length >= lives;
  });
const enough = (): void => {
  writeFileSync(join(directory, 'enough'), '');
};

describe('a unit', () => {
  test('runs a job that is never checkpointed, and leaves no process behind', async () => {
    const unit = counters(5, [], { processes: 2 });
    const agent = await eventually('the agent', () => unit.agent);
    expect(await unit.end()).toBe(0);
    expect(told(0)[0]).toMatchObject({ started: '2', count: 0, incarnation: 0 });
    expect(told(1).map((line) => line.ended)).toContain(true);
    expect(commandOf(agent)).toBe('');
    expect(existsSync(socketPath(state()))).toBe(false);
    expect(unit.errors).toBe('');
  });

  test('numbers its processes as part of a larger job', async () => {
    expect(await counters(1, [], { processes: 2, firstRank: 4, size: 8 }).end()).toBe(0);
    expect([told(4)[0]?.started, told(5)[0]?.started]).toEqual(['8', '8']);
  });

  test('ends with the exit code of its job', async () => {
    expect(await counters(5, [{ count: 3, do: 'exit', code: 3 }]).end()).toBe(3);
  });

  test.each(['SIGKILL', 'SIGABRT', 'SIGHUP'] as const)('ends by the signal of its job: %s', async (signal) => {
    expect(await counters(5, [{ count: 3, do: 'kill', signal }]).end()).toBe(signal);
  });

  test('tells that the program cannot be started, as a shell does', async () => {
    const missing = new Unit({}, ['/no/such/program']);
    expect(await missing.end()).toBe(127);
    expect(missing.errors).toContain('cannot start /no/such/program');
  });

  test('ends the others when one fails, once asked, those that do not hear by force', async () => {
    const unit = counters(
      ENDLESS,
      [
        { count: 1, rank: 1, do: 'deaf' },
        { count: 5, do: 'exit', code: 7, after: 'deaf' },
      ],
      { processes: 2 },
    );
    expect(await unit.end()).toBe(7);
    expect(told(1).filter(({ heard }) => heard)).toHaveLength(1);
    expect(told(1).some(({ ended }) => ended)).toBe(false);
  });

  test('refuses a state directory that others can write to', async () => {
    mkdirSync(state(), { mode: 0o777 });
    const child = spawn('chmod', ['777', state()]);
    await once(child, 'exit');
    const unit = counters(5);
    expect(await unit.refusal()).toMatch(/^xosaga: .*writable by others; run: chmod 700/);
  });

  test('ends with 64 when it is called in another way', async () => {
    const child = spawn(process.execPath, [`${PACKAGE}dist/esm/callbacks/grid/unit-main.js`, state()]);
    expect((await once(child, 'exit'))[0]).toBe(64);
  });
});

describe('a job that fails', () => {
  const checkpointAndCrash: Step[] = [
    { count: 10, do: 'checkpoint' },
    { count: 20, do: 'kill' },
  ];

  test('is restarted from its last checkpoint', async () => {
    const crash: Step = { count: 20, incarnation: 0, do: 'kill' };
    const unit = counters(ENDLESS, [{ count: 10, do: 'checkpoint' }, crash], { processes: 2, restarts: 1 });
    await started(unit, 2);
    await eventually('the other', () => starts(1).length === 2);
    enough();
    expect(await unit.end()).toBe(0);
    expect(told().find(({ checkpoint }) => checkpoint)).toMatchObject({ checkpoint: 'continued', count: 10 });
    expect(starts(0)).toEqual([0, 10]);
    expect(told(0).at(-1)).toMatchObject({ ended: true, incarnation: 1 });
    expect(unit.errors).toBe('xosaga: the job failed; restart 1 from checkpoint 1\n');
  });

  test('is restarted as often as it may be, and then ends as it failed', async () => {
    const unit = counters(40, checkpointAndCrash, { restarts: 2 });
    expect(await unit.end()).toBe('SIGKILL');
    expect(starts()).toEqual([0, 10, 10]);
  });

  test('is not restarted when it may not be', async () => {
    expect(await counters(40, checkpointAndCrash).end()).toBe('SIGKILL');
    expect(starts()).toEqual([0]);
  });

  test('is not restarted without a checkpoint', async () => {
    expect(await counters(40, [{ count: 5, do: 'exit', code: 4 }], { restarts: 3 }).end()).toBe(4);
    expect(starts()).toEqual([0]);
  });
});

describe('a checkpoint that ends the job', () => {
  const stop: Step[] = [{ count: 15, incarnation: 0, do: 'checkpoint', mode: 'stop' }];

  test('ends the unit with 75, and the next start goes on', async () => {
    expect(await counters(ENDLESS, stop, { processes: 2, restarts: 5 }).end()).toBe(STOPPED);
    expect(starts()).toEqual([0]);
    const next = counters(ENDLESS, stop, { processes: 2 });
    await started(next, 2);
    enough();
    expect(await next.end()).toBe(0);
    expect(starts()).toEqual([0, 15]);
    expect(told().at(-1)).toMatchObject({ ended: true, incarnation: 1 });
  });

  test('is where another job can begin', async () => {
    expect(await counters(30, stop).end()).toBe(STOPPED);
    const versionsOfFirst = join(directory, 'versions');
    directory = join(directory, 'second');
    mkdirSync(directory);
    const config = { job: 'k', checkpoints: versionsOfFirst };
    const refused = counters(30, [], { config, from: 1 });
    expect(await refused.refusal()).toContain('has the checkpoints of job j, not of k');
    expect(await counters(30, [], { config: { ...config, takeOver: true }, from: 1 }).end()).toBe(0);
    expect(starts()).toEqual([15]);
  });

  test('of a version that is not there, nothing is started', async () => {
    const unit = counters(30, [], { from: 3 });
    expect(await unit.refusal()).toContain('there is no checkpoint 3');
    expect(starts()).toEqual([]);
  });
});

describe('somebody ends the job', () => {
  test.each(['signal', 'kill'] as const)('TERM (%s) is passed on, and it is not restarted', async (how) => {
    const unit = counters(ENDLESS, [{ count: 5, do: 'checkpoint' }], { processes: 2, restarts: 5 });
    await eventually('the checkpoint', () => told().some(({ checkpoint }) => checkpoint));
    unit[how]('SIGTERM');
    expect(await unit.end()).toBe('SIGTERM');
    expect([starts(0).length, starts(1).length]).toEqual([1, 1]);
  });

  test('processes that do not hear are killed, and get the signal once', async () => {
    const unit = counters(ENDLESS, [{ count: 1, do: 'deaf' }], { restarts: 5 });
    await started(unit);
    await eventually('its deafness', () => existsSync(join(directory, 'deaf')));
    unit.signal('SIGTERM');
    expect(await unit.end()).toBe('SIGKILL');
    expect(told().filter(({ heard }) => heard)).toHaveLength(1);
  });

  test('before it has begun: nothing is started', async () => {
    const unit = counters(ENDLESS);
    await eventually('the agent', () => unit.agent);
    unit.signal('SIGTERM');
    expect(await unit.end()).toBe('SIGTERM');
    expect(starts().length).toBeLessThanOrEqual(1);
  });

  test('the agent ends when the unit was killed', async () => {
    const unit = counters(ENDLESS);
    await started(unit);
    const agent = await eventually('the agent', () => unit.agent);
    unit.kill('SIGKILL');
    await unit.end();
    await eventually('the end of the agent', () => commandOf(agent) === '');
    expect(journal().at(-1)).toMatchObject({ t: 'released' });
  });

  test('a job whose unit was killed goes on from its last checkpoint when it is started again', async () => {
    const unit = counters(ENDLESS, [{ count: 10, incarnation: 0, do: 'checkpoint' }]);
    await eventually('the checkpoint', () => told().some(({ checkpoint }) => checkpoint));
    unit.kill('SIGKILL');
    await unit.end();
    expect(await counters(30).end()).toBe(0);
    expect(starts()).toEqual([0, 10]);
  });
});

describe('the agent is killed', () => {
  test('again and again, and the job is checkpointed and runs on', async () => {
    const unit = counters(ENDLESS, [], {
      processes: 2,
      config: { job: 'j', checkpoints: join(directory, 'versions') },
    });
    await started(unit);
    let committed = 0;
    for (let round = 0; round < 9; round++) {
      const agent = await eventually('an agent', () => unit.agent);
      const controller = await Controller.dial(socketPath(state()));
      try {
        controller.peer.say({ type: 'request', id: 1, mode: 'continue' });
        if (round % 3 === 2) {
          const { result } = await controller.peer.hear('decided');
          if (result === 'committed') committed++;
        } else if (round % 3 === 1) await controller.peer.hear('accepted');
      } finally {
        controller.hangUp();
      }
      process.kill(agent, 'SIGKILL');
      await eventually('its end', () => unit.agent !== agent);
    }
    enough();
    expect(await unit.end()).toBe(0);
    expect(committed).toBeGreaterThan(0);
    expect(historyOf(journal()).committed.size).toBeGreaterThanOrEqual(committed);
    // Nobody was restarted for that.
    expect([starts(0), starts(1)]).toEqual([[0], [0]]);
  });

  test('while the job fails: the restart is made by the next, and once', async () => {
    const unit = counters(
      40,
      [
        { count: 10, do: 'checkpoint' },
        { count: 20, incarnation: 0, do: 'kill' },
      ],
      {
        restarts: 1,
      },
    );
    await eventually('the checkpoint', () => told().some(({ checkpoint }) => checkpoint));
    process.kill(await eventually('the agent', () => unit.agent), 'SIGKILL');
    expect(await unit.end()).toBe(0);
    expect(starts()).toEqual([0, 10]);
    expect(journal().filter(({ t }) => t === 'restart')).toHaveLength(1);
  });

  test('one that is stopped does not keep the unit from ending', async () => {
    const unit = counters(ENDLESS);
    await started(unit);
    process.kill(await eventually('the agent', () => unit.agent), 'SIGSTOP');
    enough();
    expect(await unit.end()).toBe(0);
  });
});

describe('a job of two units', () => {
  test.each([
    ['TCP', () => ({ host: '127.0.0.1', port: 0 }), () => ({ address: join(state(), 'address') })],
    ['a shared directory', () => ({ directory: join(directory, 'd') }), () => ({ directory: join(directory, 'd') })],
  ])('that meet over %s is checkpointed as one', async (_, listen, coordinator) => {
    const config = { job: 'j', checkpoints: join(directory, 'versions'), secret: join(state(), 'secret') };
    const first = counters(ENDLESS, [], { size: 2, config: { ...config, units: ['0', '1'], listen: listen() } });
    const more = { firstRank: 1, size: 2, config: { ...config, unit: '1', coordinator: coordinator() } };
    const second = counters(ENDLESS, [], more);
    await started(first);
    await eventually('the other', () => starts(1).length > 0);
    const controller = await Controller.dial(socketPath(state()));
    controller.peer.say({ type: 'request', id: 1, mode: 'continue' });
    expect(await controller.peer.hear('decided')).toMatchObject({ op: 1, result: 'committed' });
    controller.hangUp();
    expect(existsSync(join(directory, 'versions/1/0/counter/count'))).toBe(true);
    expect(existsSync(join(directory, 'versions/1/1/counter/count'))).toBe(true);
    enough();
    expect([await first.end(), await second.end()]).toEqual([0, 0]);
  });
});

describe('a running job', () => {
  test('is rolled back when somebody asks for it, which is no restart of its own', async () => {
    const unit = counters(ENDLESS, [{ count: 10, incarnation: 0, do: 'checkpoint' }], { processes: 2, restarts: 0 });
    await eventually('the checkpoint', () => told().some(({ checkpoint }) => checkpoint));
    const controller = await Controller.dial(socketPath(state()));
    expect(await controller.ask('restart', 'restarted', { generation: 1 })).toMatchObject({ incarnation: 1 });
    await started(unit, 2);
    expect(starts()).toEqual([0, 10]);
    expect(await controller.ask('restart', 'restarted')).toMatchObject({ incarnation: 2, generation: 1 });
    await started(unit, 3);
    controller.hangUp();
    enough();
    expect(await unit.end()).toBe(0);
    expect(starts()).toEqual([0, 10, 10]);
    expect(told().at(-1)).toMatchObject({ ended: true, incarnation: 2 });
  });

  test('is checkpointed at intervals', async () => {
    const unit = counters(ENDLESS, [], { processes: 2, interval: 0.05 });
    await started(unit);
    await eventually('checkpoints', () => historyOf(journal()).committed.size >= 3);
    enough();
    expect(await unit.end()).toBe(0);
    expect(versions().length).toBeGreaterThan(0);
  });

  test('without processes that take part it is none, and is asked for again', async () => {
    const unit = new Unit({ interval: 0.05, config: { job: 'j', checkpoints: join(directory, 'versions') } }, [
      '/bin/sh',
      '-c',
      `until [ -e '${directory}/enough' ]; do sleep 0.05; done`,
    ]);
    const controller = await Controller.dial(socketPath(state()));
    await controller.ask('watch', 'ok');
    await eventually('the answer', () => existsSync(join(state(), 'journal')));
    controller.hangUp();
    enough();
    expect(await unit.end()).toBe(0);
    expect(versions()).toEqual([]);
  });
});
