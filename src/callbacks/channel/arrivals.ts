/** Ends that came up by themselves, and those who wait for one; the one or the other is empty. */
import type { ChannelEnd } from './channel-end.js';

export class Arrivals {
  readonly #ends: ChannelEnd[] = [];
  readonly #takers: ((end: ChannelEnd | undefined) => void)[] = [];
  #closed = false;

  announce(end: ChannelEnd): void {
    const taker = this.#takers.shift();
    if (taker) taker(end);
    else this.#ends.push(end);
  }

  /** The next one; undefined when it is closed and none is left. */
  next(): Promise<ChannelEnd | undefined> {
    const end = this.#ends.shift();
    if (end || this.#closed) return Promise.resolve(end);
    return new Promise((resolve) => {
      this.#takers.push(resolve);
    });
  }

  close(): void {
    this.#closed = true;
    for (const taker of this.#takers.splice(0)) taker(undefined);
  }
}
