/** What carries a link between two agents: whole messages, in order, to one peer (docs/checkpoint-state.md, "Links"). */
export interface Wire {
  send(message: Buffer): void;
  /** Ends it on both sides. */
  close(): void;
  /** Bytes that a message from the peer may have; more of it ends the wire. */
  longest: number;
  /** Set before anything can arrive. */
  onMessage: (message: Buffer) => void;
  /** Called once, for whatever reason, and never within a call of this interface. */
  onClose: () => void;
}

/** Bytes of a message before the peer has proven anything. */
export const BEFORE_PROOF = 4096;
/** Bytes of a message after it. */
export const AFTER_PROOF: number = 1 << 26;
