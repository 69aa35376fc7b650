/**
 * Reading a segment (docs/state.md, "Reading a state"): the jobs of one submitter, what their log says, and who is told.
 *
 * All observers read the same file, the submitter too: there is no second channel that could say something else.
 */
import {
  close,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  openSync,
  readSync,
  watch,
  writeSync,
  type FSWatcher,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';

import type { CallOptions } from '../../saga/core/call-options.js';
import { IncorrectState, NoSuccess } from '../../saga/core/exceptions.js';
import { WAIT_FOREVER, waitFor } from '../../saga/core/time-limit.js';
import { noSpace } from './errors.js';
import { applyRecord, isSettled, LONGEST_RECORD, type JobLog } from './events.js';
import { isAlive, killJobProcesses, now, thisMachine, thisProcess } from './processes.js';
import { removeScript } from './script.js';
import { FOR_READING, readSegment, type JobLine, type SegmentHeader } from './segment.js';
import { SharedRun } from './shared-run.js';

const sync = promisify(fdatasync);

/** Milliseconds between looks for what sends no event: keepers that were killed. */
const LIVENESS_INTERVAL = 1000;
/** Milliseconds between looks where the system gives no file events (out of inotify watches, odd file systems). */
const POLL_INTERVAL = 100;
/** Milliseconds for which a segment that is no longer needed stays open. */
const TIME_TO_ASK = 10_000;

/** As `FOR_READING`; a journal that is gone is not made again. */
const FOR_APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** Buffers that are read in one turn of the event loop: what some hundred jobs with much to complain about have written. */
const PIECES_AT_ONCE = 8;
/** Stands for the beginning of a line that is too long for a record. No record begins so. */
const TOO_LONG = '?';

/** What is in it is used up before the next read, so one serves all segments. */
const BUFFER = Buffer.allocUnsafe(1 << 16);

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
  /** Jobs whose listeners do not know yet what was read. It may not be on the disk yet. */
  readonly #untold = new Set<number>();
  readonly #reading = new SharedRun(() => this.#readOn());
  /** Jobs of which the launcher said that they cannot be started, and why. */
  readonly #refused = new Map<number, string>();
  readonly #onPending: (line: JobLine) => void;
  readonly #closing = new AbortController();
  #offset = 0;
  /** Where the line begins that is not whole yet, and what is known of it. */
  #whole = 0;
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
    this.#fd = openSync(this.#events, FOR_READING);
    if (fstatSync(this.#fd).isFile()) return;
    closeSync(this.#fd);
    throw new NoSuccess(`${this.#events} is damaged: it is not a regular file`);
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
    // After what is being read: the number of a closed file may be that of another one at once.
    const closeFile = (): void => {
      close(this.#fd, () => undefined);
    };
    this.#reading.call().then(closeFile, closeFile);
  }

  /** Closes when nobody listens any more and whoever has found a job here has had time to ask. */
  closeWhenIdle(): void {
    const timer = setTimeout(() => {
      if (this.#listeners.size > 0) this.closeWhenIdle();
      else this.close();
    }, TIME_TO_ASK);
    timer.unref();
  }

  /** Whether all its jobs have ended, and there is nothing to say of them that is not in the files. */
  async isOver(): Promise<boolean> {
    await this.#reading.call();
    return this.#refused.size === 0 && [...this.jobs.keys()].every((n) => isSettled(this.#log(n)));
  }

  /** Bytes of `events` in the whole lines read so far: a keeper need not look further back for who claimed its job. */
  get offset(): number {
    return this.#whole;
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
    await this.#readUntilTold(n);
    if (!this.isHere || isSettled(this.#log(n))) return this.#log(n);
    if (this.#log(n).claim) {
      if (this.#keeperLives(n)) return this.#log(n);
      // The keeper may have written its end between our reading and its own.
      await this.#readUntilTold(n);
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
    await this.#readUntilTold(n);
    return this.#log(n);
  }

  /** Reads on; what has been read of job `n` by then is on the disk. The next reading may have begun meanwhile. */
  async #readUntilTold(n: number): Promise<void> {
    do await this.#reading.call();
    while (this.#untold.has(n));
  }

  /** Adds a record to the journal. The first of contradicting records counts: read on to see which that is. */
  append(record: string): void {
    const bytes = Buffer.from(`\n${record}\n`, 'latin1');
    const fd = openSync(this.#events, FOR_APPENDING);
    try {
      if (writeSync(fd, bytes) === bytes.length) return;
    } finally {
      closeSync(fd);
    }
    throw noSpace();
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
    // The next job may come soon: `checkAll` ends the watching when it finds nobody who listens.
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(n) === listeners) this.#listeners.delete(n);
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
    if (this.#closing.signal.aborted) throw new IncorrectState('the job service is closed; make a new one');
    // A long journal is read in pieces: the program has more to do.
    while (!this.#takeIn()) await nextTurn();
    if ([...this.#untold].some((n) => isSettled(this.#log(n)))) await sync(this.#fd);
    const changed = [...this.#untold];
    this.#untold.clear();
    for (const n of changed) {
      const line = this.jobs.get(n);
      if (line && isSettled(this.#log(n))) removeScript(this.#home, this.name, n, line.description);
      this.#tell(n, this.#log(n));
    }
  }

  /**
   * Synchronous: what was just appended is in memory, and is had sooner than a thread could be asked for it.
   * @returns whether that was all.
   */
  #takeIn(): boolean {
    for (let piece = 0; piece < PIECES_AT_ONCE; piece++) {
      const size = readSync(this.#fd, BUFFER, 0, BUFFER.length, this.#offset);
      this.#offset += size;
      const lines = (this.#partial + BUFFER.toString('latin1', 0, size)).split('\n');
      const last = lines.pop() ?? '';
      if (lines.length > 0) this.#whole = this.#offset - last.length;
      this.#partial = last.length > LONGEST_RECORD ? TOO_LONG : last;
      for (const line of lines) {
        const n = line === '' ? undefined : applyRecord(this.#logs, line);
        if (n !== undefined) this.#untold.add(n);
      }
      if (size < BUFFER.length) return true;
    }
    return false;
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
    if (this.#listeners.size === 0) this.#stopWatching();
    await this.#reading.call().catch(() => undefined);
    for (const n of [...this.#listeners.keys()]) {
      // One read serves all of which there is nothing new.
      if (!isSettled(this.#log(n)) && this.#keeperLives(n)) continue;
      const log = await this.observe(n).catch(() => this.#log(n));
      if (isSettled(log)) this.#tell(n, log);
    }
  }
}
