/** The `events` journal of a segment as a file (docs/state.md, "events"): read on where the last reading ended, and appended to. */
import { close, closeSync, constants, fdatasync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';

import { NoSuccess } from '../../saga/core/exceptions.js';
import { noSpace } from './errors.js';
import { LONGEST_RECORD } from './events.js';
import { FOR_READING } from './segment-reader.js';

const sync = promisify(fdatasync);

/** As `FOR_READING`; a journal that is gone is not made again. */
const FOR_APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** Buffers that are read in one turn of the event loop: what some hundred jobs with much to complain about have written. */
const PIECES_AT_ONCE = 8;
/** Stands for the beginning of a line that is too long for a record. No record begins so. */
const TOO_LONG = '?';

/** What is in it is used up before the next read, so one serves all segments. */
const BUFFER = Buffer.allocUnsafe(1 << 16);

export class EventsFile {
  readonly path: string;
  readonly #fd: number;
  #offset = 0;
  /** Where the line begins that is not whole yet, and what is known of it. */
  #whole = 0;
  #partial = '';

  /** @throws NoSuccess when it cannot be a journal; what the system refuses with when it cannot be opened. */
  constructor(path: string) {
    this.path = path;
    this.#fd = openSync(path, FOR_READING);
    if (fstatSync(this.#fd).isFile()) return;
    closeSync(this.#fd);
    throw new NoSuccess(`${path} is damaged: it is not a regular file`);
  }

  /** Bytes in the whole lines read so far. */
  get offset(): number {
    return this.#whole;
  }

  /** Gives the lines that were appended since the last call. A long journal is read in pieces: the program has more to do. */
  async readOn(take: (line: string) => void): Promise<void> {
    while (!this.#readPieces(take)) await nextTurn();
  }

  /** Makes what has been read durable. */
  sync(): Promise<void> {
    return sync(this.#fd);
  }

  /** Adds a record. The first of contradicting records counts: read on to see which that is. */
  append(record: string): void {
    const bytes = Buffer.from(`\n${record}\n`, 'latin1');
    const fd = openSync(this.path, FOR_APPENDING);
    try {
      if (writeSync(fd, bytes) === bytes.length) return;
    } finally {
      closeSync(fd);
    }
    throw noSpace();
  }

  /** Not while it is being read: the number of a closed file may be that of another one at once. */
  close(): void {
    close(this.#fd, () => undefined);
  }

  /**
   * Synchronous: what was just appended is in memory, and is had sooner than a thread could be asked for it.
   * @returns whether that was all.
   */
  #readPieces(take: (line: string) => void): boolean {
    for (let piece = 0; piece < PIECES_AT_ONCE; piece++) {
      const size = readSync(this.#fd, BUFFER, 0, BUFFER.length, this.#offset);
      this.#offset += size;
      const lines = (this.#partial + BUFFER.toString('latin1', 0, size)).split('\n');
      const last = lines.pop() ?? '';
      if (lines.length > 0) this.#whole = this.#offset - last.length;
      this.#partial = last.length > LONGEST_RECORD ? TOO_LONG : last;
      for (const line of lines) if (line !== '') take(line);
      if (size < BUFFER.length) return true;
    }
    return false;
  }
}
