import type { Awaitable, CheckpointParticipant } from '../participant.js';
import { beforeDeadline } from './before-deadline.js';
import { Changes } from './changes.js';
import { registrarOf } from './names.js';
import type { Registrar } from './names.js';

export interface OpenRequestsOptions {
  /** Of the participant. Default `open requests`. */
  readonly name?: string;
  /** As of a {@link CheckpointParticipant}. Default 1000: intake stops before everything else. */
  readonly priority?: number;
  /** As of a {@link CheckpointParticipant}. */
  readonly deadline?: number;
  /** What becomes of requests that come while a checkpoint is made: they `wait`, or are refused by `throw`. Default `wait`. */
  readonly meanwhile?: 'wait' | 'throw';
  /** Where it registers itself. Default `checkpointing`; false for nowhere. */
  readonly checkpointing?: Registrar | false;
}

/**
 * Counts requests that are being answered, to peers that take part in no checkpoint: users, services, databases. A
 * checkpoint waits until none is open, and none is begun until it is over.
 */
export class OpenRequests implements AsyncDisposable {
  readonly #changes = new Changes();
  readonly #meanwhile: 'wait' | 'throw';
  readonly #registration: { unregister(): Promise<void> } | undefined;
  #open = 0;
  #taking = true;

  constructor(options: OpenRequestsOptions = {}) {
    const { name = 'open requests', priority = 1000, deadline, meanwhile = 'wait' } = options;
    this.#meanwhile = meanwhile;
    this.#registration = registrarOf(options.checkpointing)?.register({
      name,
      priority,
      ...(deadline !== undefined && { deadline }),
      ...this.#callbacks(),
    });
  }

  /** How many requests are open. */
  get open(): number {
    return this.#open;
  }

  /** Whether new requests are begun: not from the stop to the end of a checkpoint. */
  get taking(): boolean {
    return this.#taking;
  }

  /**
   * Answers one request, as soon as that may be begun.
   * @throws Error while a checkpoint is made, when that was asked for; and what `answer` throws.
   */
  async run<T>(answer: () => Awaitable<T>): Promise<T> {
    if (!this.#taking && this.#meanwhile === 'throw') throw new Error('a checkpoint is being made: try again soon');
    while (!this.#taking) await this.#changes.until(() => this.#taking);
    this.#open += 1;
    try {
      return await answer();
    } finally {
      this.#open -= 1;
      this.#changes.happened();
    }
  }

  /** Begins no new requests, and resolves when none is open. @throws Error when the signal is aborted before. */
  async stop(signal?: AbortSignal): Promise<void> {
    this.#taking = false;
    const late = (): Error => new Error(`${this.#open} ${this.#open === 1 ? 'request is' : 'requests are'} open`);
    await this.#changes.until(() => this.#open === 0, { signal, late });
  }

  /** Begins requests again. */
  resume(): void {
    this.#taking = true;
    this.#changes.happened();
  }

  /** Takes part in no further checkpoint. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registration?.unregister();
  }

  #callbacks(): Omit<CheckpointParticipant, 'name'> {
    return {
      stop: async (context) => {
        await beforeDeadline(context, (signal) => this.stop(signal));
      },
      resumeCp: () => {
        this.resume();
      },
      // A process restored from an image has memory in which it has stopped.
      resumeRst: () => {
        this.resume();
      },
    };
  }
}
