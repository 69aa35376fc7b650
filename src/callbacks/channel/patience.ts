/** How long the other end may be away. */
import { LONGEST_TIMER } from '../limit.js';

export class Patience {
  readonly #seconds: number;
  readonly #lost: () => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param seconds -1 is for ever. */
  constructor(seconds: number, lost: () => void) {
    this.#seconds = seconds;
    this.#lost = lost;
  }

  /** From now on, if it does not run already. */
  start(): void {
    if (this.#timer || this.#seconds < 0) return;
    // Longer than a timer can be is as good as for ever.
    if (this.#seconds * 1000 <= LONGEST_TIMER) this.#timer = setTimeout(this.#lost, this.#seconds * 1000);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
