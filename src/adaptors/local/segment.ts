/** Writing a segment (docs/state.md): this submitter's journal of jobs, with one sync for all lines that wait together. */
import { randomBytes } from 'node:crypto';
import {
  close,
  closeSync,
  constants,
  fdatasync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

import { decodeNative } from '../../saga/core/native-string.js';
import type { JobSpec } from '../../saga/spi/job.js';
import { noSpace } from './errors.js';
import { isProcessId, type ProcessName } from './events.js';
import { now, thisMachine, thisProcess, type Machine } from './processes.js';
import { SharedRun } from './shared-run.js';

const sync = promisify(fdatasync);
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const NAME = /^[a-z0-9]{12}$/;

const NEWLINE = 0x0a;
/** Bytes that no line of a job has: the largest frame, with every character escaped. */
const LONGEST_LINE = 6 * (8 << 20);
/** Milliseconds; much less than the age of what is cleaned up. */
const LONGEST_WRITING = 24 * 60 * 60 * 1000;
/** A native id has at most 9 digits. */
const HIGHEST_NUMBER = 999_999_999;
/** Not to wait, should the file be a FIFO, and not to follow where somebody else leads. */
export const FOR_READING: number = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** Errors that say that there is no journal, or nothing that could be one. */
const NO_JOURNAL: readonly string[] = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO', 'ERR_FS_FILE_TOO_LARGE'];

/** Whether a file in the home may be a segment. */
export function isSegmentName(name: string): boolean {
  return NAME.test(name);
}

/** The first line of a `jobs` journal. */
export interface SegmentHeader extends Machine {
  readonly layout: 1;
  readonly submitter: ProcessName;
}

/** A further line: one job. */
export interface JobLine {
  readonly n: number;
  /** Seconds since boot, as in `events`. */
  readonly created: string;
  /** The working directory, absolute: what a relative one in the description meant to the submitter. */
  readonly cwd: string;
  readonly description: JobSpec;
}

/** The segment that this process writes. Each call of `append` is one job. */
export class SegmentWriter {
  readonly name: string;
  readonly header: SegmentHeader;
  readonly #opened = Date.now();
  #count = 0;
  #size = 0;
  readonly #fd: number;
  readonly #sync: SharedRun;
  #lastSync: Promise<void> | undefined;

  /** Makes a new segment under `home`; it is visible to others only when it is complete. */
  constructor(home: string) {
    this.name = randomName();
    const hidden = join(home, `.${this.name}.new`);
    mkdirSync(hidden, { mode: 0o700 });
    this.header = { layout: 1, ...thisMachine(), submitter: thisProcess() };
    try {
      this.#fd = openSync(join(hidden, 'jobs'), 'ax', 0o600);
      this.#write(this.header);
      closeNow(openSync(join(hidden, 'events'), 'ax', 0o600));
      renameSync(hidden, join(home, this.name));
    } catch (error) {
      rmSync(hidden, { recursive: true, force: true });
      throw error;
    }
    let isFirst = true;
    this.#sync = new SharedRun(async () => {
      await Promise.all([
        sync(this.#fd),
        ...(isFirst ? [join(home, this.name), home, dirname(home)].map(syncFolder) : []),
      ]);
      isFirst = false;
    });
  }

  /** Whether it is time for a new one: when its jobs have ended, a clean-up may remove this one under an idle submitter. */
  get isOld(): boolean {
    // By the clock that the clean-up goes by, whatever somebody does to it.
    return Math.abs(Date.now() - this.#opened) > LONGEST_WRITING;
  }

  /** Jobs appended so far; also the number of the last one. */
  get count(): number {
    return this.#count;
  }

  /**
   * Appends a job. When this returns, no killed process can lose the line; `durable()` tells when no power cut can.
   * The write is synchronous on purpose: it only reaches the page cache, and takes less than asking a thread to do it.
   */
  append(description: JobSpec, cwd: string): JobLine {
    const line = { n: this.#count + 1, created: now(), cwd, description };
    this.#write(line);
    this.#count = line.n;
    return line;
  }

  /** Resolves when all lines appended so far are on the disk. Calls that wait together share one sync. */
  durable(): Promise<void> {
    return this.#lastSync ?? this.#sync.call();
  }

  /** Lets go of the journal when what was appended is durable. Nothing is appended after this; `durable` may be called. */
  close(): void {
    if (this.#lastSync) return;
    this.#lastSync = this.#sync.call();
    void this.#lastSync
      .catch(() => undefined)
      .then(() => {
        closeNow(this.#fd);
      });
  }

  /** A newline on both sides keeps a torn line from spoiling its neighbours. */
  #write(line: SegmentHeader | JobLine): void {
    const bytes = Buffer.from(`\n${JSON.stringify(line)}\n`);
    const written = writeSync(this.#fd, bytes);
    if (written !== bytes.length) {
      // Nobody else writes here, so that what is torn can go: the newline of the next line would make it whole.
      ftruncateSync(this.#fd, this.#size);
      throw noSpace();
    }
    this.#size += written;
  }
}

/** Makes the entries of a folder durable: the file itself is not enough to be found after a power cut. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some file systems have no such thing.
    if (!['EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await folder.close();
  }
}

function closeNow(fd: number): void {
  close(fd, () => undefined);
}

function randomName(): string {
  return Array.from(randomBytes(12), (byte) => LETTERS[byte % LETTERS.length]).join('');
}

/**
 * What a `jobs` journal holds; undefined when there is none, or none that is whole. A journal that cannot be read now (no files
 * left to open, a disk that fails) is an error: its jobs are not gone. Synchronous: three system calls take a tenth of the time of
 * asking a thread for them.
 */
// eslint-disable-next-line @typescript-eslint/require-await -- who opens a segment waits for it: what is thrown here must reject
export async function readSegment(
  home: string,
  name: string,
): Promise<{ header: SegmentHeader; jobs: Map<number, JobLine> } | undefined> {
  const { header, jobs } = parseJobs(readNow(join(home, name, 'jobs')));
  return header && { header, jobs };
}

/** The host and the numbers of the jobs: as `readSegment`, for whoever looks at thousands of segments. */
export function readNumbers(home: string, name: string): { host: string; numbers: number[] } | undefined {
  const { header, jobs } = parseJobs(readNow(join(home, name, 'jobs')), asLatin1);
  return header && { host: decodeNative(Buffer.from(header.host, 'latin1')), numbers: [...jobs.keys()] };
}

/** What is in it is used up before the next file is read. */
const BUFFER = Buffer.allocUnsafe(1 << 17);

function readNow(path: string): Uint8Array {
  try {
    const fd = openSync(path, FOR_READING);
    try {
      const start = BUFFER.subarray(0, readSync(fd, BUFFER, 0, BUFFER.length, null));
      // Of a file that is larger the rest, which may be most of it.
      return start.length < BUFFER.length ? start : Buffer.concat([start, readFileSync(fd)]);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (NO_JOURNAL.includes((error as NodeJS.ErrnoException).code ?? '')) return new Uint8Array();
    throw error;
  }
}

/** JSON is as whole in this text as in the right one: what is not ASCII stands within strings. */
function asLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The header and the jobs in the bytes of a `jobs` journal; lines that are not whole are left out. */
export function parseJobs(
  bytes: Uint8Array,
  decode: (line: Uint8Array) => string = decodeNative,
): { header: SegmentHeader | undefined; jobs: Map<number, JobLine> } {
  let header: SegmentHeader | undefined;
  const jobs = new Map<number, JobLine>();
  // Line by line: all together may be more than a string can hold. What follows the last newline is not whole.
  for (let at = 0, end: number; (end = bytes.indexOf(NEWLINE, at)) >= 0; at = end + 1) {
    const record = end - at < 2 || end - at > LONGEST_LINE ? undefined : parseLine(decode(bytes.subarray(at, end)));
    if (isJobLine(record)) jobs.set(record.n, record);
    else if (isHeader(record)) header ??= record;
  }
  return { header, jobs };
}

function parseLine(line: string): Record<string, unknown> {
  try {
    const record: unknown = JSON.parse(line);
    return isObject(record) ? record : {};
  } catch {
    return {};
  }
}

function isJobLine(record: object | undefined): record is JobLine {
  const { n, created, cwd, description } = (record ?? {}) as Record<keyof JobLine, unknown>;
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1 || n > HIGHEST_NUMBER) return false;
  return typeof created === 'string' && typeof cwd === 'string' && isAbsolute(cwd) && isObject(description);
}

function isHeader(record: object | undefined): record is SegmentHeader {
  const { layout, host, boot, epochAtBoot, submitter } = (record ?? {}) as Record<keyof SegmentHeader, unknown>;
  if (layout !== 1 || typeof host !== 'string' || typeof boot !== 'string' || typeof epochAtBoot !== 'number')
    return false;
  return isObject(submitter) && isProcessId(submitter['pid']) && typeof submitter['start'] === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
