/** One checkpoint as this process lives it: from `prepare` to the last `resumeCp` (docs/checkpoint-protocol.md, "The process"). */
import { setMaxListeners } from 'node:events';
import { promises as files } from 'node:fs';
import type { CriticalSections } from './critical-sections.js';
import { Deferred } from './deferred.js';
import { directoryOf } from './directory.js';
import { CheckpointVeto, messageOf } from './errors.js';
import { Limit } from './limit.js';
import type { Member } from './member.js';
import { byPriority } from './member.js';
import type { FromProcess, Outcome, ParticipantError, Prepare, RestartOffer, Save, Welcome } from './messages.js';
import { fromProcess } from './messages.js';
import type { CheckpointMode, DrainReport, Endpoints } from './participant.js';
import { Children } from './scope.js';

/** What an operation needs of its process. */
export interface Surroundings {
  readonly sections: CriticalSections;
  readonly endpoints: Endpoints;
  /** Is dropped when there is no connection: what matters is told again after the next `welcome`. */
  say(message: FromProcess): void;
  /** Says the last word on this connection and closes it. */
  leave(message: FromProcess): Promise<void>;
  /** The operation is over for this process. */
  over(op: number, errors: readonly ParticipantError[]): void;
}

/** How a checkpoint ends for those who had stopped; a restart is told to memory that was an image in between. */
export type Decision = { readonly outcome: Outcome } | { readonly restart: RestartOffer };

export class Checkpoint {
  readonly op: number;
  readonly generation: number;
  readonly mode: CheckpointMode;
  readonly #seconds: number;
  readonly #around: Surroundings;
  /** Those whose `stop` was called, or would have been if they had one. */
  readonly #stopped = new Set<Member>();
  readonly #broken = new AbortController();
  readonly #save = new Deferred<Save>();
  readonly #decision = new Deferred<Decision>();
  /** It is in doubt between `saved` and the outcome. */
  #phase: 'undecided' | 'saved' | 'decided' = 'undecided';

  constructor({ op, generation, mode, deadline_ms }: Prepare, around: Surroundings) {
    this.op = op;
    this.generation = generation;
    this.mode = mode;
    this.#seconds = deadline_ms / 1000;
    this.#around = around;
    setMaxListeners(0, this.#broken.signal);
  }

  get stopped(): ReadonlySet<Member> {
    return this.#stopped;
  }

  /** It has said `saved` and waits for the outcome. */
  get inDoubt(): boolean {
    return this.#phase === 'saved';
  }

  /** Stops and saves; resolves as soon as it is known how that ends. */
  async run(members: readonly Member[]): Promise<Decision> {
    try {
      await this.#stop(members);
      await this.#saveState(await this.#save.promise);
    } catch (error) {
      this.#veto('', error);
    }
    return this.#decision.promise;
  }

  /** The agent says `save`. */
  save(order: Save): void {
    this.#save.resolve(order);
  }

  /** Nothing comes of it: the agent says so, or can no longer be asked. Ignored when in doubt: then only a journal knows. */
  abort(reason: string, by?: string): void {
    if (this.#phase !== 'undecided') return;
    this.#phase = 'decided';
    const outcome: Outcome = {
      op: this.op,
      result: 'aborted',
      reason,
      ...(by !== undefined && { by }),
      deadline_ms: this.#seconds * 1000,
    };
    const error = new Error(`the checkpoint was aborted: ${reason}`);
    this.#broken.abort(error);
    this.#save.reject(error);
    this.#decision.resolve({ outcome });
  }

  /** Takes the answer to `saved`; false when this is none. */
  decide({ outcome, restart }: Welcome): boolean {
    if (restart) this.#decision.resolve({ restart });
    else if (outcome?.op === this.op) this.#decision.resolve({ outcome });
    else return false;
    this.#phase = 'decided';
    return true;
  }

  /** Calls `resumeCp` of those who had stopped, all of them whatever happens. */
  async resume({ result, reason, deadline_ms }: Outcome): Promise<void> {
    const errors: ParticipantError[] = [];
    await byPriority('low to high', [...this.#stopped].reverse(), async (member) => {
      try {
        await member.call('resumeCp', { seconds: deadline_ms / 1000 }, (call) =>
          member.participant.resumeCp?.(
            Object.assign(call, this.#numbers, this.#around.endpoints, { aborted: result === 'aborted', reason }),
          ),
        );
      } catch (error) {
        errors.push({ participant: member.name, message: messageOf(error) });
      }
      return true;
    });
    this.#around.over(this.op, errors);
  }

  get #numbers(): { op: number; generation: number } {
    return { op: this.op, generation: this.generation };
  }

  async #stop(members: readonly Member[]): Promise<void> {
    const limit = new Limit(this.#seconds);
    refuseUnfit(members);
    await this.#quiet(limit);
    await byPriority('high to low', members, (member) => this.#stopOne(member, limit));
    // A callback may have left a critical section running.
    await this.#quiet(limit);
    this.#around.say({
      type: 'prepared',
      op: this.op,
      participants: [...this.#stopped].map(({ name, rebuilds }) => ({ name, rebuild: rebuilds })),
    });
  }

  /** @returns whether the checkpoint goes on. */
  async #stopOne(member: Member, limit: Limit): Promise<boolean> {
    const { signal: broken } = this.#broken;
    if (broken.aborted || member.left) return !broken.aborted;
    member.bag = new Map();
    this.#stopped.add(member);
    const children = new Children((child) => this.#stopOne(child, limit));
    try {
      const report = await member.call('stop', { seconds: limit.remaining, broken, children }, (call) =>
        member.participant.stop?.(Object.assign(call, this.#numbers, { mode: this.mode })),
      );
      this.#around.say(stopped(this.op, member, report ?? undefined));
    } catch (error) {
      this.#veto(member.name, error);
    }
    await children.joined();
    return !broken.aborted;
  }

  async #saveState({ directory, deadline_ms }: Save): Promise<void> {
    const limit = new Limit(deadline_ms / 1000);
    await byPriority('high to low', this.#stopped, (member) => this.#saveOne(member, directory, limit));
    await this.#quiet(limit);
    this.#phase = 'saved';
    await this.#around.leave({ type: 'saved', op: this.op });
  }

  /** @returns whether the checkpoint goes on. */
  async #saveOne(member: Member, parent: string, limit: Limit): Promise<boolean> {
    const { signal: broken } = this.#broken;
    if (broken.aborted) return false;
    const directory = directoryOf(member.name, parent);
    try {
      await member.call('checkpoint', { seconds: limit.remaining, broken }, async (call) => {
        await files.mkdir(directory, { mode: 0o700 });
        await member.participant.checkpoint?.(Object.assign(call, this.#numbers, { mode: this.mode, directory }));
      });
    } catch (error) {
      this.#veto(member.name, error);
    }
    return !broken.aborted;
  }

  /** Waits for critical sections. @throws what broke the checkpoint meanwhile. */
  async #quiet(limit: Limit): Promise<void> {
    const { signal: broken } = this.#broken;
    const brokenOff = new Promise<void>((resolve) => {
      broken.addEventListener('abort', () => {
        resolve();
      });
    });
    if (!broken.aborted) {
      await limit.bound(
        Promise.race([this.#around.sections.quiet(), brokenOff]),
        'waiting for the end of a critical section',
      );
    }
    broken.throwIfAborted();
  }

  #veto(by: string, error: unknown): void {
    if (this.#phase !== 'undecided') return;
    const reason = messageOf(error);
    const retryAfter = CheckpointVeto.is(error) ? error.retryAfter : undefined;
    this.#around.say({
      type: 'veto',
      op: this.op,
      by,
      reason,
      ...(retryAfter !== undefined && { retry_after_ms: Math.round(retryAfter * 1000) }),
    });
    this.abort(reason, by === '' ? undefined : by);
  }
}

/** @throws Error when this process cannot take part as it is. */
function refuseUnfit(members: readonly Member[]): void {
  const busy = members.find(({ running }) => running !== undefined);
  if (busy?.running !== undefined) throw new Error(`${busy.running} has not returned since an earlier checkpoint`);
  const unready = members.find(({ rebuilds, ready }) => rebuilds && !ready);
  if (unready) {
    throw new Error(
      `no checkpointing.ready() after the registration of "${unready.name}": a restarted job could not give it its state. ` +
        'Register all participants, then `await checkpointing.ready()`',
    );
  }
}

/** @throws Error when the report is none: the agent would hang up on it, and nobody would know why. */
function stopped(op: number, { name }: Member, report: DrainReport | undefined): FromProcess {
  const message: FromProcess = {
    type: 'stopped',
    op,
    participant: name,
    ...(report && { channels: report.channels }),
  };
  fromProcess(message);
  return message;
}
