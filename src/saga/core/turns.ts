/** Long synchronous work in turns of the event loop: the program has more to do. */
import { setImmediate as nextTurn } from 'node:timers/promises';

export class Turns {
  readonly #longest: number;
  #began: number = performance.now();

  /** @param longest - Milliseconds of one turn. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Whether it is time for `next`: asked after each piece of the work. */
  get isOver(): boolean {
    return performance.now() - this.#began >= this.#longest;
  }

  /** Lets everybody else have a turn. */
  async next(): Promise<void> {
    await nextTurn();
    this.#began = performance.now();
  }
}
