/** Checkpoints that this process has asked for and whose outcome it does not know yet. */
import { Deferred } from './deferred.js';
import type { FromProcess } from './messages.js';
import type { CheckpointMode } from './participant.js';

/** How a checkpoint has ended: this process goes on, it was restarted from it, or there is none. */
export type CheckpointOutcome = 'continued' | 'restarted' | 'aborted';

interface Asked {
  readonly message: FromProcess;
  readonly outcome: Deferred<CheckpointOutcome>;
  /** That serves it. */
  op?: number;
}

export class Requests {
  readonly #asked = new Map<number, Asked>();
  readonly #say: (message: FromProcess) => void;

  constructor(say: (message: FromProcess) => void) {
    this.#say = say;
  }

  async ask(id: number, mode: CheckpointMode, seconds?: number): Promise<CheckpointOutcome> {
    const message: FromProcess = {
      type: 'request',
      id,
      mode,
      ...(seconds !== undefined && { deadline_ms: Math.round(seconds * 1000) }),
    };
    const outcome = new Deferred<CheckpointOutcome>();
    this.#asked.set(id, { message, outcome });
    this.#say(message);
    return outcome.promise;
  }

  accepted(id: number, op: number): void {
    const asked = this.#asked.get(id);
    if (asked) asked.op = op;
  }

  refused(id: number, reason: string): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    asked?.outcome.reject(new Error(`the checkpointer makes no checkpoint now: ${reason}`));
  }

  /** Tells those whom the operation served. */
  settle(op: number, outcome: CheckpointOutcome): void {
    for (const [id, asked] of this.#asked) {
      if (asked.op !== op) continue;
      this.#asked.delete(id);
      asked.outcome.resolve(outcome);
    }
  }

  /** Whether somebody waits for the outcome of the operation. */
  wait(op: number): boolean {
    return [...this.#asked.values()].some((asked) => asked.op === op);
  }

  /** Asks again where no operation of this process will answer. */
  askAgain(running: number | undefined): void {
    for (const asked of this.#asked.values()) {
      if (asked.op !== undefined && asked.op === running) continue;
      delete asked.op;
      this.#say(asked.message);
    }
  }
}
