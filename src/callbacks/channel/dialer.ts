/** How the client's end of a channel gets its connections: again and again, for as long as one is wanted. */
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import type { Conversation } from './conversation.js';
import { join } from './handshake.js';
import type { Secret } from './handshake.js';
import { Link } from './link.js';
import { Refusal } from './refusal.js';

/** Milliseconds before the second attempt; each one after it waits twice as long, up to the last. */
const FIRST_WAIT = 2;
const LONGEST_WAIT = 500;

export class Dialer {
  readonly #conversation: Conversation;
  readonly #names: { server: string; client: string };
  readonly #secret: Secret;
  readonly #connect: (signal: AbortSignal) => Promise<Duplex>;
  #run: AbortController | undefined;
  #attempt: Promise<void> | undefined;
  /** Ends the wait before the next attempt. */
  #wake: (() => void) | undefined;

  constructor(
    conversation: Conversation,
    names: { server: string; client: string },
    secret: Secret,
    connect: (signal: AbortSignal) => Promise<Duplex>,
  ) {
    this.#conversation = conversation;
    this.#names = names;
    this.#secret = secret;
    this.#connect = connect;
    conversation.onChange = () => this.#wake?.();
  }

  /** The attempt that is under way; resolves when it has succeeded or failed. */
  get attempt(): Promise<void> {
    return this.#attempt ?? Promise.resolve();
  }

  /** Sees to it that there is a connection while one is wanted. */
  start(): void {
    if (this.#run) return;
    this.#run = new AbortController();
    void this.#keepConnected(this.#run.signal);
  }

  /** No attempt is made from now on; resolves when the last one is over. */
  async stop(): Promise<void> {
    this.#run?.abort();
    this.#run = undefined;
    this.#wake?.();
    await this.attempt;
  }

  async #keepConnected(signal: AbortSignal): Promise<void> {
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      const { connected, wantsLink } = this.#conversation;
      if (connected || !wantsLink) {
        wait = FIRST_WAIT;
        await this.#change();
        continue;
      }
      this.#attempt = this.#dial(signal);
      await this.#attempt;
      this.#attempt = undefined;
      if (this.#conversation.connected) continue;
      // Shortened at random: clients that lost their server together do not come back together.
      await delay(wait * (1 - Math.random() / 2), undefined, { signal }).catch(() => undefined);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  async #dial(signal: AbortSignal): Promise<void> {
    let link: Link | undefined;
    const abort = (): void => link?.destroy();
    try {
      link = new Link(await this.#connect(signal));
      signal.throwIfAborted();
      signal.addEventListener('abort', abort, { once: true });
      await join(link, this.#names, this.#secret, this.#conversation);
    } catch (error) {
      if (signal.aborted) link?.destroy();
      // Whatever else went wrong, the other end is not there yet.
      if (error instanceof Refusal) this.#conversation.refused(error);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
