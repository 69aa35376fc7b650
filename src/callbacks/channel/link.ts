/** One connection of a channel: bytes in, frames out, and the other way round. */
import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';

import { FRAME_HEAD, frameType, MalformedFrame, MESSAGE, MESSAGE_HEAD, SMALL_FRAME } from './frames.js';

/** Milliseconds that the other end is given to read what it is told last. */
const LINGER = 1000;

/** Who reads the frames of a connection. */
export interface FrameReader {
  /** May throw {@link MalformedFrame}. */
  frame(frame: Buffer): void;
  /** What was read is no frame, or not one that can be here. Nothing more is read. */
  malformed(error: MalformedFrame): void;
  /** The connection has ended; called once. */
  end(): void;
}

/**
 * Frames are taken from the connection one by one, by whoever is the reader at that moment: while nobody is, the
 * connection waits, and at most one chunk is held.
 */
export class Link {
  readonly #stream: Duplex;
  #chunks: Buffer[] = [];
  #held = 0;
  #largest = 0;
  #reader: FrameReader | undefined;
  #corked = false;
  #ended = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
    const over = (): void => {
      this.#over();
    };
    stream.on('data', (chunk: Buffer) => {
      if (this.#ended) return;
      this.#chunks.push(chunk);
      this.#held += chunk.length;
      this.#pump();
    });
    // What went wrong does not matter: the channel goes on with the next connection.
    stream.on('error', over);
    stream.on('end', over);
    stream.on('close', over);
    stream.pause();
  }

  /** Messages may have so many bytes from now on. Before, there are none. */
  allow(largest: number): void {
    this.#largest = largest;
  }

  /** Hands every frame to `reader` from now on. */
  read(reader: FrameReader): void {
    this.#reader = reader;
    if (this.#ended) this.#over();
    else this.#pump();
  }

  /**
   * The next frame; undefined when the connection ends before it has come.
   * @throws MalformedFrame
   */
  next(): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#reader = undefined;
      };
      this.read({
        frame: (frame) => {
          done();
          resolve(frame);
        },
        malformed: (error) => {
          done();
          reject(error);
        },
        end: () => {
          done();
          resolve(undefined);
        },
      });
    });
  }

  /** Frames of one turn of the event loop leave in one write. */
  write(frame: Buffer): void {
    if (this.#ended || this.#stream.destroyed || this.#stream.writableEnded) return;
    if (!this.#corked) {
      this.#corked = true;
      this.#stream.cork();
      process.nextTick(() => {
        this.#corked = false;
        this.#stream.uncork();
      });
    }
    this.#stream.write(frame);
  }

  /** Nothing is read or written any more. */
  destroy(): void {
    this.#over();
  }

  /** Nothing is read any more; what was written still leaves. Resolves when the connection is closed. */
  close(): Promise<void> {
    this.#forget();
    return new Promise((resolve) => {
      if (this.#stream.closed) {
        resolve();
        return;
      }
      const destroy = (): void => {
        this.#stream.destroy();
      };
      const timer = setTimeout(destroy, LINGER);
      this.#stream.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#stream.end(destroy);
    });
  }

  /**
   * As {@link close}, after the other end has read all and hung up, or a second: closing a TCP connection with something
   * unread in it can destroy what was written last.
   */
  async finish(): Promise<void> {
    this.#forget();
    if (!this.#stream.destroyed && !this.#stream.readableEnded) {
      this.#stream.end();
      this.#stream.resume();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LINGER);
        const done = (): void => {
          clearTimeout(timer);
          resolve();
        };
        this.#stream.once('end', done);
        this.#stream.once('close', done);
      });
    }
    await this.close();
  }

  #forget(): void {
    this.#ended = true;
    this.#reader = undefined;
    this.#chunks = [];
    this.#held = 0;
  }

  #over(): void {
    const reader = this.#reader;
    this.#forget();
    this.#stream.destroy();
    reader?.end();
  }

  #pump(): void {
    try {
      while (this.#reader) {
        const frame = this.#take();
        if (!frame) {
          this.#stream.resume();
          return;
        }
        this.#reader.frame(frame);
      }
      if (!this.#ended) this.#stream.pause();
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.#reader?.malformed(error);
    }
  }

  #take(): Buffer | undefined {
    const head = this.#gather(FRAME_HEAD);
    if (!head) return undefined;
    const length = head.readUInt32BE();
    const type = frameType(head);
    const limit = type === MESSAGE ? this.#largest + MESSAGE_HEAD - 4 : SMALL_FRAME;
    if (length < 1 || length > limit) throw new MalformedFrame(`a frame of type ${type} and length ${length}`);
    const chunk = this.#gather(4 + length);
    if (!chunk) return undefined;
    const frame = chunk.subarray(0, 4 + length);
    if (chunk.length === frame.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(frame.length);
    this.#held -= frame.length;
    return frame;
  }

  /** The first chunk, made to have so many bytes. Each byte of a long frame is moved once. */
  #gather(length: number): Buffer | undefined {
    if (this.#held < length) return undefined;
    const [first] = this.#chunks;
    if (first && first.length >= length) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
