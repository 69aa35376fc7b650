/** An end that has stopped: what it says of that, and what is proven (docs/channels.md, "Drain"). */
import type { Buffer } from 'node:buffer';

import type { ChannelDrain, Flow } from '../participant.js';
import { hexDigest, sameCount } from './digest.js';
import type { DirectionCount } from './digest.js';
import { FrameWriter, MARKER } from './frames.js';

export class Stop {
  /** The operation; 0 when the application has asked for it. */
  readonly op: number;
  /** What had been sent. */
  readonly sent: DirectionCount;
  /** For a checkpoint, which alone can end it. */
  held: boolean;
  /** The drain is done, and the application knows: nothing is delivered any more. */
  quiet = false;
  #marked = false;
  #confirmed = false;
  #proven = false;

  constructor(op: number, sent: DirectionCount) {
    this.op = op;
    this.sent = sent;
    this.held = op !== 0;
  }

  /** Whether the marker was sent on the present connection. */
  get marked(): boolean {
    return this.#marked;
  }

  /** Whether nothing is in flight, in both directions. No later connection changes that. */
  get proven(): boolean {
    return this.#proven;
  }

  /** To be sent behind the last message. */
  marker(): Buffer {
    this.#marked = true;
    return new FrameWriter(MARKER).u64(this.op).count(this.sent).frame();
  }

  /** The connection is gone, with all that was said on it. */
  disconnected(): void {
    this.#marked = this.#confirmed = false;
  }

  /** The other end has received so much. One with other numbers answers an older marker: who gets a wrong one refuses it. */
  confirm(op: number, received: DirectionCount): void {
    if (this.#marked && op === this.op && sameCount(received, this.sent)) this.#confirmed = true;
  }

  /** Looks at the marker of the other end, by its operation. @returns whether that has completed the proof. */
  prove(marker: number | undefined, outside: boolean): boolean {
    if (this.#proven || !this.#confirmed) return false;
    const sameOperation = marker !== undefined && (marker === this.op || marker === 0 || this.op === 0);
    // Who is not part of the job does not stop.
    this.#proven = sameOperation || outside;
    return this.#proven;
  }

  /** What the proof lacks, for people. */
  unproven(connected: boolean): string {
    if (!connected) return 'the other end is not there';
    return this.#confirmed
      ? 'the other end has not stopped: it does not take part in the checkpoint, or is late'
      : 'the other end has not confirmed that everything arrived';
  }

  /** What the agent compares. */
  report(id: string, end: string, received: DirectionCount, outside: boolean): ChannelDrain {
    return { id, end, sent: flow(this.sent), received: flow(received), ...(outside && { outside }) };
  }
}

function flow({ messages, bytes, digest }: DirectionCount): Flow {
  return { messages, bytes, digest: hexDigest(digest) };
}
