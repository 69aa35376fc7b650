import { Buffer } from 'node:buffer';

import type { DrainReport } from '../participant.js';
import type { ChannelError } from './channel-error.js';
import type { Conversation } from './conversation.js';
import type { DirectionCount } from './digest.js';
import type { Received } from './direction.js';

/**
 * One end of a channel: a client's {@link Channel}, or what a {@link ChannelServer} has for each client. Both ends can
 * do the same.
 */
export class ChannelEnd implements AsyncIterable<Buffer>, AsyncDisposable {
  readonly #conversation: Conversation;

  /** Ends are made by {@link Channel} and {@link ChannelServer}. */
  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  /** `<server>/<client>`: the same at both ends. */
  get id(): string {
    return this.#conversation.id;
  }

  get end(): 'server' | 'client' {
    return this.#conversation.end;
  }

  /** Bytes of the largest message. */
  get maxMessage(): number {
    return this.#conversation.largest;
  }

  /** Whether there is a connection right now. A channel does not need one to be used. */
  get connected(): boolean {
    return this.#conversation.connected;
  }

  /** Why the channel has failed; undefined while it has not. */
  get failure(): ChannelError | undefined {
    return this.#conversation.failure;
  }

  /** What has been sent; queued messages are not in it. */
  get sent(): DirectionCount {
    return this.#conversation.sent;
  }

  /** What has arrived, read or not. */
  get received(): DirectionCount {
    return this.#conversation.received;
  }

  /**
   * Sends a message; a string as UTF-8. **The channel has taken it when the call returns**, before anything is awaited: from then on it is
   * part of every checkpoint, and arrives once. The promise resolves when there is room for more; await it before the next one.
   * @throws ChannelError `closed`, `full`, `size`, `state`: it was not taken; any other: the channel has failed since.
   */
  send(message: string | Uint8Array): Promise<void> {
    return this.#conversation.send(typeof message === 'string' ? Buffer.from(message) : message);
  }

  /**
   * The next message, which counts as consumed from now on; undefined after the last one of a closed channel.
   * @throws ChannelError when the channel has failed and all that had arrived is read.
   */
  async receive(options: { readonly signal?: AbortSignal } = {}): Promise<Buffer | undefined> {
    const message = await this.#conversation.receive(options.signal);
    if (message) this.#conversation.done(message);
    return message?.payload;
  }

  /**
   * All messages until the channel is closed. A message counts as consumed when the loop asks for the next one: a
   * checkpoint waits until the loop's body has ended, and no message is half done in it.
   */
  [Symbol.asyncIterator](): AsyncGenerator<Buffer, undefined> {
    return messages(this.#conversation);
  }

  /**
   * Stops sending and proves that nothing is in flight in both directions. The other end has to do the same, and both have to
   * {@link resume}. Not needed for checkpoints of the job: a registered channel does it by itself, and an own drain in a `stop` joins it.
   * @throws ChannelError `lost` when the signal is aborted before; the message tells what was missing.
   */
  async drain(signal?: AbortSignal): Promise<DrainReport> {
    const report = await this.#conversation.drain(0, signal);
    return { channels: report ? [report] : [] };
  }

  /** Goes on after a {@link drain}; a checkpoint that has begun since does that at its end. */
  resume(): void {
    this.#conversation.resume();
  }

  /**
   * Sends what is queued and says that nothing follows. The other end does the same when it hears of it. Resolves when both have
   * everything; what has arrived and is unread can be read afterwards. May be called any number of times.
   * @throws ChannelError when the channel fails before, or the signal is aborted: what was sent last may be lost.
   */
  close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#conversation.close(options.signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function* messages(conversation: Conversation): AsyncGenerator<Buffer, undefined> {
  let message: Received | undefined;
  try {
    while ((message = await conversation.receive())) {
      yield message.payload;
      conversation.done(message);
    }
  } finally {
    // The loop was left: it has this message all the same.
    if (message) conversation.done(message);
  }
  return undefined;
}
