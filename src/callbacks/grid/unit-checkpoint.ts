/**
 * One attempt at a checkpoint, as the processes of a unit take part in it (docs/checkpoint-protocol.md, "The agent"):
 *
 *     waiting -> preparing -> prepared -> saving -> syncing -> saved -> resuming -> over
 *
 * What holds:
 * - it decides nothing: what goes wrong here is a veto, and the decision, which may come in every phase, leads to `resuming`;
 * - until `saved` is told nobody can commit, so that a unit that has lost its link may abort by itself; after it, it must ask;
 * - each process in it is told `prepare` once and the outcome once: `abort` if it has not saved, else in the answer to its `hello`;
 * - it is over when every process in it goes on, has died, or is late; then `settled` is told, once.
 */
import type { FromProcess, ParticipantError } from '../messages.js';
import type { ChannelDrain, CheckpointMode } from '../participant.js';
import type { Decision, FromJob, FromUnit } from './coordination.js';
import type { Members } from './members.js';
import { rankDirectory, writePart } from './part.js';
import type { ProcessMember } from './process-member.js';
import { ranksOf } from './rank-parts.js';

/** Milliseconds that a message may take: who is told a deadline may answer at its very end. */
const ON_THE_WAY = 1000;
/** Characters of a reason: it goes to every process, and into the journal. */
const LONGEST_REASON = 4096;

type ProcessAnswer = Extract<FromProcess, { type: 'stopped' | 'prepared' | 'saved' | 'veto' }>;
type Phase = 'waiting' | 'preparing' | 'prepared' | 'saving' | 'syncing' | 'saved' | 'resuming' | 'over';

/** What it takes part with. */
export interface UnitContext {
  /** The name of the unit. */
  readonly unit: string;
  readonly members: Members;
  /** Tells the job checkpointer; without a link nobody hears it. */
  readonly tell: (message: FromUnit) => void;
}

export class UnitCheckpoint {
  readonly op: number;
  readonly mode: CheckpointMode;
  readonly #unit: UnitContext;
  /** Those that were told to prepare; empty before all are ready. */
  readonly #members = new Set<ProcessMember>();
  readonly #channels: ChannelDrain[] = [];
  readonly #errors: ParticipantError[] = [];
  #phase: Phase;
  /** Of the version being written. */
  #directory = '';
  /** Until when the processes must have stopped, by `performance.now()`. */
  #deadline = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor({ op, mode }: Pick<Decision, 'op' | 'mode'>, unit: UnitContext, phase: Phase) {
    this.op = op;
    this.mode = mode;
    this.#unit = unit;
    this.#phase = phase;
  }

  /** One that begins; {@link proceed} tells the processes as soon as all are ready. */
  static begin(order: Extract<FromJob, { type: 'prepare' }>, unit: UnitContext): UnitCheckpoint {
    const checkpoint = new UnitCheckpoint(order, unit, 'waiting');
    checkpoint.#deadline = performance.now() + order.deadline;
    checkpoint.#limit(order.deadline, () => {
      const missing = checkpoint.#phase === 'waiting' ? unit.members.unready : undefined;
      const who = missing ?? checkpoint.#late('prepared', 'stop');
      checkpoint.veto(`${who} within ${String(order.deadline / 1000)} s`);
    });
    return checkpoint;
  }

  /** One that an agent before this one has begun, and whose processes come back now. */
  static ending(decision: Decision, unit: UnitContext): UnitCheckpoint {
    return new UnitCheckpoint(decision, unit, 'resuming');
  }

  get isOver(): boolean {
    return this.#phase === 'over';
  }

  /** Whether nobody can have committed it, so that the processes may be told that it is aborted. */
  get canAbortAlone(): boolean {
    return !['saved', 'resuming', 'over'].includes(this.#phase);
  }

  /** Goes on as far as the states of its processes allow: all ready, all stopped, all resumed. */
  proceed(): void {
    const { members } = this.#unit;
    if (this.#phase === 'waiting' && members.unready === undefined) {
      this.#phase = 'preparing';
      for (const member of members) this.#prepare(member);
    }
    if (this.#phase === 'preparing') {
      // One that came meanwhile has had a share in what the others did.
      for (const member of members) {
        if (member.state === 'running' && !this.#members.has(member)) this.#prepare(member);
      }
      if ([...this.#members].every(({ state }) => state === 'prepared')) this.#prepared();
    }
    this.#settle();
  }

  /** What a process in it says; what it says too late is of no matter. */
  heard(member: ProcessMember, message: ProcessAnswer): void {
    if (!this.#members.has(member)) return;
    switch (message.type) {
      case 'stopped':
        if (member.state === 'stopping') this.#channels.push(...(message.channels ?? []));
        break;
      case 'prepared':
        if (member.state !== 'stopping') return;
        member.participants = message.participants;
        member.state = 'prepared';
        this.proceed();
        break;
      case 'saved':
        if (member.state !== 'saving') return;
        member.state = 'saved';
        this.syncWhenAllHaveSaved();
        break;
      case 'veto': {
        if (!member.canAbort) return;
        member.state = 'resuming';
        const { by, reason } = message;
        this.veto(`${String(member)}: ${by === '' ? '' : `"${by}" vetoed: `}${reason}`, by);
        break;
      }
    }
  }

  /** Tells the job checkpointer what is wrong. */
  veto(reason: string, by = ''): void {
    if (this.isOver) return;
    this.#unit.tell({ type: 'veto', op: this.op, reason: reason.slice(0, LONGEST_REASON), by });
  }

  /** The job checkpointer says `save`. */
  save({ op, directory, deadline }: Extract<FromJob, { type: 'save' }>): void {
    if (this.#phase !== 'prepared') return;
    this.#phase = 'saving';
    this.#limit(deadline, () => {
      this.veto(`${this.#late('saved', 'save')} within ${String(deadline / 1000)} s`);
    });
    this.#directory = directory;
    for (const member of this.#members) {
      member.state = 'saving';
      member.send({ type: 'save', op, directory: rankDirectory(directory, member.rank), deadline_ms: deadline });
    }
    this.syncWhenAllHaveSaved();
  }

  /** To be called when one has saved, by whatever way that was found out. */
  syncWhenAllHaveSaved(): void {
    if (this.#phase !== 'saving' || [...this.#members].some(({ state }) => state !== 'saved')) return;
    this.#phase = 'syncing';
    clearTimeout(this.#timer);
    void this.#sync();
  }

  /** The job checkpointer has decided. Those that are in doubt are told when they ask. */
  decide(decision: Decision, deadline: number): void {
    if (this.#phase === 'resuming' || this.isOver) return;
    this.#phase = 'resuming';
    const { op, reason = '', by } = decision;
    for (const member of this.#members) {
      if (!member.canAbort) continue;
      member.state = 'resuming';
      member.send({ type: 'abort', op, reason, ...(by !== undefined && { by }) });
    }
    this.#limit(deadline, () => {
      this.#giveUp();
    });
  }

  /** A process has come back to be told the outcome: its end is waited for, whoever has told it to prepare. */
  include(member: ProcessMember): void {
    this.#members.add(member);
  }

  /** A process goes on. */
  resumed(member: ProcessMember, errors: readonly ParticipantError[]): void {
    if (member.op === this.op) this.#errors.push(...errors);
  }

  /** Nobody wants to know any more how it ends: the job checkpointer has gone on without this unit, or restarts the job. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#phase = 'over';
  }

  #prepare(member: ProcessMember): void {
    const { op, mode } = this;
    this.#members.add(member);
    member.op = op;
    member.state = 'stopping';
    const left = Math.max(1, Math.round(this.#deadline - performance.now()));
    member.send({ type: 'prepare', op, mode, generation: op, deadline_ms: left });
  }

  #prepared(): void {
    this.#phase = 'prepared';
    clearTimeout(this.#timer);
    this.#unit.tell({ type: 'prepared', op: this.op, channels: this.#channels, ranks: ranksOf(this.#members) });
  }

  async #sync(): Promise<void> {
    try {
      const part = await writePart(this.#directory, this.#unit.unit, ranksOf(this.#members));
      // It may have been decided meanwhile, by an abort.
      if (this.#phase !== 'syncing') return;
      this.#phase = 'saved';
      this.#unit.tell({ type: 'saved', op: this.op, part });
    } catch (error) {
      this.veto((error as Error).message);
    }
  }

  #settle(): void {
    const isDone = (member: ProcessMember): boolean => member.state === 'running' || !this.#unit.members.has(member);
    if (this.#phase === 'resuming' && [...this.#members].every(isDone)) this.#finish();
  }

  /** Who is late may take part in the next one, or veto it; who is in doubt is waited for by the next one. */
  #giveUp(): void {
    for (const member of this.#members) {
      if (member.state !== 'resuming') continue;
      this.#errors.push({ participant: '', message: `${String(member)} did not resume in time` });
      if (member.connection) member.state = 'running';
    }
    this.#finish();
  }

  #finish(): void {
    this.drop();
    this.#unit.tell({ type: 'settled', op: this.op, errors: this.#errors });
  }

  #late(state: ProcessMember['state'], what: string): string {
    const late = [...this.#members].filter((member) => member.state !== state);
    return `${late.map(String).join('; ')} did not ${what}`;
  }

  #limit(milliseconds: number, late: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(late, milliseconds + ON_THE_WAY);
  }
}
