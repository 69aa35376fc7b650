/** The frames of docs/channels.md, "Frames": their numbers, and how they are read and written. */
import { Buffer } from 'node:buffer';

import type { DirectionCount } from './digest.js';

export const HELLO = 1;
export const CHALLENGE = 2;
export const JOIN = 3;
export const JOINED = 4;
export const REFUSE = 5;
export const MESSAGE = 16;
export const END = 17;
export const CONSUMED = 18;
export const MARKER = 32;
export const EMPTY = 33;
export const GO = 34;

/** Bytes of `length` and `type`. */
export const FRAME_HEAD = 5;
/** Bytes that a message has beside its payload. */
export const MESSAGE_HEAD: number = FRAME_HEAD + 8;
/** The largest `length` of a frame that is no message. */
export const SMALL_FRAME = 4096;

/** Thrown for bytes that cannot be: the other end is answered with a refusal. */
export class MalformedFrame extends Error {}

/** Writes the fields of one frame, in their order. */
export class FrameWriter {
  readonly #parts: Buffer[] = [];
  readonly #type: number;

  constructor(type: number) {
    this.#type = type;
  }

  u8(value: number): this {
    return this.bytes(Buffer.of(value));
  }

  u16(value: number): this {
    const field = Buffer.alloc(2);
    field.writeUInt16BE(value);
    return this.bytes(field);
  }

  u32(value: number): this {
    const field = Buffer.alloc(4);
    field.writeUInt32BE(value);
    return this.bytes(field);
  }

  u64(value: number): this {
    const field = Buffer.alloc(8);
    writeU64(field, value, 0);
    return this.bytes(field);
  }

  str(value: string): this {
    const text = Buffer.from(value);
    return this.u16(text.length).bytes(text);
  }

  bytes(value: Uint8Array): this {
    this.#parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    return this;
  }

  count(value: DirectionCount): this {
    return this.u64(value.messages).u64(value.bytes).u32(value.digest);
  }

  frame(): Buffer {
    const body = Buffer.concat(this.#parts);
    const head = Buffer.alloc(FRAME_HEAD);
    head.writeUInt32BE(body.length + 1);
    head[4] = this.#type;
    return Buffer.concat([head, body]);
  }
}

/** Reads the fields of one frame, in their order. What is left at the end is of later versions. */
export class FrameFields {
  readonly #frame: Buffer;
  #at: number;

  constructor(frame: Buffer, at: number = FRAME_HEAD) {
    this.#frame = frame;
    this.#at = at;
  }

  /** Where the next field begins. */
  get position(): number {
    return this.#at;
  }

  u8(): number {
    return this.#take(1).readUInt8();
  }

  u16(): number {
    return this.#take(2).readUInt16BE();
  }

  u32(): number {
    return this.#take(4).readUInt32BE();
  }

  u64(): number {
    return readU64(this.#take(8), 0);
  }

  str(): string {
    return this.#take(this.u16()).toString();
  }

  bytes(length: number): Buffer {
    return Buffer.from(this.#take(length));
  }

  count(): DirectionCount {
    return { messages: this.u64(), bytes: this.u64(), digest: this.u32() };
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#frame.length) throw new MalformedFrame('a frame is shorter than its fields');
    const field = this.#frame.subarray(this.#at, end);
    this.#at = end;
    return field;
  }
}

export function frameType(frame: Buffer): number {
  return frame[4] ?? 0;
}

/** A `MESSAGE` or an `END`. The payload is copied: it is the caller's again. */
export function messageFrame(number: number, payload?: Uint8Array): Buffer {
  const length = payload?.byteLength ?? 0;
  const frame = Buffer.allocUnsafe(MESSAGE_HEAD + length);
  frame.writeUInt32BE(MESSAGE_HEAD - 4 + length);
  frame[4] = payload ? MESSAGE : END;
  writeU64(frame, number, FRAME_HEAD);
  if (payload) frame.set(payload, MESSAGE_HEAD);
  return frame;
}

/** The number of a `MESSAGE`, an `END` or a `CONSUMED`. */
export function numberOf(frame: Buffer): number {
  if (frame.length < MESSAGE_HEAD) throw new MalformedFrame('a frame is shorter than its fields');
  return readU64(frame, FRAME_HEAD);
}

function writeU64(target: Buffer, value: number, at: number): void {
  target.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  target.writeUInt32BE(value % 2 ** 32, at + 4);
}

function readU64(source: Buffer, at: number): number {
  const value = source.readUInt32BE(at) * 2 ** 32 + source.readUInt32BE(at + 4);
  if (!Number.isSafeInteger(value)) throw new MalformedFrame('a number is too large');
  return value;
}
