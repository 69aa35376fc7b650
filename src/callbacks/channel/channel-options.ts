/** What a channel and a server are told when they are made, and their defaults. */
import { Buffer } from 'node:buffer';

import { ChannelError } from './channel-error.js';
import { CHANNEL_NAME, isChannelName } from './handshake.js';
import type { Secret } from './handshake.js';
import type { Registrar } from './names.js';

/** What both kinds of ends can be told. */
export interface ChannelEndOptions {
  /**
   * What both ends know and nobody else, at least 16 bytes; a string counts as UTF-8. Needed for TCP. A unix socket needs
   * none in a directory that only its user can open.
   */
  readonly secret?: string | Uint8Array;
  /** Bytes of the largest message; the same at both ends. Default 16 MiB. */
  readonly maxMessage?: number;
  /** Bytes that this end holds for an application that does not read. One message may always come. Default 1 MiB. */
  readonly window?: number;
  /** Bytes that may be queued before `send` asks to wait. Default 1 MiB. */
  readonly queue?: number;
  /** Bytes that may be queued by those who do not wait; more is refused. Default 64 MiB, at least `queue`. */
  readonly maxQueue?: number;
  /**
   * What becomes of messages that have arrived and are not read when a checkpoint is made. `buffer`: they are kept, saved with
   * the checkpoint and delivered first afterwards. `veto`: they must be read before the deadline, or there is no checkpoint.
   * Default `buffer`.
   */
  readonly unread?: 'buffer' | 'veto';
  /** The other end is no process of this job, and takes part in none of its checkpoints. Default false. */
  readonly outside?: boolean;
  /** Seconds that the other end may be away before the channel fails; -1 for ever. Default 60. */
  readonly patience?: number;
  /** As of a {@link CheckpointParticipant}. Default 100. */
  readonly priority?: number;
  /** As of a {@link CheckpointParticipant}. */
  readonly deadline?: number;
  /** Where it registers itself, so that it takes part in checkpoints. Default: `checkpointing`; false for nowhere. */
  readonly checkpointing?: Registrar | false;
}

/** The same, as an end works with them. */
export interface ChannelLimits {
  /** Bytes of the largest message. */
  readonly largest: number;
  /** Bytes that this end holds for its application. */
  readonly window: number;
  /** Bytes that may be queued before `send` asks to wait. */
  readonly queue: number;
  /** Bytes that may be queued at all. */
  readonly mostQueued: number;
  /** What becomes of messages that the application has not read when it stops. */
  readonly unread: 'buffer' | 'veto';
  /** Whether the other end takes part in no checkpoint of this job. */
  readonly outside: boolean;
  /** Seconds that the other end may be away; -1 for ever. */
  readonly patience: number;
}

const MEBIBYTE = 2 ** 20;
/** The largest message that the length of a frame can tell. */
const LARGEST = 2 ** 31;
const SHORTEST_SECRET = 16;

/** @throws RangeError for numbers that cannot be. */
export function limitsOf(options: ChannelEndOptions): ChannelLimits {
  const { maxMessage = 16 * MEBIBYTE, window = MEBIBYTE, queue = MEBIBYTE, patience = 60 } = options;
  const { maxQueue = Math.max(64 * MEBIBYTE, queue), unread = 'buffer', outside = false } = options;
  const positive = { maxMessage, window, queue, maxQueue };
  for (const [name, value] of Object.entries(positive))
    if (!Number.isSafeInteger(value) || value < 1 || value > LARGEST)
      throw new RangeError(`${name} is ${value}: it is a number of bytes from 1 to ${LARGEST}`);
  if (Number.isNaN(patience)) throw new RangeError('patience is a number of seconds, or -1');
  return { largest: maxMessage, window, queue, mostQueued: Math.max(maxQueue, queue), unread, outside, patience };
}

/** @throws ChannelError proof */
export function secretOf({ secret }: ChannelEndOptions, channel: string): Secret {
  if (secret === undefined) return undefined;
  const bytes = typeof secret === 'string' ? Buffer.from(secret) : Buffer.from(secret);
  if (bytes.length < SHORTEST_SECRET)
    throw new ChannelError('proof', channel, `a secret has at least ${SHORTEST_SECRET} bytes`);
  return bytes;
}

/** @throws ChannelError name */
export function checkName(name: string): void {
  if (!isChannelName(name)) throw new ChannelError('name', name, CHANNEL_NAME);
}
