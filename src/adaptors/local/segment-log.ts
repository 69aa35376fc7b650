/**
 * Reading a segment (docs/state.md, "Reading a state"): the jobs of one submitter, what their log says, and who is told.
 *
 * All observers read the same file, the submitter too: there is no second channel that could say something else.
 */
import { join } from 'node:path';

import type { CallOptions } from '../../saga/core/call-options.js';
import { IncorrectState } from '../../saga/core/exceptions.js';
import { WAIT_FOREVER, waitFor } from '../../saga/core/time-limit.js';
import { EventsFile } from './events-file.js';
import { applyRecord, isSettled, type JobLog } from './events.js';
import { EventsWatch } from './events-watch.js';
import type { JobLine, SegmentHeader } from './job-line.js';
import { removeNotes, removeTemporaries } from './leftovers.js';
import { markOf } from './native-id.js';
import { isAlive, killJobProcesses, now, thisMachine, thisProcess } from './processes.js';
import { removeScript } from './script.js';
import { SegmentJobs } from './segment-jobs.js';
import { readHeader } from './segment-reader.js';
import { SharedRun } from './shared-run.js';

/** Milliseconds for which a segment that is no longer needed stays open. */
const TIME_TO_ASK = 10_000;

type Listener = (log: JobLog) => void;

export class SegmentLog {
  readonly name: string;
  readonly header: SegmentHeader;
  readonly jobs: SegmentJobs;
  readonly #home: string;
  readonly #events: EventsFile;
  readonly #logs = new Map<number, JobLog>();
  readonly #listeners = new Map<number, Set<Listener>>();
  /** Jobs whose listeners do not know yet what was read. It may not be on the disk yet. */
  readonly #untold = new Set<number>();
  readonly #reading = new SharedRun(() => this.#readOn());
  /** Jobs of which the launcher said that they cannot be started, and why. */
  readonly #refused = new Map<number, string>();
  readonly #onPending: (line: JobLine) => void;
  readonly #closing = new AbortController();
  readonly #watch: EventsWatch;

  /** `onPending` is called when somebody asks for a job that has not been claimed and still can be. */
  constructor(home: string, name: string, header: SegmentHeader, onPending: (line: JobLine) => void = () => undefined) {
    this.name = name;
    this.header = header;
    this.#home = home;
    this.#onPending = onPending;
    this.#events = new EventsFile(join(home, name, 'events'));
    this.jobs = new SegmentJobs(home, name, (job) => {
      if (isSettled(this.#log(job.n))) this.#tidy(job);
    });
    this.#watch = new EventsWatch(
      this.#events.path,
      () => {
        // A failure to read shows to whoever asks; in the background the next look makes up for it.
        this.#reading.call().catch(() => undefined);
      },
      () => void this.#checkAll(),
    );
  }

  /** Opens a segment of any submitter; undefined when it is not there or not whole. */
  static open(home: string, name: string): SegmentLog | undefined {
    const header = readHeader(home, name);
    return header && new SegmentLog(home, name, header);
  }

  /** Whether the job was pruned, or the array to which it belongs. */
  async isPruned({ n, task }: JobLine): Promise<boolean> {
    await this.#reading.call();
    return this.#log(n).pruned ?? this.#log(task?.array ?? n).pruned ?? false;
  }

  /** Aborted when the segment is closed: what waits for its jobs will hear nothing more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  close(): void {
    this.#closing.abort();
    this.#listeners.clear();
    this.#watch.stop();
    // After what is being read: the number of a closed file may be that of another one at once.
    const closeFile = (): void => {
      this.#events.close();
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

  /** Of a segment whose jobs were all added: whether they have ended, and the files say all that there is to say of them. */
  async isOver(): Promise<boolean> {
    await this.#reading.call();
    return this.#refused.size === 0 && this.jobs.all.every(({ n }) => isSettled(this.#log(n)));
  }

  /** Bytes of `events` read so far, in whole lines: a keeper need not look further back for who claimed its job. */
  get offset(): number {
    return this.#events.offset;
  }

  /** Whether the jobs ran on this machine, so that this process can see who lives. */
  get isHere(): boolean {
    return this.header.host === thisMachine().host;
  }

  /** The jobs that nobody has claimed yet, and of which no end was told. */
  async unclaimed(): Promise<JobLine[]> {
    await this.#reading.call();
    return this.jobs.all.filter(({ n }) => {
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
        const line = this.jobs.known(n);
        if (line) this.#onPending(line);
        return this.#log(n);
      }
      const recorded = this.#tryAppend(`never ${String(n)} ${now()} gone`);
      if (!recorded && this.#cannotBeStarted(n)) return { claim: { by: 'nobody', time: now(), reason: 'gone' } };
    }
    await this.#readUntilTold(n);
    return this.#log(n);
  }

  /** What is true of several jobs now. One reading serves all of which there is nothing new. */
  async observeEach(numbers: readonly number[]): Promise<JobLog[]> {
    await this.#reading.call();
    const logs: JobLog[] = [];
    for (const n of numbers) {
      const isClear = !this.#untold.has(n) && (isSettled(this.#log(n)) || this.#keeperLives(n));
      logs.push(isClear ? this.#log(n) : await this.observe(n));
    }
    return logs;
  }

  /** Reads on; what has been read of job `n` by then is on the disk. The next reading may have begun meanwhile. */
  async #readUntilTold(n: number): Promise<void> {
    do await this.#reading.call();
    while (this.#untold.has(n));
  }

  /** Adds a record to the journal. The first of contradicting records counts: read on to see which that is. */
  append(record: string): void {
    this.#events.append(record);
  }

  /** The log as soon as it is as `isAwaited` says, or at the end of the job if that comes first. */
  async when(n: number, isAwaited: (log: JobLog) => boolean, options: CallOptions): Promise<JobLog> {
    const log = await waitFor<JobLog>(WAIT_FOREVER, options, 'waiting for news of the job', (waiter) =>
      this.watch(n, (seen) => {
        if (isAwaited(seen) || isSettled(seen)) waiter.resolve(seen);
      }),
    );
    return log ?? this.#log(n);
  }

  /** The log as soon as all processes of the job run, or at its end if that comes first. */
  whenRunning(n: number, options: CallOptions): Promise<JobLog> {
    return this.when(n, ({ run }) => run !== undefined, options);
  }

  /** Tells the listener how job `n` is, and then every change, until the returned function is called. */
  watch(n: number, listener: Listener): () => void {
    let listeners = this.#listeners.get(n);
    if (!listeners) this.#listeners.set(n, (listeners = new Set()));
    listeners.add(listener);
    this.#watch.start();
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
    const line = this.jobs.known(n);
    if (line && this.header.boot === thisMachine().boot) killJobProcesses(markOf(this.name, line));
    if (line) removeTemporaries(markOf(this.name, line), line);
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
    await this.#events.readOn((line) => {
      const n = applyRecord(this.#logs, line);
      if (n !== undefined) this.#untold.add(n);
    });
    if ([...this.#untold].some((n) => isSettled(this.#log(n)))) await this.#events.sync();
    const changed = [...this.#untold];
    this.#untold.clear();
    for (const n of changed) {
      const line = this.jobs.known(n);
      if (line && isSettled(this.#log(n))) this.#tidy(line);
      this.#tell(n, this.#log(n));
    }
  }

  /** What only a job that may still run needs. Tasks share the script of their array. */
  #tidy({ n, description, task }: JobLine): void {
    if (this.#log(n).end?.kind === 'lost') removeNotes(join(this.#home, this.name), n);
    const owner = this.jobs.known(task?.array ?? n);
    if (description.script === undefined || !owner) return;
    if (this.jobs.of(owner).every((job) => isSettled(this.#log(job.n)))) removeScript(this.#home, this.name, owner.n);
  }

  #tell(n: number, log: JobLog): void {
    for (const listener of [...(this.#listeners.get(n) ?? [])]) listener(log);
  }

  async #checkAll(): Promise<void> {
    if (this.#listeners.size === 0) this.#watch.stop();
    await this.#reading.call().catch(() => undefined);
    for (const n of [...this.#listeners.keys()]) {
      // One read serves all of which there is nothing new.
      if (!isSettled(this.#log(n)) && this.#keeperLives(n)) continue;
      const log = await this.observe(n).catch(() => this.#log(n));
      if (isSettled(log)) this.#tell(n, log);
    }
  }
}
