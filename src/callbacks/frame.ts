/** Frames of the checkpoint protocol (docs/checkpoint-protocol.md, "Transport"): four bytes of length, then JSON. */

/** Bytes that a body may have. */
const LONGEST_BODY = 1024 * 1024;
const HEADER = 4;

/** An object with a type is all that is known of what comes. */
export interface Typed {
  readonly type: string;
}

/** @throws RangeError when the message is longer than a frame may be. */
export function encodeFrame(message: Typed): Buffer {
  const body = JSON.stringify(message);
  const length = Buffer.byteLength(body);
  if (length > LONGEST_BODY) {
    throw new RangeError(`a "${message.type}" of ${length} bytes: at most ${LONGEST_BODY} fit into a frame`);
  }
  const frame = Buffer.allocUnsafe(HEADER + length);
  frame.writeUInt32BE(length);
  frame.write(body, HEADER);
  return frame;
}

/** Makes messages of the pieces in which a stream delivers them. */
export class FrameDecoder {
  #pieces: Buffer[] = [];
  #size = 0;
  /** Bytes that must be there before another look is worth it. */
  #wanted = HEADER;

  /**
   * The messages that are complete with this piece.
   * @throws Error when the bytes are no frames: nothing after them can be understood.
   */
  push(piece: Buffer): Typed[] {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#size < this.#wanted) return [];

    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces);
    const messages: Typed[] = [];
    let at = 0;
    for (;;) {
      this.#wanted = HEADER;
      if (bytes.length - at < this.#wanted) break;
      this.#wanted += bodyLength(bytes, at);
      if (bytes.length - at < this.#wanted) break;
      messages.push(parse(bytes.toString('utf8', at + HEADER, at + this.#wanted)));
      at += this.#wanted;
    }
    this.#pieces = [bytes.subarray(at)];
    this.#size = bytes.length - at;
    return messages;
  }
}

function bodyLength(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at);
  if (length < 2 || length > LONGEST_BODY) throw new Error(`a frame of ${length} bytes`);
  return length;
}

function parse(body: string): Typed {
  const message: unknown = JSON.parse(body);
  if (typeof message === 'object' && message !== null && 'type' in message && typeof message.type === 'string') {
    return message as Typed;
  }
  throw new Error('a frame without a type');
}
