/**
 * Reading a segment (docs/state.md, "Reading a state"): the jobs of one submitter, what their log says, and who is told.
 *
 * All observers read the same file, the submitter too: there is no second channel that could say something else.
 */
import { appendFileSync, close, fdatasync, openSync, read, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { CallOptions } from '../../saga/core/call-options.js';
import { WAIT_FOREVER, waitFor } from '../../saga/core/time-limit.js';
import { applyRecord, isSettled, type JobLog } from './events.js';
import { isAlive, killJobProcesses, now, thisMachine, thisProcess } from './processes.js';
import { readSegment, type JobLine, type SegmentHeader } from './segment.js';
import { SharedRun } from './shared-run.js';

const readAt = promisify(read);
const sync = promisify(fdatasync);

/** Milliseconds between looks for what sends no event: keepers that were killed. */
const LIVENESS_INTERVAL = 1000;
/** Milliseconds between looks where the system gives no file events (out of inotify watches, odd file systems). */
const POLL_INTERVAL = 100;

type Listener = (log: JobLog) => void;

export class SegmentLog {
  readonly name: string;
  readonly header: SegmentHeader;
  readonly jobs: Map<number, JobLine>;
  readonly #home: string;
  readonly #events: string;
  readonly #fd: number;
  readonly #logs = new Map<number, JobLog>();
  readonly #listeners = new Map<number, Set<Listener>>();
  readonly #reading = new SharedRun(() => this.#readOn());
  /** Jobs of which the launcher said that they cannot be started, and why. */
  readonly #refused = new Map<number, string>();
  readonly #onPending: (line: JobLine) => void;
  readonly #closing = new AbortController();
  readonly #buffer = Buffer.allocUnsafe(1 << 16);
  #offset = 0;
  #partial = '';
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `onPending` is called when somebody asks for a job that has not been claimed and still can be. */
  constructor(
    home: string,
    name: string,
    header: SegmentHeader,
    jobs: Map<number, JobLine>,
    onPending: (line: JobLine) => void = () => undefined,
  ) {
    this.name = name;
    this.header = header;
    this.jobs = jobs;
    this.#home = home;
    this.#onPending = onPending;
    this.#events = join(home, name, 'events');
    this.#fd = openSync(this.#events, 'r');
  }

  /** Opens a segment of any submitter; undefined when it is not there or not whole. */
  static async open(home: string, name: string): Promise<SegmentLog | undefined> {
    const found = await readSegment(home, name);
    return found && new SegmentLog(home, name, found.header, found.jobs);
  }

  /** Reads the jobs that the submitter has added since this was opened. */
  async reload(): Promise<void> {
    const found = await readSegment(this.#home, this.name);
    for (const [n, line] of found?.jobs ?? []) if (!this.jobs.has(n)) this.jobs.set(n, line);
  }

  /** Aborted when the segment is closed: what waits for its jobs will hear nothing more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  close(): void {
    this.#closing.abort();
    this.#listeners.clear();
    this.#stopWatching();
    close(this.#fd, () => undefined);
  }

  /** Bytes of `events` in the whole lines read so far: a keeper need not look further back for who claimed its job. */
  get offset(): number {
    return this.#offset - this.#partial.length;
  }

  /** Whether the jobs ran on this machine, so that this process can see who lives. */
  get isHere(): boolean {
    return this.header.host === thisMachine().host;
  }

  /** The jobs that nobody has claimed yet, and of which no end was told. */
  async unclaimed(): Promise<JobLine[]> {
    await this.#reading.call();
    return [...this.jobs.values()].filter(({ n }) => {
      const { claim, end } = this.#log(n);
      return !claim && !end && !this.#refused.has(n);
    });
  }

  /** The launcher could not start the job; nobody will try again. */
  refuse(n: number, reason: string): void {
    this.#refused.set(n, reason);
    this.observe(n).then(
      (log) => {
        this.#tell(n, log);
      },
      () => undefined, // the next look tells it
    );
  }

  refusal(n: number): string | undefined {
    return this.#refused.get(n);
  }

  /** What is true of job `n` now. Settled states that this returns are on the disk. */
  async observe(n: number): Promise<JobLog> {
    await this.#reading.call();
    if (!this.isHere || isSettled(this.#log(n))) return this.#log(n);
    if (this.#log(n).claim) {
      if (this.#keeperLives(n)) return this.#log(n);
      // The keeper may have written its end between our reading and its own.
      await this.#reading.call();
      if (!isSettled(this.#log(n))) this.#bury(n);
    } else {
      if (this.#willBeStarted(n)) {
        const line = this.jobs.get(n);
        if (line) this.#onPending(line);
        return this.#log(n);
      }
      const recorded = this.#tryAppend(`never ${String(n)} ${now()} gone`);
      if (!recorded && this.#cannotBeStarted(n)) return { claim: { by: 'nobody', time: now(), reason: 'gone' } };
    }
    await this.#reading.call();
    return this.#log(n);
  }

  /** Adds a record to the journal. The first of contradicting records counts: read on to see which that is. */
  append(record: string): void {
    appendFileSync(this.#events, `\n${record}\n`, { mode: 0o600 });
  }

  /** The log as soon as all processes of the job run, or at its end if that comes first. */
  async whenRunning(n: number, options: CallOptions): Promise<JobLog> {
    const log = await waitFor<JobLog>(WAIT_FOREVER, options, 'waiting for the start of the job', (waiter) =>
      this.watch(n, (seen) => {
        if (seen.run || isSettled(seen)) waiter.resolve(seen);
      }),
    );
    return log ?? this.#log(n);
  }

  /** Tells the listener how job `n` is, and then every change, until the returned function is called. */
  watch(n: number, listener: Listener): () => void {
    let listeners = this.#listeners.get(n);
    if (!listeners) this.#listeners.set(n, (listeners = new Set()));
    listeners.add(listener);
    this.#startWatching();
    // What was read before is told to nobody again, so the present comes apart from the changes.
    this.observe(n).then(
      (log) => {
        if (listeners.has(listener)) listener(log);
      },
      () => undefined, // the timer looks again
    );
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(n) === listeners) this.#listeners.delete(n);
      if (this.#listeners.size === 0) this.#stopWatching();
    };
  }

  #log(n: number): JobLog {
    return this.#logs.get(n) ?? {};
  }

  #keeperLives(n: number): boolean {
    const { claim } = this.#log(n);
    return claim?.by === 'keeper' && this.header.boot === thisMachine().boot && isAlive(claim.keeper);
  }

  #willBeStarted(n: number): boolean {
    if (this.#refused.has(n)) return false;
    const { boot, submitter } = this.header;
    if (boot !== thisMachine().boot) return false;
    return submitter.pid === process.pid ? submitter.start === thisProcess().start : isAlive(submitter);
  }

  /** Whether there is no keeper that could claim the job after all, record or not. */
  #cannotBeStarted(n: number): boolean {
    return this.#refused.has(n) || this.header.boot !== thisMachine().boot;
  }

  /** The keeper died without a word: what is left of the job must not go on behind a Failed. */
  #bury(n: number): void {
    if (this.header.boot === thisMachine().boot) killJobProcesses(`${this.name}.${String(n)}`);
    this.#tryAppend(`lost ${String(n)} ${now()}`);
  }

  #tryAppend(record: string): boolean {
    try {
      this.append(record);
      return true;
    } catch {
      return false; // a full or read-only disk: the next observer tries again
    }
  }

  /** Reads what was appended, makes settled states durable and then tells the listeners. */
  async #readOn(): Promise<void> {
    const changed = new Set<number>();
    for (;;) {
      const { bytesRead } = await readAt(this.#fd, this.#buffer, 0, this.#buffer.length, this.#offset);
      if (bytesRead === 0) break;
      this.#offset += bytesRead;
      const lines = (this.#partial + this.#buffer.toString('latin1', 0, bytesRead)).split('\n');
      this.#partial = lines.pop() ?? '';
      for (const line of lines) {
        const n = line === '' ? undefined : applyRecord(this.#logs, line);
        if (n !== undefined) changed.add(n);
      }
    }
    if ([...changed].some((n) => isSettled(this.#log(n)))) await sync(this.#fd);
    for (const n of changed) this.#tell(n, this.#log(n));
  }

  #tell(n: number, log: JobLog): void {
    for (const listener of [...(this.#listeners.get(n) ?? [])]) listener(log);
  }

  #startWatching(): void {
    if (this.#timer) return;
    try {
      this.#watcher = watch(this.#events, () => {
        this.#readSoon();
      });
      this.#watcher.unref();
      this.#watcher.on('error', () => {
        this.#watcher?.close();
      });
    } catch {
      this.#watcher = undefined;
    }
    this.#timer = setInterval(() => void this.#checkAll(), this.#watcher ? LIVENESS_INTERVAL : POLL_INTERVAL);
    // Those who wait keep the process alive; watching does not.
    this.#timer.unref();
  }

  /** A failure to read shows to whoever asks; in the background the next look makes up for it. */
  #readSoon(): void {
    this.#reading.call().catch(() => undefined);
  }

  #stopWatching(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #checkAll(): Promise<void> {
    for (const n of [...this.#listeners.keys()]) {
      const log = await this.observe(n).catch(() => this.#log(n));
      if (isSettled(log)) this.#tell(n, log);
    }
  }
}
