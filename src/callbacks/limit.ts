/** Deadlines and how they are told. The clock is the monotonic one: it stands still while a process is an image on a disk. */
import { Deferred } from './deferred.js';

/** Milliseconds: setTimeout takes no more, and would call at once. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/** Seconds that count from its making. */
export class Limit {
  /** For messages: to the millisecond. */
  readonly #allowed: number;
  readonly #end: number;

  constructor(seconds: number) {
    this.#allowed = Math.round(seconds * 1000) / 1000;
    this.#end = performance.now() + seconds * 1000;
  }

  /** Seconds; 0 when it is over. */
  get remaining(): number {
    return Math.max(0, this.#end - performance.now()) / 1000;
  }

  /** What the work gives, unless it comes too late; the process lives until then. */
  async bound<T>(work: Promise<T>, what: string, onLate?: (error: Error) => void): Promise<T> {
    const late = new Deferred<never>();
    const timer = setTimeout(
      () => {
        const error = new Error(`${what} has missed its deadline of ${this.#allowed} s`);
        onLate?.(error);
        late.reject(error);
      },
      Math.min(this.remaining * 1000, LONGEST_TIMER),
    );
    try {
      return await Promise.race([work, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** An abort signal that is made when somebody asks for it: most callbacks do not, and a thousand signals take their time. */
export class Alarm {
  readonly #outer: AbortSignal | undefined;
  readonly #onOuter = (): void => {
    this.abort(this.#outer?.reason);
  };
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  /** @param outer sets the alarm off, too, until it is forgotten. */
  constructor(outer: AbortSignal | undefined) {
    this.#outer = outer;
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    this.#controller = new AbortController();
    if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    else if (this.#outer?.aborted === true) this.#onOuter();
    else this.#outer?.addEventListener('abort', this.#onOuter);
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
  }

  /** The callback has returned: no listener of it stays. */
  forget(): void {
    this.#outer?.removeEventListener('abort', this.#onOuter);
  }
}
