/** The two directions of a channel as one end sees them: what it has sent, and what it has received. */
import { Buffer } from 'node:buffer';

import { counted, NOTHING } from './digest.js';
import type { DirectionCount } from './digest.js';
import { END, frameType, MalformedFrame, MESSAGE_HEAD, messageFrame, numberOf } from './frames.js';

interface Sent {
  readonly frame: Buffer;
  /** Everything up to and with this message. */
  readonly count: DirectionCount;
}

/** Messages of this end, kept until the other one has consumed them. Numbers are those of docs/channels.md. */
export class Outgoing {
  /** The messages after `#base`. */
  #kept: Sent[] = [];
  #base: DirectionCount = NOTHING;
  #sent = 0;
  #queuedWeight = 0;
  #unconsumedWeight = 0;
  /** The last message that was written to the present connection. */
  #cursor = 0;
  #last: number | undefined;

  /** The last message that was ever written to a connection. */
  get sent(): number {
    return this.#sent;
  }

  get sentCount(): DirectionCount {
    return this.countAt(this.#sent) ?? this.#base;
  }

  /** The last message that the application has sent. */
  get taken(): number {
    return this.#base.messages + this.#kept.length;
  }

  /** The last message that the other end has said it has consumed. */
  get consumedByOther(): number {
    return this.#base.messages;
  }

  /** The last message that was written to the present connection. */
  get cursor(): number {
    return this.#cursor;
  }

  /** Bytes that were never written to a connection. */
  get queuedWeight(): number {
    return this.#queuedWeight;
  }

  /** Whether the last message is an `END`. */
  get ended(): boolean {
    return this.#last !== undefined;
  }

  /** Whether the other end has consumed the `END`. */
  get endConsumed(): boolean {
    return this.#last !== undefined && this.#base.messages >= this.#last;
  }

  /** Takes a message, or the `END`, from the application. */
  take(payload?: Uint8Array): void {
    const frame = messageFrame(this.taken + 1, payload);
    this.#kept.push({ frame, count: counted(this.countAt(this.taken) ?? this.#base, frame) });
    this.#queuedWeight += frame.length;
    if (!payload) this.#last = this.taken;
  }

  /** What had been sent up to message `number`; undefined when that is forgotten, or still to come. */
  countAt(number: number): DirectionCount | undefined {
    return number === this.#base.messages ? this.#base : this.#kept[number - this.#base.messages - 1]?.count;
  }

  /** A new connection, whose other end has received and consumed so much. */
  restart(received: number, consumed: number): void {
    this.consumed(consumed);
    this.#cursor = received;
    this.#unconsumedWeight = 0;
    for (const { frame, count } of this.#kept) if (count.messages <= received) this.#unconsumedWeight += frame.length;
  }

  /** The next message up to `limit` for which there is room in the other end's `window`. */
  next(limit: number, window: number): Buffer | undefined {
    if (this.#cursor >= limit) return undefined;
    const entry = this.#kept[this.#cursor - this.#base.messages];
    if (!entry) return undefined;
    const weight = entry.frame.length;
    if (this.#unconsumedWeight > 0 && this.#unconsumedWeight + weight > window) return undefined;
    this.#unconsumedWeight += weight;
    this.#cursor += 1;
    if (this.#cursor > this.#sent) {
      this.#sent = this.#cursor;
      this.#queuedWeight -= weight;
    }
    return entry.frame;
  }

  /** The other end has consumed everything up to message `number`: it cannot be asked for again. */
  consumed(number: number): void {
    let done = 0;
    while (this.#base.messages < number) {
      const entry = this.#kept[done];
      if (!entry) break;
      done += 1;
      this.#base = entry.count;
      if (entry.count.messages <= this.#cursor) this.#unconsumedWeight -= entry.frame.length;
    }
    if (done > 0) this.#kept.splice(0, done);
  }

  /** The payloads that were never sent, for a checkpoint. */
  queued(): Buffer[] {
    return this.#kept
      .filter(({ count, frame }) => count.messages > this.#sent && frameType(frame) !== END)
      .map(({ frame }) => frame.subarray(MESSAGE_HEAD));
  }

  /** Goes on after a checkpoint, in which all that was sent had arrived. */
  restore(sent: DirectionCount, endSent: boolean, queued: readonly Uint8Array[], endQueued: boolean): void {
    this.#base = sent;
    this.#sent = this.#cursor = sent.messages;
    this.#kept = [];
    this.#queuedWeight = this.#unconsumedWeight = 0;
    this.#last = endSent ? sent.messages : undefined;
    for (const payload of queued) this.take(payload);
    if (endQueued) this.take();
  }
}

export interface Received {
  readonly number: number;
  readonly payload: Buffer;
  /** What it counts against the window. */
  readonly weight: number;
}

/** Payloads up to this length are copied out of the chunk in which they came: a small one must not keep a large chunk alive. */
const COPIED = 16_384;

/** Messages that have arrived, in their order, until the application has consumed them. */
export class Incoming {
  #count: DirectionCount = NOTHING;
  #unread: Received[] = [];
  /** Messages that the application has, and has not said that it is done with. */
  readonly #held = new Map<number, Received>();
  #unconsumedWeight = 0;
  #ended = false;
  #allConsumed = false;

  get count(): DirectionCount {
    return this.#count;
  }

  /** Whether the `END` has arrived. */
  get ended(): boolean {
    return this.#ended;
  }

  get unread(): number {
    return this.#unread.length;
  }

  /** How many messages the application is at work on. */
  get held(): number {
    return this.#held.size;
  }

  /** The number up to which everything is consumed. */
  get consumed(): number {
    if (this.#allConsumed) return this.#count.messages;
    const [held] = this.#held.keys();
    const next = held ?? this.#unread[0]?.number;
    return next === undefined ? this.#count.messages : next - 1;
  }

  /**
   * Takes a `MESSAGE` or an `END` from the connection.
   * @throws MalformedFrame when it cannot be the next one, or the other end does not respect the window.
   */
  accept(frame: Buffer, window: number): void {
    const number = numberOf(frame);
    const expected = this.#count.messages + 1;
    if (number !== expected) throw new MalformedFrame(`message ${number} where ${expected} was due`);
    if (this.#ended) throw new MalformedFrame(`message ${number} after the end`);
    const isEnd = frameType(frame) === END;
    if (isEnd && frame.length > MESSAGE_HEAD) throw new MalformedFrame('an end with a payload');
    const weight = frame.length;
    if (!this.#allConsumed && this.#unconsumedWeight > 0 && this.#unconsumedWeight + weight > window)
      throw new MalformedFrame(`message ${number} exceeds the window of ${window} bytes`);
    this.#count = counted(this.#count, frame);
    if (isEnd) {
      this.#ended = true;
      this.consumeAll();
      return;
    }
    const payload = frame.subarray(MESSAGE_HEAD);
    this.#unread.push({ number, weight, payload: weight > COPIED ? payload : Buffer.from(payload) });
    this.#unconsumedWeight += weight;
  }

  /** Hands the next message to the application, which says when it is done with it. */
  take(): Received | undefined {
    const message = this.#unread.shift();
    if (message) this.#held.set(message.number, message);
    return message;
  }

  /** The application is done with a message. */
  done(message: Received): void {
    if (this.#held.delete(message.number)) this.#unconsumedWeight -= message.weight;
  }

  /** From now on what has arrived counts as consumed: the channel ends, and what is unread stays readable. */
  consumeAll(): void {
    this.#allConsumed = true;
  }

  /** The payloads that the application has not read, for a checkpoint. */
  unreadPayloads(): Buffer[] {
    return this.#unread.map(({ payload }) => payload);
  }

  restore(count: DirectionCount, ended: boolean, allConsumed: boolean, unread: readonly Buffer[]): void {
    this.#count = count;
    this.#ended = ended;
    this.#allConsumed = allConsumed;
    this.#held.clear();
    this.#unconsumedWeight = 0;
    // The `END` has a number and is never unread.
    const first = count.messages - (ended ? 1 : 0) - unread.length + 1;
    this.#unread = unread.map((payload, i) => ({ number: first + i, payload, weight: 0 }));
  }
}
