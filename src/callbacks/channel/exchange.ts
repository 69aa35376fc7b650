/**
 * The side of a channel towards its connection: which frames go out, and what comes of those that come in (docs/channels.md,
 * "Messages", "Drain" and "The end").
 *
 * What holds:
 * - what was said on a connection ends with it: markers, and what was written and not confirmed;
 * - frames are read at all times, however slow the application is, so that no marker waits behind a message;
 * - after the stop nothing goes out but the marker, and what the other end lacks up to it.
 */
import type { Buffer } from 'node:buffer';

import type { ChannelLimits } from './channel-options.js';
import { describeCount, sameCount } from './digest.js';
import {
  CONSUMED,
  EMPTY,
  END,
  FrameFields,
  frameType,
  FrameWriter,
  GO,
  MalformedFrame,
  MARKER,
  MESSAGE,
  numberOf,
  REFUSE,
} from './frames.js';
import type { EndState } from './handshake.js';
import type { Link } from './link.js';
import type { Memory } from './memory.js';
import { Refusal } from './refusal.js';
import type { Stop } from './stop.js';

/** Whose connection it is. */
export interface ExchangeOwner {
  /** A message has arrived, or the end of them. */
  arrived(): void;
  /** Something has changed that somebody may wait for. */
  changed(): void;
  /** Both ends may have everything now. */
  settle(): void;
  /** The proof that nothing is in flight is complete. */
  proven(): void;
  /** One of the ends does not go on with the other; the connection is gone. */
  refused(refusal: Refusal): void;
  /** The connection has ended. */
  lost(): void;
}

export class Exchange {
  readonly #memory: Memory;
  readonly #limits: ChannelLimits;
  readonly #owner: ExchangeOwner;
  #link: Link | undefined;
  #stop: Stop | undefined;
  /** The bytes that the other end is willing to hold. */
  #peerWindow = 0;
  /** The marker of the other end that stands, by its operation. */
  #peerMarker: number | undefined;
  /** The number that the other end was told last as consumed. */
  #acknowledged = 0;
  #acknowledging: NodeJS.Immediate | undefined;

  constructor(memory: Memory, limits: ChannelLimits, owner: ExchangeOwner) {
    this.#memory = memory;
    this.#limits = limits;
    this.#owner = owner;
  }

  get connected(): boolean {
    return this.#link !== undefined;
  }

  /** Goes on with this connection, from where the other end is. */
  attach(link: Link, other: EndState): void {
    void this.detach();
    this.#link = link;
    this.#peerWindow = other.window;
    this.#memory.meet(other);
    link.allow(this.#limits.largest);
    this.pump();
    link.read({
      frame: (frame) => {
        this.#read(frame);
      },
      malformed: (error) => {
        this.#refuse(new Refusal('protocol', error.message));
      },
      end: () => {
        this.#forgetLink();
        this.#owner.lost();
      },
    });
  }

  /** Lets go of the connection; resolves when it is closed. */
  async detach(): Promise<void> {
    await this.#forgetLink()?.close();
  }

  /** Lets go of the connection for another one. @returns what the other end is told there as consumed. */
  rewind(): number {
    void this.detach();
    this.#acknowledged = this.#memory.incoming.consumed;
    return this.#acknowledged;
  }

  /** Both ends have everything: says the last word, and lets the other end hang up. */
  finish(): void {
    if (!this.#link) return;
    this.#acknowledge();
    void this.#forgetLink()?.finish();
  }

  /** From now on nothing is sent but what had been sent, and the marker. */
  stop(stop: Stop): void {
    this.#stop = stop;
    this.pump();
  }

  /** Sends again. */
  go(): void {
    if (this.#stop?.marked) this.#link?.write(new FrameWriter(GO).frame());
    this.#stop = undefined;
  }

  /** Writes what may be written. */
  pump(): void {
    const link = this.#link;
    const stop = this.#stop;
    if (!link) return;
    const { outgoing } = this.#memory;
    const limit = stop ? stop.sent.messages : outgoing.taken;
    for (;;) {
      const frame = outgoing.next(limit, this.#peerWindow);
      if (!frame) break;
      link.write(frame);
    }
    if (stop && !stop.marked && outgoing.cursor >= limit) link.write(stop.marker());
    this.#owner.changed();
  }

  /** Tells what is consumed once for all that happens in this turn of the event loop. */
  acknowledgeSoon(): void {
    this.#acknowledging ??= setImmediate(() => {
      this.#acknowledge();
    });
  }

  #acknowledge(): void {
    clearImmediate(this.#acknowledging);
    this.#acknowledging = undefined;
    const { consumed } = this.#memory.incoming;
    // After the proof the other end may close at any time; it will ask in the next beginning.
    if (!this.#link || consumed <= this.#acknowledged || this.#stop?.proven) return;
    this.#acknowledged = consumed;
    this.#link.write(new FrameWriter(CONSUMED).u64(consumed).frame());
  }

  #forgetLink(): Link | undefined {
    const link = this.#link;
    this.#link = undefined;
    this.#peerMarker = undefined;
    this.#stop?.disconnected();
    return link;
  }

  #refuse(refusal: Refusal): void {
    const link = this.#forgetLink();
    link?.write(refusal.frame());
    void link?.finish();
    this.#owner.refused(refusal);
  }

  #read(frame: Buffer): void {
    switch (frameType(frame)) {
      case MESSAGE:
      case END:
        this.#peerMarker = undefined;
        this.#memory.incoming.accept(frame, this.#limits.window);
        if (this.#memory.incoming.ended) this.#answerEnd();
        this.#owner.arrived();
        break;
      case CONSUMED:
        this.#readConsumed(numberOf(frame));
        break;
      case MARKER:
        this.#readMarker(new FrameFields(frame));
        break;
      case EMPTY:
        this.#readEmpty(new FrameFields(frame));
        break;
      case GO:
        this.#peerMarker = undefined;
        break;
      case REFUSE: {
        const refusal = Refusal.read(frame);
        void this.detach();
        this.#owner.refused(refusal);
        break;
      }
      default:
        throw new MalformedFrame(`a frame of type ${frameType(frame)} between messages`);
    }
  }

  /** The other end has nothing more to say: this one says what it has, and ends, too. */
  #answerEnd(): void {
    const { outgoing } = this.#memory;
    if (!outgoing.ended) outgoing.take();
    this.pump();
    this.#acknowledge();
    this.#owner.settle();
    this.#owner.changed();
  }

  #readConsumed(number: number): void {
    const { outgoing } = this.#memory;
    if (number > outgoing.cursor) throw new MalformedFrame(`message ${number} was consumed and not sent`);
    outgoing.consumed(number);
    this.pump();
    this.#owner.settle();
  }

  #readMarker(fields: FrameFields): void {
    const op = fields.u64();
    const sent = fields.count();
    const { count } = this.#memory.incoming;
    if (!sameCount(sent, count)) {
      const counts = `sent were ${describeCount(sent)}, received ${describeCount(count)}`;
      this.#refuse(new Refusal('history', `${counts}: messages were lost on the way`));
      return;
    }
    this.#link?.write(new FrameWriter(EMPTY).u64(op).count(sent).frame());
    this.#peerMarker = op;
    this.#prove();
  }

  #readEmpty(fields: FrameFields): void {
    this.#stop?.confirm(fields.u64(), fields.count());
    this.#prove();
  }

  #prove(): void {
    const { outside } = this.#limits;
    if (this.#stop?.prove(this.#peerMarker, outside) !== true) return;
    // What is on its way from an end that does not stop will be sent again.
    if (outside) void this.detach();
    this.#owner.proven();
  }
}
