/**
 * The restart that the present life of a job began with: from its record in the journal until every participant of the version has
 * its state (docs/checkpoint-protocol.md, "The agent"). It ends once: all are restored, or the deadline passes and the restart has failed.
 */
import type { ParticipantError } from '../messages.js';
import type { FromUnit, RestartState } from './coordination.js';
import type { JobContext } from './job-context.js';
import { missingIn, newIn, withTaken } from './restart-state.js';

/** Participants that are named when a restart fails: some are enough to look for the reason. */
const MOST_NAMED = 10;

export class JobRestart {
  readonly #job: JobContext;
  readonly #errors: ParticipantError[] = [];
  #state: RestartState;
  #timer: NodeJS.Timeout | undefined;

  constructor(state: RestartState, job: JobContext) {
    this.#job = job;
    this.#state = state;
    if (state.restored) return;
    const seconds = job.deadlines.rebuild;
    this.#timer = setTimeout(() => {
      this.#fail(` did not rebuild within ${String(seconds)} s`);
    }, seconds * 1000);
  }

  get state(): RestartState {
    return this.#state;
  }

  /** Whether somebody has not rebuilt: until then there is no checkpoint. */
  get isRebuilding(): boolean {
    return !this.#state.restored;
  }

  /** Participants of a rank say that they have their state; they say it again when they do not know who has heard it. */
  taken({ rank, participants, errors }: Extract<FromUnit, { type: 'taken' }>): void {
    const names = newIn(this.#state, rank, participants);
    if (names.length === 0) return;
    // The processes tell it again when the next agent asks.
    this.#job.journal.note({ t: 'rebuilt', op: this.#state.op, rank, participants: names });
    this.#state = withTaken(this.#state, rank, names);
    this.#errors.push(...errors);
  }

  /** Tells everybody when nobody is missing any more. @returns whether it has. */
  finish(): boolean {
    if (!this.isRebuilding || missingIn(this.#state).length > 0) return false;
    const { op } = this.#state;
    this.close();
    this.#state = { ...this.#state, restored: true };
    // The next agent finds it out as we did.
    this.#job.journal.note({ t: 'restored', op });
    this.#job.links.tellAll({ type: 'restored', op });
    this.#job.watch({ event: 'restored', op, errors: this.#errors });
    return true;
  }

  /** Another one begins, or the service ends. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #fail(what: string): void {
    const why = `${missingIn(this.#state).slice(0, MOST_NAMED).join(', ')}${what}`;
    const reason = `the restart has failed: ${why}`;
    this.#job.watch({ event: 'restart failed', op: this.#state.op, reason: why });
    this.#job.links.tellAll({ type: 'end', reason });
    this.#job.queue.refuseAll(reason);
  }
}
