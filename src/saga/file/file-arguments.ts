/** What the calls of a File are given, judged before anybody is asked. */
import { Buffer, type BufferLike, bytesOf } from '../core/buffer.js';
import { BadParameter } from '../core/exceptions.js';
import { IOVec, lengthOf } from './iovec.js';

/** The bytes to write. @throws BadParameter when there are none. */
export function dataOf(buffer: BufferLike): Uint8Array {
  if (buffer instanceof Buffer && buffer.getSize() === -1) {
    throw new BadParameter('the buffer has no data to write, nor a size', { object: buffer });
  }
  return bytesOf(buffer);
}

/** The first `size` bytes to write. @throws BadParameter when there are not so many. */
export function requireData(buffer: BufferLike, size: number): Uint8Array {
  const bytes = dataOf(buffer);
  if (bytes.length >= size) return bytes.subarray(0, size);
  throw new BadParameter(`${String(size)} bytes are to be written, and the buffer has ${String(bytes.length)}`);
}

export function checkedLength(length: number | undefined): number | undefined {
  if (length === undefined || Number.isSafeInteger(length)) return length;
  throw new BadParameter(`a length is a whole number of bytes, not ${String(length)}`);
}

export function checkedPlace(what: string, place: number): number {
  if (Number.isSafeInteger(place) && place >= 0) return place;
  throw new BadParameter(`${what} is a place in the file, a whole number from 0 on, not ${String(place)}`);
}

export function checkedParts(iovecs: unknown): readonly IOVec[] {
  if (Array.isArray(iovecs) && iovecs.every((part) => part instanceof IOVec)) return iovecs;
  throw new BadParameter('scattered I/O takes a list of IOVec: [new saga.IOVec(data)]');
}

/** Up to where in its buffer a part is filled. @throws BadParameter when the buffer ends before. */
export function requireRoom(part: IOVec): number {
  const end = part.getOffset() + lengthOf(part);
  const size = part.getSize();
  if (size === -1 || end <= size) return end;
  throw new BadParameter(`bytes up to ${String(end)} don't fit into a buffer of ${String(size)}`, { object: part });
}
