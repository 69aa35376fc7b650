/** Writing a segment (docs/state.md): this submitter's journal of jobs, with one sync for all lines that wait together. */
import { randomBytes } from 'node:crypto';
import { close, fdatasync, ftruncateSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { decodeNative } from '../../saga/core/native-string.js';
import type { JobSpec } from '../../saga/spi/job.js';
import type { ProcessName } from './events.js';
import { now, thisMachine, thisProcess, type Machine } from './processes.js';
import { SharedRun } from './shared-run.js';

const sync = promisify(fdatasync);
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

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
  #count = 0;
  #size = 0;
  readonly #fd: number;
  readonly #sync: SharedRun;

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
    this.#sync = new SharedRun(() => sync(this.#fd));
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
    return this.#sync.call();
  }

  /** Lets go of the journal when what was appended is durable. */
  close(): void {
    void this.durable()
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
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    }
    this.#size += written;
  }
}

function closeNow(fd: number): void {
  close(fd, () => undefined);
}

function randomName(): string {
  return Array.from(randomBytes(12), (byte) => LETTERS[byte % LETTERS.length]).join('');
}

/** What a `jobs` journal holds; undefined when there is none, or none that is whole. */
export async function readSegment(
  home: string,
  name: string,
): Promise<{ header: SegmentHeader; jobs: Map<number, JobLine> } | undefined> {
  const bytes = await readFile(join(home, name, 'jobs')).catch(() => undefined);
  const { header, jobs } = parseJobs(bytes ?? new Uint8Array());
  return header && { header, jobs };
}

/** The header and the jobs in the bytes of a `jobs` journal; lines that are not whole are left out. */
export function parseJobs(bytes: Uint8Array): { header: SegmentHeader | undefined; jobs: Map<number, JobLine> } {
  let header: SegmentHeader | undefined;
  const jobs = new Map<number, JobLine>();
  const lines = decodeNative(bytes).split('\n');
  lines.pop(); // what follows the last newline is not whole
  for (const line of lines) {
    const record = line === '' ? undefined : parseLine(line);
    if (!record) continue;
    if ('n' in record) jobs.set(record.n, record);
    else header ??= record;
  }
  return { header, jobs };
}

function parseLine(line: string): SegmentHeader | JobLine | undefined {
  try {
    const record: unknown = JSON.parse(line);
    if (typeof record !== 'object' || record === null) return undefined;
    if ('n' in record && typeof record.n === 'number' && 'description' in record) return record as JobLine;
    if ('layout' in record && record.layout === 1 && 'submitter' in record) return record as SegmentHeader;
    return undefined;
  } catch {
    return undefined;
  }
}
