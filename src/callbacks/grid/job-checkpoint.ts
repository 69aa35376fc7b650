/**
 * One attempt at a checkpoint, as the job checkpointer makes it with all units (docs/checkpoint-state.md, "What an operation does"):
 *
 *     preparing -> saving -> committing -> resuming -> over
 *          \_________\___________________/    aborted
 *
 * What holds:
 * - it goes on to the next phase when every unit has answered in this one; a unit's answer counts once a phase;
 * - until `committing` anything that goes wrong aborts it, from then on nothing does: the manifest decides;
 * - it is decided once, and nobody is told so before the decision is on the disk (the commit), or needs not be (an abort);
 * - after the decision it ends whatever the units do: who is late or gone is not waited for.
 */
import { Deferred } from '../deferred.js';
import type { ParticipantError } from '../messages.js';
import type { ChannelDrain, CheckpointMode } from '../participant.js';
import type { Decision, FromJob, FromUnit } from './coordination.js';
import { flawInDrain } from './drain-proof.js';
import type { JobContext } from './job-context.js';
import type { PartSummary, RankPart } from './part.js';
import { flawInRanks } from './rank-parts.js';
import type { Request } from './request-queue.js';

/** Milliseconds beyond a deadline: the units have the same one, name who has missed it, and may be some way away. */
const GRACE = 4000;

type UnitAnswer = Extract<FromUnit, { type: 'prepared' | 'veto' | 'saved' | 'settled' }>;

/** What it is an attempt at. */
export interface CheckpointPlan {
  readonly op: number;
  readonly mode: CheckpointMode;
  readonly incarnation: number;
  /** The version that the processes have come from or made before, 0 for none. */
  readonly previous: number;
  /** Those that it serves. */
  readonly requests: readonly Request[];
}

/** Whose checkpoint it is. */
export interface CheckpointOwner {
  /** The version exists: told before anybody else is. */
  committed(checkpoint: JobCheckpoint): void;
  over(checkpoint: JobCheckpoint): void;
}

export class JobCheckpoint {
  readonly op: number;
  readonly mode: CheckpointMode;
  readonly #plan: CheckpointPlan;
  readonly #job: JobContext;
  readonly #owner: CheckpointOwner;
  readonly #requests: Request[];
  /** Milliseconds for the processes to stop. */
  readonly #deadline: number;
  #phase: 'preparing' | 'saving' | 'committing' | 'resuming' | 'over' = 'preparing';
  /** Units that have not answered in this phase. */
  readonly #waiting: Set<string>;
  readonly #channels: ChannelDrain[] = [];
  readonly #ranks: RankPart[] = [];
  readonly #parts: PartSummary[] = [];
  readonly #errors: ParticipantError[] = [];
  #decision: Decision | undefined;
  readonly #decided = new Deferred<void>();
  #timer: NodeJS.Timeout | undefined;

  constructor(plan: CheckpointPlan, job: JobContext, owner: CheckpointOwner) {
    this.op = plan.op;
    this.mode = plan.mode;
    this.#plan = plan;
    this.#job = job;
    this.#owner = owner;
    this.#requests = [...plan.requests];
    const longest = job.deadlines.stop * 1000;
    this.#deadline = Math.min(longest, ...plan.requests.map(({ deadline }) => deadline ?? longest));
    this.#waiting = new Set(job.units);
  }

  get phase(): 'preparing' | 'saving' | 'committing' | 'resuming' | 'over' {
    return this.#phase;
  }

  /** Undefined while it is open how it ends. */
  get decision(): Decision | undefined {
    return this.#decision;
  }

  begin(): void {
    const { op, mode } = this;
    this.#limit(this.#deadline, 'stop');
    for (const request of this.#requests) request.accepted(op);
    this.#job.watch({ event: 'prepare', op, mode });
    this.#job.links.tellAll(this.#order);
  }

  /** Takes one more request, if it serves it already or still can: nobody has saved while it is preparing. */
  serves(request: Request): boolean {
    const isServed = this.#requests.some(({ id }) => id === request.id);
    if (!isServed) {
      if (this.#phase !== 'preparing' || this.mode !== request.mode) return false;
      this.#requests.push(request);
    }
    request.accepted(this.op);
    return true;
  }

  /** The unit has connected only now. */
  joinedBy(unit: string): void {
    if (this.#phase === 'preparing') this.#job.links.tell(unit, this.#order);
  }

  /** The link to the unit has ended, and with it what was said on it. */
  lost(unit: string): void {
    if (this.#phase === 'preparing' || this.#phase === 'saving') this.abort(`the link to unit ${unit} broke`);
    else if (this.#phase === 'resuming' && this.#waiting.delete(unit)) this.#settleWhenAllHave();
  }

  /** What a unit says of this operation. */
  heard(unit: string, message: UnitAnswer): void {
    switch (message.type) {
      case 'veto':
        this.abort(message.reason, message.by);
        break;
      case 'prepared':
        if (!this.#isDue('preparing', unit)) return;
        this.#channels.push(...message.channels);
        this.#ranks.push(...message.ranks);
        if (this.#waiting.size === 0) this.#allPrepared();
        break;
      case 'saved':
        if (!this.#isDue('saving', unit)) return;
        this.#parts.push(message.part);
        if (this.#waiting.size === 0) void this.#commit();
        break;
      case 'settled':
        if (this.#phase !== 'resuming') return;
        this.#errors.push(...message.errors);
        this.#waiting.delete(unit);
        this.#settleWhenAllHave();
        break;
    }
  }

  /** Nothing comes of it. Ignored when it is too late for that. */
  abort(reason: string, by?: string): void {
    if (this.#phase === 'committing' || this.#decision) return;
    const { op, mode } = this;
    // What stands in no journal is aborted.
    this.#job.journal.note({ t: 'abort', op, reason });
    if (this.#phase === 'saving') void this.#job.store.discard(op).catch(() => undefined);
    this.#decide({ op, mode, result: 'aborted', reason, ...(by !== undefined && { by }) });
  }

  /** Ends it as soon as it is decided: its processes are to end, and nobody waits for them. */
  async cutShort(reason: string): Promise<void> {
    this.abort(reason);
    await this.#decided.promise;
    this.#settle();
  }

  /** Decides nothing: what is on the disk tells the next agent. */
  close(): void {
    clearTimeout(this.#timer);
  }

  get #order(): FromJob {
    return { type: 'prepare', op: this.op, mode: this.mode, deadline: this.#deadline };
  }

  /** Whether the unit's answer in this phase has been waited for: it comes neither too late nor twice. */
  #isDue(phase: 'preparing' | 'saving', unit: string): boolean {
    return this.#phase === phase && this.#waiting.delete(unit);
  }

  #allPrepared(): void {
    const flaw = this.#ranks.length === 0 ? 'no process takes part' : flawInRanks(this.#ranks);
    const reason = flaw ?? flawInDrain(this.#channels);
    if (reason === undefined) void this.#save();
    else this.abort(reason);
  }

  async #save(): Promise<void> {
    const { op } = this;
    const { journal, store, links, names, units, deadlines, watch } = this.#job;
    const deadline = deadlines.save * 1000;
    this.#phase = 'saving';
    for (const unit of units) this.#waiting.add(unit);
    this.#limit(deadline, 'save');
    try {
      const ranks = this.#ranks.map(({ rank }) => rank);
      const directory = await store.begin(op, ranks);
      if (this.#decision) {
        await store.discard(op);
        return;
      }
      journal.appendDurably({ t: 'save', op });
      names.forget();
      watch({ event: 'save', op });
      links.tellAll({ type: 'save', op, directory, deadline });
    } catch (error) {
      this.abort((error as Error).message);
    }
  }

  async #commit(): Promise<void> {
    const { op, mode } = this;
    const { incarnation, previous } = this.#plan;
    const { journal, store } = this.#job;
    this.#phase = 'committing';
    clearTimeout(this.#timer);
    let manifest: string;
    try {
      manifest = await store.commit(op, { incarnation, previous }, this.#parts);
    } catch (error) {
      await this.#uncommit((error as Error).message);
      return;
    }
    try {
      journal.appendDurably({ t: 'commit', op, manifest });
    } catch {
      // The manifest is there, and the next agent would find it: the outcome is what it is.
    }
    this.#owner.committed(this);
    this.#decide({ op, mode, result: 'committed' });
  }

  /** The manifest could not be written, or is perhaps not on the disk: no answer before it is certain that it is not there. */
  async #uncommit(reason: string): Promise<void> {
    try {
      await this.#job.store.discard(this.op);
      this.#phase = 'saving';
      this.abort(reason);
    } catch (error) {
      this.#job.fatal(error);
    }
  }

  #decide(decision: Decision): void {
    const { links, deadlines, watch } = this.#job;
    const deadline = deadlines.resume * 1000;
    this.#decision = decision;
    this.#phase = 'resuming';
    this.#waiting.clear();
    for (const unit of links.units) this.#waiting.add(unit);
    this.#limit(deadline, 'resume');
    links.tellAll({ type: 'decided', decision, deadline });
    watch({ event: 'decided', ...decision });
    for (const request of this.#requests) request.decided?.(decision);
    this.#decided.resolve();
    this.#settleWhenAllHave();
  }

  #settleWhenAllHave(): void {
    if (this.#waiting.size === 0) this.#settle();
  }

  #settle(): void {
    if (this.#phase === 'over') return;
    this.#phase = 'over';
    clearTimeout(this.#timer);
    const { op } = this;
    // Without it the next agent looks for processes that are not there any more, and finds that out.
    this.#job.journal.note({ t: 'settled', op });
    this.#job.watch({ event: 'settled', op, errors: this.#errors });
    this.#owner.over(this);
  }

  /** Bounds a phase, for a unit that is silent itself. */
  #limit(milliseconds: number, what: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const late = [...this.#waiting].map((unit) => `unit ${unit}`).join(', ');
      if (this.#phase === 'resuming') this.#settle();
      else this.abort(`${late} did not ${what} within ${String(milliseconds / 1000)} s`);
    }, milliseconds + GRACE);
  }
}
