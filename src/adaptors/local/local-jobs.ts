/** Jobs on this machine: the capabilities of the manifest, made of segments and a launcher. One object a process and home. */
import { readdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { Readable, Writable } from 'node:stream';

import type { CallOptions } from '../../saga/core/call-options.js';
import { BadParameter, DoesNotExist, IncorrectState, NoSuccess, SagaException } from '../../saga/core/exceptions.js';
import { URL } from '../../saga/core/url.js';
import type { Connection } from '../../saga/spi/adaptor.js';
import type { JobObservation, JobSpec } from '../../saga/spi/job.js';
import { cleanUpDaily } from './clean-up.js';
import { translate } from './errors.js';
import { isSettled, type JobLog } from './events.js';
import { openInput, openOutput } from './interactive.js';
import { launchOf, nativeId } from './launch.js';
import { Launcher } from './launcher.js';
import { checkLimits, limitsOf, requireKept } from './limits.js';
import { observationOf } from './observation.js';
import { checkPlacement } from './placement.js';
import { checkPaths, workingDirectoryOf } from './prepare.js';
import { now, signalGroup, signalProcess, thisMachine } from './processes.js';
import { checkScript, writeScript } from './script.js';
import { SegmentLog } from './segment-log.js';
import { readNumbers, isSegmentName, SegmentWriter, type JobLine } from './segment.js';
import { Turns } from './turns.js';
import { UsageMeter } from './usage.js';
import { checkVariation } from './variation.js';

type LocalCapabilities =
  'job.submit' | 'job.query' | 'job.watch' | 'job.suspend' | 'job.signal' | 'job.io' | 'job.self' | 'job.permissions';

/** Jobs in one segment: `getJob` reads one segment, so it must not grow without end. */
const SEGMENT_SIZE = 512;
const NATIVE_ID = /^([a-z0-9]{12})\.([1-9][0-9]{0,8})$/;
const HIGHEST_SIGNAL = 64;
/** Milliseconds for which `list` reads without letting the program do something else. */
const LONGEST_TURN = 5;
/** Milliseconds after which a job that nobody has claimed is handed to the launcher again; then twice as many, and so on. */
const PATIENCE = 2000;

/** A job found by its native id. */
interface Found {
  readonly segment: SegmentLog;
  readonly line: JobLine;
}

export class LocalJobs implements Connection<LocalCapabilities> {
  /** `fork://`, an empty host and 127.0.0.1 name the same service: its jobs have one id. */
  readonly serviceUrl: URL = new URL('local://localhost');
  readonly #home: string;
  readonly #launcher: Launcher;
  readonly #segments = new Map<string, Promise<SegmentLog | undefined>>();
  /** The segments that this process writes; the last one is open. */
  readonly #own = new Map<string, SegmentLog>();
  /** Jobs that were seen unclaimed, and when they are handed over again. */
  readonly #overdue = new WeakMap<JobLine, { readonly at: number; readonly patience: number }>();
  /** The jobs whose standard input has been given away. */
  readonly #inputs = new Set<string>();
  readonly #usage = new UsageMeter();
  readonly #onClosed: () => void;
  #writer: SegmentWriter | undefined;
  #users = 0;

  /** `onClosed` is called when the last user has closed. */
  constructor(home: string, onClosed: () => void) {
    this.#home = home;
    this.#onClosed = onClosed;
    this.#launcher = new Launcher(home, {
      refused: (segment, n, reason) => this.#own.get(segment)?.refuse(n, reason),
      died: () => {
        for (const segment of this.#own.values()) void this.#launchAgain(segment);
      },
    });
  }

  // ---- job.submit

  async prepare(spec: JobSpec): Promise<void> {
    checkPlacement(spec);
    checkVariation(spec);
    checkLimits(spec);
    checkScript(spec);
    checkPaths(spec);
    requireKept(limitsOf(spec), await this.#launcher.warmUp());
  }

  async submit(specs: readonly JobSpec[]): Promise<string[]> {
    if (this.#users === 0) throw new IncorrectState('the job service is closed; make a new one');
    const jobs: Found[] = [];
    const writers = new Set<SegmentWriter>();
    try {
      for (const spec of specs) {
        const writer = this.#openSegment();
        writers.add(writer);
        const job = this.#record(writer, spec);
        jobs.push(job);
        writeScript(this.#home, job.segment.name, job.line.n, spec);
      }
      // Handed over beside the sync, not after it: docs/state.md, "jobs", says why that is safe.
      await Promise.all([...[...writers].map((writer) => writer.durable()), ...jobs.map((job) => this.#launch(job))]);
    } catch (cause) {
      const reason = (translate(cause)?.message ?? String(cause)).trim();
      for (const job of jobs) this.#withdraw(job, reason);
      if (SagaException.is(cause)) throw cause;
      throw new NoSuccess(`the job cannot be recorded under ${this.#home}: ${reason}`, { cause });
    }
    return jobs.map(({ segment, line }) => nativeId(segment.name, line.n));
  }

  async cancel(id: string): Promise<void> {
    const { segment, line } = await this.#find(id);
    let log = await segment.observe(line.n);
    if (!log.claim) {
      segment.append(`never ${String(line.n)} ${now()} canceled`);
      log = await segment.observe(line.n);
    }
    // Somebody was faster than our `never`: ask the keeper.
    if (isSettled(log) || log.claim?.by !== 'keeper') return;
    // Whoever stopped the keeper, its own job perhaps: a stopped process hears nothing.
    for (const signal of ['SIGTERM', 'SIGCONT'] as const) signalProcess(log.claim.keeper, signal);
  }

  // ---- job.query, job.watch

  async query(ids: readonly string[]): Promise<ReadonlyMap<string, JobObservation>> {
    const seen = new Map<string, JobObservation>();
    await Promise.all(
      ids.map(async (id) => {
        const { segment, line } = await this.#find(id);
        const log = await segment.observe(line.n);
        await this.#usage.ask(line, log);
        seen.set(id, this.#observe(segment, line, log));
      }),
    );
    return seen;
  }

  async list(): Promise<string[]> {
    const names = (await readdir(this.#home)).filter(isSegmentName).sort();
    const ids: string[] = [];
    // There may be thousands, on a slow disk.
    const turns = new Turns(LONGEST_TURN);
    for (const name of names) {
      const found = readNumbers(this.#home, name);
      if (found?.host === thisMachine().host) for (const n of found.numbers) ids.push(nativeId(name, n));
      if (turns.isOver) await turns.next();
    }
    return ids;
  }

  async describe(id: string): Promise<JobSpec> {
    return (await this.#find(id)).line.description;
  }

  watch(id: string, listener: (observation: JobObservation) => void): () => void {
    let stop: (() => void) | undefined;
    let stopMeter: (() => void) | undefined;
    let stopped = false;
    void this.#find(id).then(
      ({ segment, line }) => {
        if (stopped) return;
        stop = segment.watch(line.n, (log) => {
          if (stopped) return;
          const tell = (): void => {
            listener(this.#observe(segment, line, log));
          };
          // Before the listener, who may stop the watching.
          if (log.run && !isSettled(log)) stopMeter ??= this.#usage.follow(line, log, tell);
          else stopMeter?.();
          tell();
        });
      },
      () => undefined, // the files of the job were removed under us: there is nothing to tell
    );
    return () => {
      stopped = true;
      stopMeter?.();
      stop?.();
    };
  }

  // ---- job.suspend, job.signal

  suspend(id: string, options: CallOptions): Promise<void> {
    return this.#signalGroup(id, options, 'SIGSTOP', 'suspend');
  }

  resume(id: string, options: CallOptions): Promise<void> {
    return this.#signalGroup(id, options, 'SIGCONT', 'resume');
  }

  async signal(id: string, signum: number, options: CallOptions): Promise<void> {
    if (!Number.isInteger(signum) || signum < 1 || signum > HIGHEST_SIGNAL) {
      throw new BadParameter(
        `signal ${String(signum)} does not exist here; signals are 1 to ${String(HIGHEST_SIGNAL)}`,
      );
    }
    await this.#signalGroup(id, options, signum);
  }

  // ---- job.io

  async stdin(id: string, options: CallOptions): Promise<Writable> {
    const { segment, line } = await this.#find(id);
    if (this.#inputs.has(id))
      throw new IncorrectState('the standard input of the job was given away before: it has one writer');
    this.#inputs.add(id);
    return openInput(this.#home, segment, line.n, options).catch((error: unknown) => {
      this.#inputs.delete(id);
      throw error;
    });
  }

  async stdout(id: string, options: CallOptions): Promise<Readable> {
    const { segment, line } = await this.#find(id);
    return openOutput(this.#home, segment, line.n, 'stdout', options);
  }

  async stderr(id: string, options: CallOptions): Promise<Readable> {
    const { segment, line } = await this.#find(id);
    return openOutput(this.#home, segment, line.n, 'stderr', options);
  }

  // ---- job.self, job.permissions

  async self(): Promise<string | undefined> {
    const id = process.env['XOSAGA_JOB_ID'] ?? '';
    if (!NATIVE_ID.test(id)) return undefined;
    return this.#find(id).then(
      () => id,
      () => undefined,
    );
  }

  async owner(id: string): Promise<{ user: string; group: string }> {
    await this.#find(id);
    // The state directory is the user's alone: whoever can ask is the owner.
    return { user: userName(), group: '' };
  }

  /** One more service uses this object; each calls `close` once. */
  retain(): void {
    this.#users += 1;
  }

  async close(): Promise<void> {
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#onClosed();
    await this.#launcher.close();
    for (const opening of this.#segments.values()) void closeWhenOpen(opening);
    this.#segments.clear();
    this.#usage.close();
    this.#writer?.close();
  }

  /** The segment to write to: the open one, or a new one when that is full. */
  #openSegment(): SegmentWriter {
    if (!this.#writer || this.#writer.count >= SEGMENT_SIZE || this.#writer.isOld) {
      // Old segments are for somebody else's spare time: what goes wrong there is no reason to refuse a job.
      if (!this.#writer) cleanUpDaily(this.#home).catch(() => undefined);
      this.#writer?.close();
      this.#writer = new SegmentWriter(this.#home);
      const { name, header } = this.#writer;
      const segment = new SegmentLog(this.#home, name, header, new Map(), (line) => {
        this.#launchOverdue(segment, line);
      });
      this.#own.set(name, segment);
      this.#segments.set(name, Promise.resolve(segment));
      void this.#retire();
    }
    return this.#writer;
  }

  /** A submitter may live long: its full segments whose jobs have all ended become as those of others, opened on demand. */
  async #retire(): Promise<void> {
    for (const [name, segment] of this.#own) {
      if (name === this.#writer?.name || !(await segment.isOver().catch(() => false))) continue;
      this.#own.delete(name);
      this.#segments.delete(name);
      segment.closeWhenIdle();
    }
  }

  #observe(segment: SegmentLog, line: JobLine, log: JobLog): JobObservation {
    return this.#usage.complete(line, observationOf(segment.header, line, log, segment.refusal(line.n)));
  }

  /** Writes the job's line; when this returns, no killed process can lose it. */
  #record(writer: SegmentWriter, spec: JobSpec): Found {
    const segment = this.#own.get(writer.name);
    if (!segment) throw new NoSuccess(`the segment ${writer.name} is not open`);
    const line = writer.append(spec, workingDirectoryOf(spec));
    segment.jobs.set(line.n, line);
    return { segment, line };
  }

  /** Asynchronous even in what it throws, so that one job that cannot be launched does not keep others from being waited for. */
  async #launch({ segment, line }: Found): Promise<void> {
    await this.#launcher.launch(launchOf(this.#home, segment.name, line, segment.offset));
  }

  /** Of a submission that failed nothing runs: all or nothing. */
  #withdraw({ segment, line }: Found, reason: string): void {
    segment.refuse(line.n, reason);
    // A keeper may have been faster.
    this.cancel(nativeId(segment.name, line.n)).catch(() => undefined);
  }

  /**
   * A new launcher for what the dead one had not started. What it had, the log knows, from its beginning: keepers that the
   * dead one has forked may claim their jobs at any moment. No job runs twice.
   */
  async #launchAgain(segment: SegmentLog): Promise<void> {
    const lines = await segment.unclaimed().catch(() => []);
    for (const line of lines) await this.#launchOnce(segment, line);
  }

  /**
   * A keeper that is killed before it could claim its job leaves no trace that a sh launcher would see. So a job that nobody
   * claims is handed over again, ever less often.
   */
  #launchOverdue(segment: SegmentLog, line: JobLine): void {
    const present = performance.now();
    const { at, patience } = this.#overdue.get(line) ?? { at: present + PATIENCE, patience: PATIENCE };
    const due = present >= at;
    this.#overdue.set(line, due ? { at: present + 2 * patience, patience: 2 * patience } : { at, patience });
    if (due) void this.#launchOnce(segment, line);
  }

  /** For a job that has been handed over before: the log is searched from its beginning for a claim. */
  #launchOnce(segment: SegmentLog, line: JobLine): Promise<void> {
    return this.#launcher.launch(launchOf(this.#home, segment.name, line, 0)).catch((error: unknown) => {
      segment.refuse(line.n, String(error));
    });
  }

  async #signalGroup(
    id: string,
    options: CallOptions,
    signal: NodeJS.Signals | number,
    record?: string,
  ): Promise<void> {
    const { segment, line } = await this.#find(id);
    const { claim, run, end } = await segment.whenRunning(line.n, options);
    if (!run || end) throw new IncorrectState(`job '${id}' has ended`);
    if (claim?.by !== 'keeper' || !signalGroup(run.group, claim.keeper, signal)) {
      throw new IncorrectState(`job '${id}' is ending: its processes are gone`);
    }
    if (record) segment.append(`${record} ${String(line.n)} ${now()}`);
  }

  /** A segment is opened once: others may be watching it. */
  #open(name: string): Promise<SegmentLog | undefined> {
    const known = this.#segments.get(name);
    if (known) return known;
    const opening = SegmentLog.open(this.#home, name);
    this.#segments.set(name, opening);
    const forget = (): void => {
      if (this.#segments.get(name) === opening) this.#segments.delete(name);
    };
    opening.then((found) => {
      if (!found) forget();
    }, forget);
    return opening;
  }

  async #find(id: string): Promise<Found> {
    const [, name = '', number = ''] = NATIVE_ID.exec(id) ?? [];
    if (name === '') {
      throw new BadParameter(
        `'${id}' is not the id of a local job; ids look like [local://localhost]-[abcdefgh1234.1]`,
      );
    }
    const n = Number(number);
    const segment = await this.#open(name);
    // Its submitter may have added jobs since it was read.
    if (segment && !segment.jobs.has(n)) await segment.reload();
    const line = segment?.jobs.get(n);
    if (!segment || !line) throw new DoesNotExist(`there is no job '${id}' under ${this.#home}`);
    if (!segment.isHere) {
      const host = segment.header.host;
      throw new DoesNotExist(`job '${id}' ran on host '${host}': ask there, its processes cannot be seen from here`);
    }
    return { segment, line };
  }
}

/** Containers may run as a user that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}

async function closeWhenOpen(opening: Promise<SegmentLog | undefined>): Promise<void> {
  const segment = await opening.catch(() => undefined);
  segment?.close();
}
