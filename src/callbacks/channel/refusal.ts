/** Why one end does not go on with the other (docs/channels.md, "Refusals"). */
import type { Buffer } from 'node:buffer';

import type { ChannelErrorCode } from './channel-error.js';
import { FrameFields, FrameWriter, REFUSE } from './frames.js';

/** The codes on the wire, in their order from 1. */
const CODES = [
  'version',
  'name',
  'proof',
  'instance',
  'history',
  'incarnation',
  'limits',
  'protocol',
  'closed',
  'later',
] as const;

export type RefusalCode = Extract<ChannelErrorCode, (typeof CODES)[number]>;

/** Bytes of a reason that are shown: it comes from the other end. */
const SHOWN = 1000;

/** Thrown where a connection is refused, by this end or by the other one. */
export class Refusal extends Error {
  readonly code: RefusalCode;
  /** Whether dialling again can help. */
  readonly again: boolean;
  /** Whether the other end has refused. */
  readonly fromOther: boolean;

  constructor(code: RefusalCode, reason: string, again = false, fromOther = false) {
    super(reason);
    this.code = code;
    this.again = again;
    this.fromOther = fromOther;
  }

  frame(): Buffer {
    const number = CODES.indexOf(this.code) + 1;
    return new FrameWriter(REFUSE)
      .u16(number)
      .u8(this.again ? 1 : 0)
      .str(this.message.slice(0, SHOWN))
      .frame();
  }

  /** What the other end has said. A code that is not known yet is taken as `protocol`. */
  static read(frame: Buffer): Refusal {
    const fields = new FrameFields(frame);
    const code = CODES[fields.u16() - 1] ?? 'protocol';
    const again = fields.u8() === 1;
    // Shown on terminals: nothing in it may steer them.
    const reason = fields
      .str()
      .slice(0, SHOWN)
      .replaceAll(/\p{Cc}/gu, ' ');
    return new Refusal(code, `the other end refuses: ${reason}`, again, true);
  }
}
