/** Jobs on this machine: the capabilities of the manifest, made of segments and a launcher. One object a process and home. */
import { readdir } from 'node:fs/promises';
import { userInfo } from 'node:os';
import type { Readable, Writable } from 'node:stream';

import type { CallOptions } from '../../saga/core/call-options.js';
import { BadParameter, IncorrectState, SagaException } from '../../saga/core/exceptions.js';
import { Turns } from '../../saga/core/turns.js';
import { URL } from '../../saga/core/url.js';
import type { Connection } from '../../saga/spi/adaptor.js';
import type { CheckpointVersion } from '../../saga/spi/checkpointer.js';
import type { CheckpointOrigin, JobObservation, JobSpec } from '../../saga/spi/job.js';
import { ownTask } from './array.js';
import { Checkpoints, type ChooseCheckpointer } from './checkpointing.js';
import { cancel, hold, release, resume, signal, suspend } from './control.js';
import { checkDependencies } from './dependencies.js';
import { openInput, openOutput } from './interactive.js';
import type { JobLine } from './job-line.js';
import { limitsOf, requireKept } from './limits.js';
import { isNativeId, nativeId } from './native-id.js';
import { Observer } from './observer.js';
import { checkSpec } from './prepare.js';
import { thisMachine } from './processes.js';
import { pruneJobs, pruneOlder } from './prune.js';
import { isSegmentName, readNames } from './segment-reader.js';
import type { Found, Segments } from './segments.js';
import { Submitter } from './submitter.js';

type LocalCapabilities =
  | 'job.submit'
  | 'job.query'
  | 'job.watch'
  | 'job.suspend'
  | 'job.signal'
  | 'job.hold'
  | 'job.array'
  | 'job.checkpoint'
  | 'job.recover'
  | 'job.migrate'
  | 'job.prune'
  | 'job.io'
  | 'job.self'
  | 'job.permissions';

const HIGHEST_SIGNAL = 64;
/** Milliseconds for which `list` reads without letting the program do something else. */
const LONGEST_TURN = 5;

export class LocalJobs implements Connection<LocalCapabilities> {
  /** `fork://`, an empty host and 127.0.0.1 name the same service: its jobs have one id. */
  readonly serviceUrl: URL = new URL('local://localhost');
  readonly #home: string;
  readonly #submitter: Submitter;
  readonly #segments: Segments;
  readonly #checkpoints: Checkpoints;
  readonly #observer = new Observer();
  /** The jobs whose standard input has been given away. */
  readonly #inputs = new Set<string>();
  readonly #onClosed: () => void;
  #users = 0;

  /** `onClosed` is called when the last user has closed. */
  constructor(home: string, choose: ChooseCheckpointer, onClosed: () => void) {
    this.#home = home;
    this.#onClosed = onClosed;
    this.#submitter = new Submitter(home, choose);
    this.#checkpoints = new Checkpoints(home, this.#submitter, choose);
    this.#segments = this.#submitter.segments;
  }

  // ---- job.submit

  async prepare(spec: JobSpec): Promise<void> {
    checkSpec(spec);
    await this.#checkpoints.check(spec);
    await checkDependencies(spec, (id) => this.#segments.find(id));
    requireKept(limitsOf(spec), await this.#submitter.warmUp());
  }

  async submit(specs: readonly JobSpec[]): Promise<string[]> {
    if (this.#users === 0) throw new IncorrectState('the job service is closed; make a new one');
    return this.#submitter.submit(specs);
  }

  cancel(id: string): Promise<void> {
    return this.#forAll(id, cancel);
  }

  // ---- job.query, job.watch

  async query(ids: readonly string[]): Promise<ReadonlyMap<string, JobObservation>> {
    const seen = new Map<string, JobObservation>();
    await Promise.all(
      ids.map(async (id) => {
        seen.set(id, await this.#observer.observe(await this.#segments.find(id)));
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
      const found = readNames(this.#home, name);
      if (found?.host === thisMachine().host) for (const line of found.jobs) ids.push(...idsOf(name, line));
      if (turns.isOver) await turns.next();
    }
    return ids;
  }

  async describe(id: string): Promise<JobSpec> {
    return (await this.#segments.find(id)).line.description;
  }

  watch(id: string, listener: (observation: JobObservation) => void): () => void {
    let stop: (() => void) | undefined;
    let stopped = false;
    this.#segments.find(id).then(
      (job) => {
        if (stopped) return;
        stop = this.#observer.watch(job, (observation) => {
          if (!stopped) listener(observation);
        });
      },
      () => undefined, // the files of the job were removed under us: there is nothing to tell
    );
    return () => {
      stopped = true;
      stop?.();
    };
  }

  // ---- job.suspend, job.signal, job.hold

  suspend(id: string, options: CallOptions): Promise<void> {
    return this.#forAny(id, (job) => suspend(job, options));
  }

  resume(id: string, options: CallOptions): Promise<void> {
    return this.#forAny(id, (job) => resume(job, options));
  }

  async signal(id: string, signum: number, options: CallOptions): Promise<void> {
    if (!Number.isInteger(signum) || signum < 1 || signum > HIGHEST_SIGNAL) {
      throw new BadParameter(
        `signal ${String(signum)} does not exist here; signals are 1 to ${String(HIGHEST_SIGNAL)}`,
      );
    }
    await this.#forAny(id, (job) => signal(job, signum, options));
  }

  hold(id: string, options: CallOptions): Promise<void> {
    return this.#forAny(id, (job) => hold(job, options));
  }

  release(id: string): Promise<void> {
    return this.#forAny(id, release);
  }

  // ---- job.array, job.prune

  async tasks(id: string): Promise<string[]> {
    const { segment, line } = await this.#segments.find(id);
    return line.tasks ? segment.jobs.of(line).map((task) => nativeId(segment.name, task)) : [];
  }

  prune(which: readonly string[] | { readonly olderThan: number }): Promise<string[]> {
    if (!('olderThan' in which)) return pruneJobs(this.#home, this.#segments, which);
    return pruneOlder(this.#home, this.#segments, new Date(Date.now() - which.olderThan * 1000));
  }

  // ---- job.checkpoint, job.recover, job.migrate

  async checkpoint(id: string, options: CallOptions): Promise<void> {
    await this.checkpointNow(id, options);
  }

  checkpointNow(id: string, options: CallOptions): Promise<CheckpointVersion> {
    return this.#checkpoints.make(id, 'continue', options);
  }

  checkpoints(id: string, options: CallOptions): Promise<readonly CheckpointVersion[]> {
    return this.#checkpoints.list(id, options);
  }

  checkpointStore(id: string): Promise<string> {
    return this.#checkpoints.store(id);
  }

  recover(id: string, generation: number, options: CallOptions): Promise<void> {
    return this.#checkpoints.recover(id, generation, options);
  }

  submitFrom(spec: JobSpec, from: CheckpointOrigin, options: CallOptions): Promise<string> {
    return this.#checkpoints.submitFrom(spec, from, options);
  }

  migrate(id: string, spec: JobSpec, options: CallOptions): Promise<string> {
    return this.#checkpoints.migrate(id, spec, options);
  }

  // ---- job.io

  async stdin(id: string, options: CallOptions): Promise<Writable> {
    const { segment, line } = await this.#segments.find(id);
    if (this.#inputs.has(id))
      throw new IncorrectState('the standard input of the job was given away before: it has one writer');
    this.#inputs.add(id);
    return openInput(this.#home, segment, line.n, options).catch((error: unknown) => {
      this.#inputs.delete(id);
      throw error;
    });
  }

  async stdout(id: string, options: CallOptions): Promise<Readable> {
    const { segment, line } = await this.#segments.find(id);
    return openOutput(this.#home, segment, line.n, 'stdout', options);
  }

  async stderr(id: string, options: CallOptions): Promise<Readable> {
    const { segment, line } = await this.#segments.find(id);
    return openOutput(this.#home, segment, line.n, 'stderr', options);
  }

  // ---- job.self, job.permissions

  async self(): Promise<string | undefined> {
    const id = ownTask() ?? process.env['XOSAGA_JOB_ID'] ?? '';
    if (!isNativeId(id)) return undefined;
    return this.#segments.find(id).then(
      () => id,
      () => undefined,
    );
  }

  async owner(id: string): Promise<{ user: string; group: string }> {
    await this.#segments.find(id);
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
    await this.#submitter.close();
    this.#observer.close();
  }

  /** For a job, or for all tasks of an array: the last ones first, as they begin in their order. */
  async #forAll(id: string, act: (job: Found) => Promise<void>): Promise<void> {
    const { segment, line } = await this.#segments.find(id);
    for (const job of segment.jobs.of(line).toReversed()) await act({ segment, line: job });
  }

  /**
   * For a job, or for those tasks of an array that are in the state for it.
   * @throws what the first of them throws when none is.
   */
  async #forAny(id: string, act: (job: Found) => Promise<void>): Promise<void> {
    const { segment, line } = await this.#segments.find(id);
    const outcomes = await Promise.allSettled(segment.jobs.of(line).map((job) => act({ segment, line: job })));
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    const serious = failures.find(({ reason }) => !isIncorrectState(reason));
    const [first] = serious ? [serious] : failures;
    if (first && (serious ?? failures.length === outcomes.length)) throw first.reason;
  }
}

/** The ids of a job, or of an array and its tasks. */
function idsOf(segment: string, line: JobLine): string[] {
  const { n, tasks = [] } = line;
  return [line, ...tasks.map((index) => ({ n, task: { array: n, index, atOnce: undefined } }))].map((job) =>
    nativeId(segment, job),
  );
}

function isIncorrectState(error: unknown): boolean {
  return SagaException.is(error) && error.getType() === 'IncorrectState';
}

/** Containers may run as a user that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}
