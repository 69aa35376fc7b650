/** What has gone in one direction of a channel, counted (docs/channels.md, "Digest"). */
import type { Buffer } from 'node:buffer';

import { MESSAGE_HEAD } from './frames.js';

export interface DirectionCount {
  /** The number of messages, `END` being one. */
  readonly messages: number;
  /** The bytes of their payloads. */
  readonly bytes: number;
  /** CRC-32 of their frames. */
  readonly digest: number;
}

export const NOTHING: DirectionCount = { messages: 0, bytes: 0, digest: 0 };

type Crc32 = (data: Uint8Array, value: number) => number;
let crc32: Crc32 | undefined;

/** Adds one frame, a `MESSAGE` or an `END`. */
export function counted(count: DirectionCount, frame: Buffer): DirectionCount {
  // Loaded with the first message: most processes that load this package have none.
  crc32 ??= process.getBuiltinModule('node:zlib').crc32;
  return {
    messages: count.messages + 1,
    bytes: count.bytes + frame.length - MESSAGE_HEAD,
    digest: crc32(frame, count.digest),
  };
}

export function sameCount(one: DirectionCount, other: DirectionCount): boolean {
  return one.messages === other.messages && one.bytes === other.bytes && one.digest === other.digest;
}

/** For people. */
export function describeCount(count: DirectionCount): string {
  return `${count.messages} messages of ${count.bytes} bytes, digest ${hexDigest(count.digest)}`;
}

export function hexDigest(digest: number): string {
  return digest.toString(16).padStart(8, '0');
}
