/** Writing a segment (docs/state.md): this submitter's journal of jobs, with one sync for all lines that wait together. */
import { randomBytes } from 'node:crypto';
import { close, fdatasync, ftruncateSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import type { JobSpec } from '../../saga/spi/job.js';
import { noSpace } from './errors.js';
import type { JobLine, SegmentHeader } from './job-line.js';
import { now, thisMachine, thisProcess } from './processes.js';
import { SharedRun } from './shared-run.js';

const sync = promisify(fdatasync);
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** Milliseconds; much less than the age of what is cleaned up. */
const LONGEST_WRITING = 24 * 60 * 60 * 1000;

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

  /** Jobs appended so far, with the tasks of arrays; also the highest number. */
  get count(): number {
    return this.#count;
  }

  /**
   * Appends a job. When this returns, no killed process can lose the line; `durable()` tells when no power cut can.
   * The write is synchronous on purpose: it only reaches the page cache, and takes less than asking a thread to do it.
   */
  append(description: JobSpec, cwd: string, more: Pick<JobLine, 'tasks' | 'base' | 'from'> = {}): JobLine {
    const line = { n: this.#count + 1, created: now(), cwd, description, ...more };
    this.#write(line);
    this.#count = line.n + (more.tasks?.length ?? 0);
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
