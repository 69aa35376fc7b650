/** The parts of scattered I/O (GFD.90 section 4.3): what POSIX has as `struct iovec`. */
import { Buffer, withMemoryOf } from '../core/buffer.js';
import { BadParameter } from '../core/exceptions.js';
import { ObjectType } from '../core/object.js';

const UNKNOWN = -1;

let complete: (part: IOVec, length: number) => void;

/**
 * A buffer of which `readV` fills, and `writeV` writes, the `lenIn` bytes from `offset` on. The offset is one in the
 * buffer: in the file the parts follow each other, from the pointer on.
 */
export class IOVec extends Buffer {
  #offset = 0;
  /** Undefined: as far as the buffer goes. */
  #lenIn: number | undefined;
  #lenOut = UNKNOWN;

  static {
    complete = (part, length) => {
      part.#lenOut = length;
    };
  }

  /**
   * @param data - as for `Buffer`: the application's memory, or the size of memory that the implementation manages (-1: as
   *   needed).
   * @param size - as for `Buffer`. @param offset - the first byte that is used; default 0.
   * @param lenIn - how many bytes are to be transferred. Default: what the buffer has from the offset on.
   * @throws BadParameter when the offset is negative, or `lenIn` negative or more than the size.
   */
  constructor(data: Uint8Array | number, size?: number, offset = 0, lenIn?: number) {
    super(data, size);
    this.setOffset(offset);
    if (lenIn !== undefined) this.setLenIn(lenIn);
  }

  override getType(): number {
    super.getType();
    return ObjectType.IOVec;
  }

  override clone(): this {
    const copy = withMemoryOf(this, new IOVec(UNKNOWN));
    copy.#offset = this.#offset;
    copy.#lenIn = this.#lenIn;
    copy.#lenOut = this.#lenOut;
    return copy as this;
  }

  /**
   * The first byte of the buffer that is used.
   * @throws BadParameter when it is negative or not whole. @throws IncorrectState after `close`.
   */
  setOffset(offset: number): void {
    this.getSize();
    this.#offset = checked('an offset', offset);
  }

  getOffset(): number {
    this.getSize();
    return this.#offset;
  }

  /**
   * How many bytes are to be transferred.
   * @throws BadParameter when it is negative, or more than the size of the buffer. @throws IncorrectState after `close`.
   */
  setLenIn(lenIn: number): void {
    const size = this.getSize();
    checked('lenIn', lenIn);
    if (size !== UNKNOWN && lenIn > size) {
      throw new BadParameter(`lenIn ${String(lenIn)} is more than the ${String(size)} bytes of the buffer`, {
        object: this,
      });
    }
    this.#lenIn = lenIn;
  }

  /** What was set; else the size of the buffer, -1 while that is unset. */
  getLenIn(): number {
    return this.#lenIn ?? this.getSize();
  }

  /** How many bytes the last `readV` or `writeV` transferred; -1 before one has, and while one is under way. */
  getLenOut(): number {
    this.getSize();
    return this.#lenOut;
  }
}

/**
 * How many bytes a part asks for: `lenIn`, and without it what the buffer has from the offset on.
 * @throws BadParameter when neither is known, or when the offset lies behind the buffer.
 * @internal
 */
export function lengthOf(part: IOVec): number {
  const size = part.getSize();
  const offset = part.getOffset();
  const lenIn = part.getLenIn();
  if (lenIn === UNKNOWN) {
    throw new BadParameter('neither the buffer nor its lenIn tells how many bytes to transfer', { object: part });
  }
  if (size === UNKNOWN) return lenIn;
  if (offset > size) {
    throw new BadParameter(`the offset ${String(offset)} lies behind the ${String(size)} bytes of the buffer`, {
      object: part,
    });
  }
  // An unset lenIn shows as the size, and means what is left of it.
  return lenIn === size ? size - offset : lenIn;
}

/** Tells a part how many bytes were transferred; -1: it is under way. @internal */
export function setLenOut(part: IOVec, length: number = UNKNOWN): void {
  complete(part, length);
}

function checked(what: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new BadParameter(`${what} is a whole number of bytes, not ${String(value)}`);
}
