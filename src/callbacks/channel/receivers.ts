/** Those who wait for the next message, in the order in which they came. */
import type { Received } from './direction.js';

interface Receiver {
  resolve(message: Received | undefined): void;
  reject(error: Error): void;
}

export class Receivers {
  #queue: Receiver[] = [];

  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  /** Resolves when it is served, with undefined when nothing follows. */
  add(signal: AbortSignal | undefined): Promise<Received | undefined> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#queue = this.#queue.filter((other) => other !== receiver);
        reject(signal?.reason as Error);
      };
      const served = (): void => {
        signal?.removeEventListener('abort', abort);
      };
      const receiver: Receiver = {
        resolve: (message) => {
          served();
          resolve(message);
        },
        reject: (error) => {
          served();
          reject(error);
        },
      };
      this.#queue.push(receiver);
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted === true) abort();
    });
  }

  serve(message: Received | undefined): void {
    this.#queue.shift()?.resolve(message);
  }

  fail(error: Error): void {
    this.#queue.shift()?.reject(error);
  }
}
