/** A file as streams of Node, beyond SAGA. */
import { Buffer as NodeBuffer } from 'node:buffer';
import { Readable, Writable } from 'node:stream';

import { aborted, type CallOptions, onAbort } from '../core/call-options.js';
import type { Call } from '../engine/entry-service.js';

/** What one call to the service reads at most, and what a stream holds before it asks its user to wait. */
const CHUNK = 256 * 1024;

/** Reads into the memory at a position. @returns the bytes read, 0 at the end. */
export type ReadAt = (into: Uint8Array, position: number) => Promise<number>;
/** Writes all of the bytes at a position. */
export type WriteAt = (from: Uint8Array, position: number) => Promise<void>;

/** The bytes from `start` up to, and without, `end`; up to the end of the file when that is Infinity. */
export function readableOf(read: ReadAt, start: number, end: number, call: Call): Readable {
  const told = telling(call.options, end === Infinity ? undefined : end - start);
  let position = start;
  const readable = new Readable({
    highWaterMark: CHUNK,
    read() {
      const chunk = NodeBuffer.allocUnsafeSlow(Math.min(CHUNK, end - position));
      if (chunk.length === 0) {
        this.push(null);
        return;
      }
      read(chunk, position)
        .then((count) => {
          position += count;
          told(position - start);
          this.push(count === 0 ? null : chunk.subarray(0, count));
        })
        .catch((error: unknown) => this.destroy(error as Error));
    },
  });
  return endedBy(readable, call);
}

/** Writes what it is given from `start` on. It asks to wait while the service is behind. */
export function writableOf(write: WriteAt, start: number, call: Call): Writable {
  const told = telling(call.options, undefined);
  let position = start;
  const append = (bytes: Uint8Array, done: (error?: Error) => void): void => {
    write(bytes, position)
      .then(() => {
        position += bytes.length;
        told(position - start);
      })
      .then(
        () => {
          done();
        },
        (error: unknown) => {
          done(error as Error);
        },
      );
  };
  const writable = new Writable({
    highWaterMark: CHUNK,
    write: (chunk: NodeBuffer, _encoding, done) => {
      append(chunk, done);
    },
    // Small pieces that came while the service was at the one before go to it together.
    writev: (pieces, done) => {
      append(NodeBuffer.concat(pieces.map(({ chunk }) => chunk as NodeBuffer)), done);
    },
  });
  return endedBy(writable, call);
}

/** Also a stream that nobody reads or writes at the time ends when its signal aborts. */
function endedBy<S extends Readable | Writable>(stream: S, { operation, options }: Call): S {
  const detach = onAbort(options?.signal, (signal) => {
    stream.destroy(aborted(signal, operation));
  });
  stream.once('close', detach);
  return stream;
}

function telling(options: CallOptions | undefined, total: number | undefined): (done: number) => void {
  return (done) => options?.onProgress?.({ done, total, what: 'bytes' });
}
