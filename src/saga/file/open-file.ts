/** What is behind a File: its handles, the pointer, and the order in which calls move it. */
import { throwIfAborted, untilAborted } from '../core/call-options.js';
import type { Call } from '../engine/entry-service.js';
import type { Access, FileHandles } from '../engine/file-handles.js';

export class OpenFile {
  #handles: FileHandles;
  /** Where the next read or write begins. It is moved by calls that have their turn. */
  position: number;
  #lastTurn: Promise<unknown> = Promise.resolve();

  constructor(handles: FileHandles, position: number) {
    this.#handles = handles;
    this.position = position;
  }

  /** The same open file with a pointer of its own, which is where this one is. */
  share(): OpenFile {
    return new OpenFile(this.#handles.share(), this.position);
  }

  /** What the file is open for. */
  get access(): Access {
    return this.#handles.access;
  }

  /** @throws PermissionDenied when the file is not open for reading. */
  requireReadable(call: Call): void {
    this.#handles.requireReadable(call);
  }

  /** @throws PermissionDenied when the file is not open for writing. */
  requireWritable(call: Call): void {
    this.#handles.requireWritable(call);
  }

  /**
   * Runs calls that use the pointer one after the other: each begins where the one before has left it. An aborted call
   * rejects at once and leaves the pointer; the next one waits until the adaptor has let go of it, lest writes overtake
   * each other.
   */
  inTurn<T>(call: Call, work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(() => {
      throwIfAborted(call.options, call.operation);
      return work();
    });
    const over = (): Promise<void> => this.#handles.settled();
    this.#lastTurn = turn.then(over, over);
    return untilAborted(turn, call.options, call.operation);
  }

  /** As `ReadableFile.read`. */
  read(into: Uint8Array, position: number, call: Call): Promise<number> {
    return this.#handles.read(into, position, call);
  }

  /** Fills `into`, unless the file ends before. @returns the bytes read. */
  async readFully(into: Uint8Array, position: number, call: Call): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const count = await this.read(into.subarray(filled), position + filled, call);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  /** Writes all of `from`. */
  write(from: Uint8Array, position: number, call: Call): Promise<void> {
    return this.#handles.write(from, position, call);
  }

  /** The file has moved: from now on it is reached by other handles. */
  async reopen(handles: FileHandles, call: Call): Promise<void> {
    const before = this.#handles;
    this.#handles = handles;
    await before.close(call);
  }

  /** Lets what the adaptor is at end, and closes the handles. */
  close(call: Call): Promise<void> {
    return this.#handles.close(call);
  }
}
