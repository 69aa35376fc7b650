/**
 * The unit: how a checkpointable job is started on every backend (docs/checkpoint-state.md, "The unit").
 *
 * For the backend it is the job's command. It keeps an agent beside the job's processes, starts them, and ends as they do;
 * when they fail it starts them again from the last checkpoint, as often as it may.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { NoSuccess } from '../../saga/core/exceptions.js';
import { AgentProcess } from './agent-process.js';
import { writeConfig, type ConfigFile } from './config.js';
import { ControlClient } from './control-client.js';
import type { Restarted } from './job-event.js';
import type { JournalRecord } from './journal-records.js';
import { readRecords } from './journal.js';
import { isAlive, nameProcess } from './process-name.js';
import { Ranks, type RanksEnd } from './ranks.js';

/** What a unit is to do. It travels in the command line: nothing in it is secret. */
export interface UnitPlan {
  /** Of the agent, but for its keeper, which is the unit. */
  readonly config: Omit<ConfigFile, 'keeper' | 'processes'>;
  /** How many processes this unit starts, from rank `firstRank` on; of `size` in all units. Defaults: 1, 0, as many. */
  readonly processes?: number;
  readonly firstRank?: number;
  readonly size?: number;
  /** Restarts after failures; default 0. */
  readonly restarts?: number;
  /** Seconds from one checkpoint to the next; default: when somebody asks. */
  readonly interval?: number;
  /** The version that the job begins from; default: the newest of a job that has run before, else the beginning. */
  readonly from?: number;
}

/** How the job was ended by a checkpoint, as the shell's users know "temporary failure; try again" (sysexits.h). */
export const STOPPED = 75;

/** Milliseconds between attempts to reach an agent that is being started again. */
const REDIAL = 50;
/** Agents that may die over one question: more do not die by accident. */
const MOST_AGENTS = 20;

export class Unit {
  readonly #plan: UnitPlan;
  readonly #agent: AgentProcess;
  readonly #ranks: Ranks;
  readonly #directory: string;
  #control: Promise<ControlClient> | undefined;
  #restartsLeft: number;
  #canceled: NodeJS.Signals | undefined;
  /** Of the processes that run. */
  #incarnation = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param directory - The state directory of the agent.
   * @param agent - The command that starts the agent of a state directory, which is added to it.
   */
  constructor(directory: string, plan: UnitPlan, command: readonly string[], agent: readonly string[]) {
    this.#directory = directory;
    this.#plan = plan;
    this.#restartsLeft = plan.restarts ?? 0;
    this.#agent = new AgentProcess([...agent, directory]);
    const { processes = 1, firstRank = 0, size = processes } = plan;
    this.#ranks = new Ranks(command, { processes, firstRank, size });
  }

  /**
   * Runs the job to its end. @returns how it ended.
   * @throws what keeps the agent from being started, or the job from being restarted from the version that was asked for.
   */
  async run(): Promise<RanksEnd> {
    const { config, processes = 1 } = this.#plan;
    await this.#withoutPredecessor();
    const hasRun = this.#journal().some(({ t }) => t === 'join');
    const keeper = nameProcess(process.pid);
    await writeConfig(this.#directory, { ...config, processes, ...(keeper && { keeper }) });
    this.#agent.onReady = (socket) => {
      this.#control = this.#connect(socket);
      this.#control.catch(() => undefined);
    };
    const socket = await this.#agent.start();
    try {
      if (this.#decides) await this.#beginWhereItWas(hasRun);
      this.#scheduleNext();
      for (;;) {
        // Before there was a process that could have had the signal.
        if (this.#canceled) return { signal: this.#canceled };
        const incarnation = incarnationIn(this.#journal());
        this.#incarnation = incarnation;
        const end = await this.#ranks.run({ XOSAGA_CKPT_SOCKET: socket });
        const records = this.#journal();
        if (this.#isCanceled()) return end;
        if (incarnationIn(records) > incarnation) continue; // somebody has rolled the job back
        if (wasStopped(records)) return { code: STOPPED };
        if (end.code === 0 || !(await this.#restart())) return end;
      }
    } finally {
      clearTimeout(this.#timer);
      (await this.#control?.catch(() => undefined))?.close();
      await this.#agent.end();
    }
  }

  /** Somebody wants the job to end: the processes get the signal, and are not started again. */
  cancel(signal: NodeJS.Signals): void {
    this.#canceled ??= signal;
    this.#ranks.terminate(signal);
  }

  #isCanceled(): boolean {
    return this.#canceled !== undefined;
  }

  /** Whether the job checkpointer is in the agent of this unit. */
  get #decides(): boolean {
    return this.#plan.config.coordinator === undefined;
  }

  /** A job that is submitted from a version, or that the backend has started again (a requeue), goes on from there. */
  async #beginWhereItWas(hasRun: boolean): Promise<void> {
    const { from } = this.#plan;
    if (hasRun) await this.#beginAgain();
    else if (from !== undefined) await this.#beginAgain(from);
  }

  /** The agent of a unit that was killed is there until it notices that. */
  async #withoutPredecessor(): Promise<void> {
    const before = this.#journal().findLast((record) => record.t === 'agent');
    for (let patience = 200; before && patience > 0 && isAlive(before); patience--) await sleep(REDIAL);
  }

  #journal(): readonly JournalRecord[] {
    const path = join(this.#directory, 'journal');
    return existsSync(path) ? readRecords(path) : [];
  }

  /** @returns whether the processes may be started again. */
  async #restart(): Promise<boolean> {
    if (!this.#decides || this.#restartsLeft === 0) return false;
    try {
      const versions = await this.#ask((control) => control.versions());
      if (versions.length === 0) return false;
      this.#restartsLeft -= 1;
      const { generation, incarnation } = await this.#beginAgain();
      say(`the job failed; restart ${String(incarnation)} from checkpoint ${String(generation)}`);
      return !this.#isCanceled();
    } catch (error) {
      // The job has ended in its own way, which says more than ours would.
      say(`the job failed, and cannot be restarted: ${(error as Error).message}`);
      return false;
    }
  }

  /** Begins a new incarnation, and only one, whatever becomes of the agent meanwhile. */
  #beginAgain(from?: number): Promise<Pick<Restarted, 'incarnation' | 'generation'>> {
    const before = incarnationIn(this.#journal());
    return this.#ask((control) => {
      const last = this.#journal().findLast((record) => record.t === 'restart');
      if (last === undefined || last.incarnation <= before) return control.restart(from);
      // An agent has begun it, and could not say so any more.
      return Promise.resolve({ incarnation: last.incarnation, generation: last.from });
    });
  }

  /** Asks the agent, and the next one when it dies over the question. @throws what it answers. */
  async #ask<T>(question: (control: ControlClient) => Promise<T>): Promise<T> {
    for (let left = MOST_AGENTS; ; left--) {
      const control = await this.#reach();
      try {
        return await question(control);
      } catch (error) {
        if (control.isOpen || left === 0) throw error;
      }
    }
  }

  async #connect(socket: string): Promise<ControlClient> {
    const control = await ControlClient.connect(socket);
    control.onEvent = (event) => {
      if (event.event === 'decided') this.#scheduleNext();
      // Those that take part are told to end by the agent; the others would go on in the old life of the job.
      if (event.event === 'restart' && event.incarnation > this.#incarnation) this.#ranks.kill();
    };
    await control.watch();
    // What an agent has begun that was killed before it could tell.
    if (incarnationIn(this.#journal()) > this.#incarnation) this.#ranks.kill();
    return control;
  }

  /** The agent may be dead, and about to be started again. */
  async #reach(): Promise<ControlClient> {
    for (let patience = 600; patience > 0; patience--) {
      const control = await this.#control?.catch(() => undefined);
      if (control?.isOpen) return control;
      await sleep(REDIAL);
    }
    throw new NoSuccess('the checkpointing agent cannot be started again');
  }

  /** Checkpoints that the system asks for. One that fails is asked for again after the next interval. */
  #scheduleNext(): void {
    const { interval } = this.#plan;
    if (interval === undefined || !this.#decides) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#reach()
        .then((control) => control.request('continue'))
        .catch(() => undefined)
        .finally(() => {
          this.#scheduleNext();
        });
    }, interval * 1000).unref();
  }
}

/** The present life of the job, from its journal. */
function incarnationIn(records: readonly JournalRecord[]): number {
  const last = records.findLast((record) => record.t === 'restart');
  return last?.incarnation ?? 0;
}

/** In the errors of the job. */
function say(line: string): void {
  process.stderr.write(`xosaga: ${line}\n`);
}

/** Whether the last thing that happened was a checkpoint after which the processes were to end: they are told when it is recorded. */
function wasStopped(records: readonly JournalRecord[]): boolean {
  const last = records.findLast((record) => record.t === 'prepare' || record.t === 'restart');
  if (last?.t !== 'prepare' || last.mode !== 'stop') return false;
  return records.some((record) => record.t === 'commit' && record.op === last.op);
}
