/**
 * Directories read in batches. Synchronously, in turns of the event loop: what the system answers from its cache takes
 * microseconds, and the way through Node's thread pool ten times as long.
 */
import { Buffer } from 'node:buffer';
import { type Dir, type Dirent, opendirSync, readdirSync, type Stats } from 'node:fs';

import { type CallOptions, throwIfAborted } from '../../saga/core/call-options.js';
import { decodeNative } from '../../saga/core/native-string.js';
import { Turns } from '../../saga/core/turns.js';
import type { EntryKind, ListedEntry } from '../../saga/spi/file.js';
import { Directory } from './directory.js';
import { failureOf } from './errors.js';

/** Entries of a batch; about 60 kB. */
const BATCH = 1024;
/** Bytes of a directory with about as many entries as a batch, which is read at once: a `Dir` takes longer to make. */
const SMALL_DIRECTORY = 16 * 1024;
/** Every byte is a character: fast, and exact. */
const LATIN1 = 'latin1';
/** Milliseconds for which the program may be kept waiting by all that is done synchronously. */
const TURN = 5;

/** The one clock of all that is listed, copied and removed: side by side they are to keep the program waiting no longer. */
export const turns: Turns = new Turns(TURN);

const ASCII = /^[\x00-\x7f]*$/;

export function kindOf(entry: Dirent | Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): EntryKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  return entry.isSymbolicLink() ? 'link' : 'other';
}

/** As `EntryList.list`. */
export async function* list(
  path: string,
  follow: boolean,
  options: CallOptions,
): AsyncGenerator<readonly ListedEntry[], void> {
  const directory = Directory.open(path, follow);
  try {
    for (const batch of batchesOf(directory)) {
      if (turns.isOver) await turns.next();
      throwIfAborted(options);
      yield batch;
    }
  } catch (error) {
    throw failureOf(`listing '${path}'`, error);
  } finally {
    directory.close();
  }
}

/** The entries of a directory, one after the other. */
export class Entries {
  readonly #directory: Directory;
  readonly #batches: Generator<ListedEntry[], void>;
  #batch: ListedEntry[] = [];

  constructor(directory: Directory) {
    this.#directory = directory;
    this.#batches = batchesOf(directory);
  }

  next(): ListedEntry | undefined {
    // From the end: the order is nobody's promise, and taking the first would move all others.
    const entry = this.#batch.pop();
    if (entry) return entry;
    try {
      this.#batch = this.#batches.next().value ?? [];
    } catch (error) {
      throw failureOf(`listing '${this.#directory.path}'`, error);
    }
    return this.#batch.pop();
  }

  close(): void {
    this.#batches.return();
  }
}

/** The entries of the directory as they are now, without `.` and `..`. */
function* batchesOf(directory: Directory): Generator<ListedEntry[], void> {
  if (directory.stat().size <= SMALL_DIRECTORY) {
    const all = readdirSync(directory.itself, { encoding: LATIN1, withFileTypes: true });
    if (all.length > 0) yield all.map(listed);
    return;
  }
  const entries = opendirSync(directory.itself, { encoding: LATIN1, bufferSize: BATCH });
  try {
    for (let batch = nextBatch(entries); batch.length > 0; batch = nextBatch(entries)) yield batch;
  } finally {
    entries.closeSync();
  }
}

function nextBatch(entries: Dir): ListedEntry[] {
  const batch: ListedEntry[] = [];
  while (batch.length < BATCH) {
    const entry = entries.readSync();
    if (!entry) break;
    batch.push(listed(entry));
  }
  return batch;
}

function listed(entry: Dirent): ListedEntry {
  return { name: nameOf(entry.name), kind: kindOf(entry) };
}

function nameOf(bytes: string): string {
  return ASCII.test(bytes) ? bytes : decodeNative(Buffer.from(bytes, 'latin1'));
}
