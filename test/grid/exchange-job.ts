/** A job of processes that exchange messages (programs/exchange.mjs) under the unit program, and what can be done to it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { JournalRecord } from '../../src/callbacks/grid/journal-records.js';
import { historyOf } from '../../src/callbacks/grid/journal-records.js';
import { readRecords } from '../../src/callbacks/grid/journal.js';
import { isAlive, nameProcess } from '../../src/callbacks/grid/process-name.js';
import { socketPath } from '../../src/callbacks/grid/socket-path.js';
import { STOPPED, type UnitPlan } from '../../src/callbacks/grid/unit.js';
import { PACKAGE } from '../package/built.js';
import { flawsInCalls, type Call } from './exactly-once.js';
import { Controller, type Message } from './scripted-process.js';

/** Seconds after which something is stuck. Nothing of this takes more than one on an idle machine. */
const PATIENCE = 60;
/** Milliseconds between looks at what processes have written. */
const LOOK = 5;

/** What a process does when it comes to a point: `<callback> <participant>`, `<callback>ed <participant>` or `running`. */
export interface Order {
  readonly at: string;
  readonly do: 'kill self' | 'kill agent' | 'hold' | 'veto' | 'throw' | 'request';
  /** Milliseconds: how long it holds, or when it kills. */
  readonly for?: number;
  /** This participant has a deadline of 50 ms until the order is obeyed. */
  readonly late?: string;
}

export interface ExchangeOptions {
  readonly directory: string;
  readonly size: number;
  /** Messages a second that each process sends to each other one. */
  readonly rate: number;
  /** Where the channels meet; `tcp:127.0.0.1:0` or nothing, for a unix socket. */
  readonly tcp?: boolean;
  /** False: nothing stops for a checkpoint, which must be noticed. */
  readonly drain?: boolean;
  readonly restarts?: number;
}

interface Flow {
  readonly sent: number;
  readonly sentDigest: number;
  readonly received: number;
  readonly receivedDigest: number;
}
type Lines = Readonly<Record<string, Flow>>;

/** A line in the log of a rank. */
interface Told extends Partial<Omit<Call, 't'>> {
  readonly t: string;
  readonly pid: number;
  readonly incarnation: number;
  readonly far?: Readonly<Record<string, { readonly sent: number; readonly received: number }>>;
  readonly lines?: Lines;
  readonly what?: string;
  readonly id?: string;
  readonly outcome?: string;
}

export class ExchangeJob {
  readonly #options: ExchangeOptions;
  readonly #state: string;
  readonly #checkpoints: string;
  readonly #logs: { read: number; rest: string; readonly told: Told[]; last: Told | undefined }[];
  #unit: ChildProcess | undefined;
  #orders = 0;
  #controller: Controller | undefined;
  /** Lives of the job by now, as far as the test knows. */
  incarnation = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#state = join(options.directory, 'state');
    this.#checkpoints = join(options.directory, 'versions');
    this.#logs = Array.from({ length: options.size }, () => ({ read: 0, rest: '', told: [], last: undefined }));
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
  }

  get size(): number {
    return this.#options.size;
  }

  /** Starts the unit; a job that has run goes on from its last version. */
  start(): void {
    const { directory, rate, size, tcp = false, drain = true, restarts = 1_000_000 } = this.#options;
    const plan: UnitPlan = {
      config: {
        job: 'exchange',
        checkpoints: this.#checkpoints,
        keepCheckpoints: 4,
        deadlines: { stop: PATIENCE / 2, save: PATIENCE / 2, resume: PATIENCE / 2, rebuild: PATIENCE / 2 },
      },
      processes: size,
      restarts,
    };
    const options = {
      directory,
      agentState: this.#state,
      rate,
      drain,
      address: tcp ? 'tcp:127.0.0.1:0' : `unix:${join(directory, 'exchange')}`,
      ...(tcp && { secret: 'known to the processes of this job' }),
    };
    const unit = `${PACKAGE}dist/esm/callbacks/grid/unit-main.js`;
    const program = [process.execPath, `${PACKAGE}test/grid/programs/exchange.mjs`, JSON.stringify(options)];
    const output = openSync(join(directory, 'output'), 'a', 0o600);
    // A group of its own, as a job has it everywhere.
    this.#unit = spawn(process.execPath, [unit, this.#state, JSON.stringify(plan), ...program], {
      detached: true,
      stdio: ['ignore', output, output],
    });
    closeSync(output);
  }

  /** How the unit has ended. */
  async ended(): Promise<number | NodeJS.Signals> {
    const unit = this.#unit!;
    await this.eventually('the end of the unit', () => this.isOver);
    this.#controller?.hangUp();
    return unit.signalCode ?? unit.exitCode!;
  }

  /** What each rank does at some points in this, or the next, life of the job. */
  order(ranks: Readonly<Record<number, readonly Order[]>>, incarnation = this.incarnation): void {
    const path = join(this.#options.directory, 'orders.json');
    writeFileSync(`${path}.new`, JSON.stringify({ id: ++this.#orders, incarnation, ranks }));
    renameSync(`${path}.new`, path);
  }

  /** Resolves when a rank has come to its `n`th point. */
  obeyed(rank: number, n = 0): Promise<unknown> {
    const id = `${String(this.#orders)} ${String(n)}`;
    return this.eventually(`rank ${String(rank)} at order ${id}`, () =>
      this.#told(rank).some((line) => line.t === 'obeys' && line.id === id),
    );
  }

  /** A control connection that is answered, whatever happens to agents. */
  async control(): Promise<Controller> {
    return this.#insist(async (controller) => {
      await controller.ask('status', 'status');
      return controller;
    });
  }

  /** Asks for a checkpoint, and does not wait for it. */
  async request(mode: 'continue' | 'stop' = 'continue'): Promise<void> {
    const controller = await this.control();
    await controller.ask('request', 'accepted', { mode }).catch(() => undefined); // the agent may be killed for it at once
  }

  /** A whole checkpoint. */
  async checkpoint(): Promise<void> {
    const { result, reason } = await this.#decision({});
    if (result !== 'committed') throw this.#stuck(`the checkpoint was aborted: ${String(reason)}`);
  }

  /** A checkpoint that comes to nothing for this reason. */
  async noCheckpoint(because: RegExp, milliseconds?: number): Promise<void> {
    const { result, reason } = await this.#decision(milliseconds === undefined ? {} : { deadline_ms: milliseconds });
    if (result === 'committed' || !because.test(String(reason))) {
      throw this.#stuck(`not aborted because of ${String(because)}, but ${String(result)}: ${String(reason)}`);
    }
  }

  /** As the one who has asked for a checkpoint is told. */
  async #decision(more: object): Promise<Message> {
    const controller = await this.control();
    await controller.ask('request', 'accepted', { mode: 'continue', ...more });
    return controller.peer.hear('decided');
  }

  /** Rolls the job back to this version; 0 is the beginning. */
  async restart(generation: number): Promise<void> {
    const answer = await (await this.control()).ask('restart', 'restarted', { generation });
    if (answer['generation'] !== generation) throw this.#stuck(`restarted from ${String(answer['generation'])}`);
    this.incarnation += 1;
  }

  /** A checkpoint was to end the job: it has, and it is started again. */
  async startAgain(): Promise<void> {
    const code = await this.ended();
    if (code !== STOPPED) throw this.#stuck(`the unit ended with ${String(code)}`);
    this.incarnation += 1;
    this.start();
  }

  async versions(): Promise<number[]> {
    const answer = await (await this.control()).ask('versions', 'versions');
    return (answer['versions'] as { generation: number }[]).map(({ generation }) => generation);
  }

  pidOf(rank: number): number {
    return this.#told(rank).findLast(({ t }) => t === 'begins')!.pid;
  }

  get agentPid(): number {
    return this.journal().findLast((record) => record.t === 'agent')!.pid;
  }

  get unitPid(): number {
    return this.#unit!.pid!;
  }

  journal(): readonly JournalRecord[] {
    const path = join(this.#state, 'journal');
    return existsSync(path) ? readRecords(path) : [];
  }

  /**
   * Resolves when the job runs as if nothing had happened: no operation is under way, all processes of this life are there, and
   * each has received `messages` more from each other one.
   */
  async settled(messages = 200): Promise<void> {
    const pids = (status: Message): number[] =>
      (status['processes'] as { pid: number; state: string }[])
        .filter(({ state }) => state === 'running')
        .map(({ pid }) => pid);
    const end = performance.now() + PATIENCE * 1000;
    for (;;) {
      this.#look();
      const status = await this.#insist((controller) => controller.ask('status', 'status'));
      const all = pids(status).length === this.size && (status['processes'] as unknown[]).length === this.size;
      if (all && status['phase'] === 'idle' && status['incarnation'] === this.incarnation) break;
      if (performance.now() > end) throw this.#stuck(`the job does not come to rest: ${JSON.stringify(status)}`);
      await sleep(LOOK);
    }
    await this.eventually('the return of late callbacks', () =>
      this.#logs.every(({ told }) => {
        const calls = told.filter(({ t, pid }) => (t === 'call' || t === 'return') && nameProcess(pid));
        return calls.filter(({ t }) => t === 'call').length === calls.filter(({ t }) => t === 'return').length;
      }),
    );
    const before = this.#received();
    await this.eventually(`${String(messages)} more messages each way`, () =>
      this.#received().every((count, n) => count >= (before[n] ?? 0) + messages),
    );
    this.#check();
  }

  /** Whether the unit has ended; to be asked after something that may end it. */
  get isOver(): boolean {
    const unit = this.#unit!;
    return unit.exitCode !== null || unit.signalCode !== null;
  }

  /** How the last checkpoint ended, when it is decided. */
  get decided(): 'committed' | 'aborted' | undefined {
    const { last } = historyOf(this.journal());
    if (last?.reached === 'commit') return 'committed';
    return last?.reached === 'abort' ? 'aborted' : undefined;
  }

  /** The present life, as the journal has it. */
  get lives(): number {
    return historyOf(this.journal()).restart?.incarnation ?? 0;
  }

  /** Ends the exchange, within a checkpoint perhaps, and tells what each process has sent and received. */
  async finish(within: boolean): Promise<Lines[]> {
    writeFileSync(join(this.#options.directory, 'finish'), '');
    if (within) await this.request().catch(() => undefined); // all may have ended before
    const code = await this.ended();
    if (code !== 0) throw this.#stuck(`the job ended with ${String(code)}`);
    this.#check();
    return this.#logs.map((_, rank) => this.#told(rank).findLast(({ t }) => t === 'final')!.lines!);
  }

  outcomes(rank: number): string[] {
    return this.#told(rank).flatMap(({ outcome }) => outcome ?? []);
  }

  /** Ends whatever is left of it. */
  async kill(): Promise<void> {
    this.#controller?.hangUp();
    const unit = this.#unit;
    if (!unit) return;
    if (unit.exitCode === null && unit.signalCode === null) {
      process.kill(-unit.pid!, 'SIGKILL');
      await once(unit, 'exit');
    }
    const agent = this.journal().findLast((record) => record.t === 'agent');
    if (agent && isAlive(agent)) process.kill(agent.pid, 'SIGKILL');
  }

  /** SIGKILL of the unit and of all processes of the job: as a batch system does it. The agent is in no group of the job. */
  async killGroup(): Promise<void> {
    process.kill(-this.unitPid, 'SIGKILL');
    await this.ended();
  }

  /** Resolves as soon as it is so; fails when it takes too long, or the processes have found a flaw. */
  async eventually(what: string, condition: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE * 1000;
    for (;;) {
      this.#look();
      if (condition()) return;
      if (performance.now() > end) throw this.#stuck(`waited in vain for ${what}`);
      await sleep(LOOK);
    }
  }

  async #insist<T>(f: (controller: Controller) => Promise<T>): Promise<T> {
    const end = performance.now() + PATIENCE * 1000;
    for (;;) {
      try {
        this.#controller ??= await Controller.dial(socketPath(this.#state));
        return await f(this.#controller);
      } catch (error) {
        this.#controller?.hangUp();
        this.#controller = undefined;
        this.#look();
        if (this.isOver) throw this.#stuck(`the unit has ended: ${String(error)}`);
        if (performance.now() > end) throw this.#stuck(`no agent answers: ${String(error)}`);
        await sleep(LOOK);
      }
    }
  }

  #told(rank: number): Told[] {
    this.#look();
    return this.#logs[rank]!.told;
  }

  /** Reads what the processes have told since. */
  #look(): void {
    for (const [rank, log] of this.#logs.entries()) {
      const path = join(this.#options.directory, `rank-${String(rank)}.log`);
      if (!existsSync(path)) continue;
      const text = readFileSync(path);
      const lines = (log.rest + text.subarray(log.read).toString()).split('\n');
      log.read = text.length;
      log.rest = lines.pop()!;
      for (const line of lines) {
        const told = JSON.parse(line) as Told;
        if (told.t === 'violation') throw this.#stuck(`rank ${String(rank)}: ${line}`);
        log.told.push(told);
      }
    }
  }

  /** Received in this life of the job, by all processes from all others. */
  #received(): number[] {
    const links = this.#logs.flatMap((_, rank) =>
      rank === 0
        ? []
        : [
            { of: 0, from: rank },
            { of: rank, from: 0 },
          ],
    );
    return links.map(({ of, from }) => {
      const last = this.#told(of).findLast(({ t }) => t === 'at');
      if (!last?.far || last.incarnation !== this.incarnation) return 0;
      return last.far[from]?.received ?? 0;
    });
  }

  /** What must hold whenever the job is at rest. */
  #check(): void {
    const records = this.journal();
    const flaws = this.#logs.flatMap((_, rank) =>
      flawsInCalls(
        this.#told(rank).filter((line): line is Told & Call => line.t === 'call' || line.t === 'return'),
        records,
        (pid) => nameProcess(pid) !== undefined,
      ).map((flaw) => `rank ${String(rank)}: ${flaw}`),
    );
    flaws.push(...this.#flawsInVersions(records), ...this.#flawsInStore(records));
    if (flaws.length > 0) throw this.#stuck(flaws.join('\n'));
  }

  /** In each version what one process has consumed is a beginning of what the other one has sent. */
  #flawsInVersions(records: readonly JournalRecord[]): string[] {
    const { committed } = historyOf(records);
    const states = this.#logs.map(({ told }) => told.filter(({ t }) => t === 'state'));
    return [...committed.keys()].flatMap((op) => {
      const lines = states.map((told) => told.find((line) => line.op === op)?.lines);
      return lines.flatMap((own, rank) => {
        if (!own) return [`rank ${String(rank)} is not in version ${String(op)}`];
        return Object.entries(own).flatMap(([peer, { received, receivedDigest }]) => {
          const other = lines[Number(peer)]?.[rank];
          const sent = other?.sent ?? 0;
          const isPrefix = received < sent || (received === sent && receivedDigest === (other?.sentDigest ?? 0));
          return isPrefix
            ? []
            : [`version ${String(op)}: ${String(rank)} has received ${String(received)} of ${String(sent)}`];
        });
      });
    });
  }

  /** A version is there when it was committed, and only then; the newest is not removed. */
  #flawsInStore(records: readonly JournalRecord[]): string[] {
    const committed = [...historyOf(records).committed.keys()];
    const whole = readdirSync(this.#checkpoints)
      .filter((name) => existsSync(join(this.#checkpoints, name, 'manifest')))
      .map(Number);
    const newest = committed.at(-1);
    const flaws = whole.filter((op) => !committed.includes(op)).map((op) => `version ${String(op)} was not committed`);
    if (newest !== undefined && !whole.includes(newest)) flaws.push(`version ${String(newest)} is not there`);
    return flaws;
  }

  /** An error that tells all there is to know. */
  #stuck(what: string): Error {
    const read = (name: string, most: number): string => {
      const path = join(this.#options.directory, name);
      return existsSync(path)
        ? `--- ${name}\n${readFileSync(path, 'utf8').trimEnd().split('\n').slice(-most).join('\n')}`
        : '';
    };
    const logs = this.#logs.map((_, rank) => read(`rank-${String(rank)}.log`, 60));
    return new Error(
      [what, read('orders.json', 1), read('output', 30), read('state/journal', 120), ...logs].join('\n'),
    );
  }
}
