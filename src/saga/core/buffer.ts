/** I/O buffers (GFD.90 section 3.4). */
import { isUint8Array } from 'node:util/types';

import { BadParameter, DoesNotExist, IncorrectState, NoSuccess } from './exceptions.js';
import { ObjectType } from './object.js';
import { type Session, SessionObject } from './session.js';
import { checkTimeout } from './time-limit.js';

/** Wherever SAGA says buffer, our Buffer or plain bytes (so Node's Buffer too) serve. */
export type BufferLike = Buffer | Uint8Array;

/** Whose the memory is: the application's from the start, or ours from when it is needed. */
type Memory =
  | { readonly manager: 'application'; readonly bytes: Uint8Array }
  | { readonly manager: 'implementation'; readonly size: number; bytes: Uint8Array | undefined }
  | { readonly manager: 'closed' };

const UNKNOWN_SIZE = -1;

let keep: (buffer: Buffer, bytes: Uint8Array) => void;
let copyMemory: (from: Buffer, to: Buffer) => void;

/**
 * Bytes to read into and to write from.
 *
 * `new Buffer(data)` and `new Buffer(data, size)` are managed by the application: reads and writes use its memory.
 * `new Buffer(size)` and `new Buffer()` are managed by the implementation; the latter gets as much memory as the first
 * read asks for. After a read that gave less than the size, `getData` still gives the whole allocation: the
 * number that `read` returned tells how much of it is new.
 */
export class Buffer extends SessionObject {
  #memory: Memory;

  static {
    keep = (buffer, bytes) => {
      buffer.#open();
      buffer.#memory = { manager: 'implementation', size: bytes.length, bytes };
    };
    copyMemory = (from, to) => {
      const memory = from.#open();
      to.#memory = { ...memory, bytes: memory.bytes?.slice() } as Memory;
    };
  }

  /**
   * @param data - the application's memory, or the size of a buffer that the implementation manages (-1: as needed).
   * @param size - how many bytes of `data` are used. Default: all.
   * @throws BadParameter when `data` is not bytes or a size is negative, not whole, or more than `data` has.
   */
  constructor(data: Uint8Array | number = UNKNOWN_SIZE, size?: number) {
    super();
    this.#memory = typeof data === 'number' ? ownMemory(data, size) : givenMemory(data, size);
  }

  override getId(): string {
    this.#open();
    return super.getId();
  }

  getType(): number {
    this.#open();
    return ObjectType.Buffer;
  }

  override getSession(): Session {
    this.#open();
    return super.getSession();
  }

  /** A buffer with a copy of the bytes, managed by whoever manages this one. */
  override clone(): this {
    return withMemoryOf(this, new Buffer()) as this;
  }

  /**
   * Drops the memory; from now on the implementation manages the buffer.
   * @param size - in bytes; -1 for as much as the next read needs.
   * @throws BadParameter when it is neither -1 nor a length. @throws IncorrectState after `close`.
   */
  setSize(size: number = UNKNOWN_SIZE): void {
    this.#open();
    this.#memory = ownMemory(size);
  }

  /**
   * In bytes; -1 for an implementation-managed buffer of unset size before something was read into it.
   * @throws IncorrectState after `close`.
   */
  getSize(): number {
    const memory = this.#open();
    return memory.manager === 'application' ? memory.bytes.length : memory.size;
  }

  /**
   * From now on the buffer is this memory of the application.
   * @throws BadParameter as the constructor. @throws IncorrectState after `close`.
   */
  setData(data: Uint8Array, size: number): void {
    this.#open();
    this.#memory = givenMemory(data, size);
  }

  /**
   * The memory itself, not a copy.
   * @throws DoesNotExist while there is none: implementation-managed, size unset, nothing read yet.
   * @throws IncorrectState after `close`. @throws NoSuccess when there is not so much memory.
   */
  getData(): Uint8Array {
    const memory = this.#open();
    if (memory.manager === 'application') return memory.bytes;
    if (memory.size === UNKNOWN_SIZE) {
      throw new DoesNotExist('the buffer has no data yet: read something into it, or set its size', { object: this });
    }
    return (memory.bytes ??= allocated(memory.size));
  }

  /**
   * Lets go of the memory: the implementation's is freed, the application's is left as it is. May be repeated.
   * Every other method throws IncorrectState from then on.
   *
   * @param timeout - in seconds; nothing is waited for, since no I/O of the buffer goes on by itself.
   * @throws BadParameter when the timeout is not a number.
   */
  close(timeout = 0): void {
    checkTimeout(timeout);
    this.#memory = { manager: 'closed' };
  }

  #open(): Exclude<Memory, { manager: 'closed' }> {
    if (this.#memory.manager === 'closed') {
      throw new IncorrectState('the buffer is closed; make a new one', { object: this });
    }
    return this.#memory;
  }
}

/**
 * Gives `copy` a copy of the memory, for the clones of the classes that derive from Buffer.
 * @throws IncorrectState when the buffer is closed.
 * @internal
 */
export function withMemoryOf<B extends Buffer>(buffer: Buffer, copy: B): B {
  copyMemory(buffer, copy);
  return copy;
}

/**
 * Lets `read` fill a buffer, for `File.read` and its like.
 *
 * A buffer of unset size gets its memory, and with it its size and data, only when `read` has succeeded.
 *
 * @param length - how many bytes are wanted; negative or left out: the size of the buffer.
 * @param read - puts bytes into the memory and tells how many.
 * @throws BadParameter when the length is not known at all, or more than the buffer has.
 * @throws IncorrectState when the buffer is closed, before or while it is read into.
 * @internal
 */
export async function readInto(
  buffer: BufferLike,
  length: number | undefined,
  read: (memory: Uint8Array) => Promise<number>,
): Promise<number> {
  const wanted = length === undefined || length < 0 ? undefined : length;
  if (buffer instanceof Buffer && buffer.getSize() === UNKNOWN_SIZE) {
    if (wanted === undefined) {
      throw new BadParameter('neither the buffer nor the call tells how many bytes to read', { object: buffer });
    }
    const memory = allocated(checkedSize(wanted));
    const count = await read(memory);
    keep(buffer, memory);
    return count;
  }
  const memory = bytesOf(buffer);
  if (wanted !== undefined && wanted > memory.length) {
    throw new BadParameter(`${String(wanted)} bytes don't fit into a buffer of ${String(memory.length)}`);
  }
  return read(memory.subarray(0, wanted));
}

/**
 * The bytes of whatever stands for a buffer, not a copy.
 * @throws BadParameter when it is neither a Buffer nor bytes. @throws DoesNotExist, IncorrectState as `getData`.
 */
export function bytesOf(buffer: BufferLike): Uint8Array {
  return buffer instanceof Buffer ? buffer.getData() : checkedBytes(buffer);
}

function ownMemory(size: number, second?: number): Memory {
  if (second !== undefined) throw new BadParameter('a second size is given: it goes with data only');
  if (size !== UNKNOWN_SIZE) checkedSize(size);
  return { manager: 'implementation', size, bytes: undefined };
}

function givenMemory(data: Uint8Array, size?: number): Memory {
  const all = checkedBytes(data);
  const length = size === undefined ? all.length : checkedSize(size);
  if (length > all.length) {
    throw new BadParameter(`the size ${String(length)} is more than the ${String(all.length)} bytes of the data`);
  }
  return { manager: 'application', bytes: length === all.length ? all : all.subarray(0, length) };
}

function allocated(size: number): Uint8Array {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    throw new NoSuccess(`there is no memory for a buffer of ${String(size)} bytes; use a smaller one`, { cause });
  }
}

function checkedSize(size: number): number {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new BadParameter(`a size is a whole number of bytes, not ${String(size)}`);
  }
  return size;
}

function checkedBytes(data: unknown): Uint8Array {
  if (isUint8Array(data)) return data;
  const hint = typeof data === 'string' ? "; encode a string first: Buffer.from(text, 'utf8') of node:buffer" : '';
  throw new BadParameter(`data is given as a Uint8Array${hint}`);
}
