/** Callbacks on metrics, and how the invocations of one registration follow each other (GFD.90 section 3.9). */
import { AsyncLocalStorage } from 'node:async_hooks';

import type { Context } from './context.js';
import type { Metric } from './metric.js';
import type { Monitorable } from './monitorable.js';

/** What an application registers on a metric. */
export interface Callback {
  /**
   * Told about an event on a metric. A callback that throws or rejects stays registered, and the error goes nowhere.
   *
   * @param mt the object that has the metric.
   * @param metric the metric, with the value of this event.
   * @param ctx who caused the event; of type `Unknown` when nobody knows.
   * @returns (or resolves to) true to stay registered, false to be told no more.
   */
  cb(mt: Monitorable, metric: Metric, ctx: Context): boolean | Promise<boolean>;
}

/** A function serves as a callback too. */
export type CallbackLike = Callback | Callback['cb'];

/** The arguments of one invocation. */
export type CallbackEvent = Parameters<Callback['cb']>;

/** One run of a callback, and the one from within which it was caused. */
interface Invocation {
  readonly registration: Registration;
  readonly outer: Invocation | undefined;
  /** Resolves when the run has ended, never rejects. */
  readonly ended: Promise<void>;
}

/** Which invocation the running code belongs to, also after its awaits. */
const current = new AsyncLocalStorage<Invocation>();

/**
 * One callback on one metric. Its invocations never overlap: events that come during one are queued. The first starts
 * within `deliver`.
 */
export class Registration {
  readonly #queue: CallbackEvent[] = [];
  #running: Invocation | undefined;
  #removed = false;

  /** `onRefusal` is called when the callback asks to be removed. */
  constructor(
    readonly callback: CallbackLike,
    private readonly onRefusal: () => void,
  ) {}

  deliver(event: CallbackEvent): void {
    if (this.#removed) return;
    this.#queue.push(event);
    if (!this.#running) this.#next();
  }

  /** Takes the callback off: what is queued is dropped. A running invocation goes on. */
  remove(): void {
    this.#removed = true;
    this.#queue.length = 0;
  }

  /** Resolves when no invocation runs; at once for a callback that asks about itself, which would wait for ever. */
  async idle(): Promise<void> {
    for (let own = current.getStore(); own; own = own.outer) {
      if (own === this.#running) return;
    }
    await this.#running?.ended;
  }

  #next(): void {
    const event = this.#queue.shift();
    if (!event) return;
    let end!: () => void;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const invocation: Invocation = { registration: this, outer: current.getStore(), ended };
    this.#running = invocation;
    void current
      .run(invocation, () => this.#invoke(event))
      .then((keep) => {
        this.#running = undefined;
        end();
        if (!keep && !this.#removed) this.onRefusal();
        this.#next();
      });
  }

  /** Whether the callback stays. Never rejects. */
  async #invoke(event: CallbackEvent): Promise<boolean> {
    try {
      const { callback } = this;
      const answer: unknown = await (typeof callback === 'function' ? callback(...event) : callback.cb(...event));
      // Only true keeps: a callback of plain JavaScript that forgets to return answers undefined.
      return answer === true;
    } catch {
      return true;
    }
  }
}
