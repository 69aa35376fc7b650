/** Who wants to know how far a copy is, and may end it. */
import { type CallOptions, throwIfAborted } from '../../saga/core/call-options.js';

export class Watch {
  readonly #options: CallOptions;
  #done = 0;
  #what = '';

  constructor(options: CallOptions) {
    this.#options = options;
  }

  /** @param what - The file that is copied from now on. */
  begin(what: string): void {
    this.#what = what;
  }

  /** @throws NoSuccess, Timeout when the caller has aborted. */
  count(bytes: number): void {
    this.check();
    this.#done += bytes;
    this.#options.onProgress?.({ done: this.#done, total: undefined, what: this.#what });
  }

  /** As `count`. */
  check(): void {
    throwIfAborted(this.#options);
  }
}
