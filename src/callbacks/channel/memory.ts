/**
 * What one end of a channel remembers, whatever connections come and go: who it is, whom it has met, and the messages of
 * both directions. It is what belongs in a checkpoint.
 */
import type { Buffer } from 'node:buffer';

import { Incoming, Outgoing } from './direction.js';
import { INSTANCE } from './handshake.js';
import type { EndState } from './handshake.js';
import type { SavedConversation } from './state-file.js';

export class Memory {
  readonly outgoing: Outgoing = new Outgoing();
  readonly incoming: Incoming = new Incoming();
  #instance: Buffer = process.getBuiltinModule('node:crypto').randomBytes(INSTANCE);
  #peer: Buffer | undefined;

  get instance(): Buffer {
    return this.#instance;
  }

  /** The instance of the other end; undefined before it was ever there. */
  get peer(): Buffer | undefined {
    return this.#peer;
  }

  /** The other end is there, with what it says of itself. */
  meet(other: EndState): void {
    this.#peer = other.instance;
    this.outgoing.restart(other.received.messages, other.consumed);
  }

  /** Both ends have said that nothing follows, and have everything. */
  get ended(): boolean {
    return this.incoming.ended && this.outgoing.endConsumed;
  }

  save(): SavedConversation {
    const { outgoing, incoming } = this;
    const sent = outgoing.sentCount;
    const endSent = outgoing.ended && outgoing.taken === sent.messages;
    return {
      instance: this.#instance,
      peer: this.#peer,
      sent,
      endSent,
      endQueued: outgoing.ended && !endSent,
      received: incoming.count,
      endReceived: incoming.ended,
      allConsumed: incoming.ended || outgoing.ended,
      queued: outgoing.queued(),
      unread: incoming.unreadPayloads(),
    };
  }

  /** Takes the place of what was saved. */
  restore(saved: SavedConversation): void {
    this.#instance = saved.instance;
    this.#peer = saved.peer;
    this.outgoing.restore(saved.sent, saved.endSent, saved.queued, saved.endQueued);
    this.incoming.restore(saved.received, saved.endReceived, saved.allConsumed, saved.unread);
  }
}
