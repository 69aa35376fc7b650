/** A job that can be checkpointed and recovered (SAGA CPR). */
import { asynchronous, type Tasks } from '../core/call-modes.js';
import { throwIfAborted, untilAborted, type CallOptions } from '../core/call-options.js';
import { BadParameter, DoesNotExist, IncorrectState } from '../core/exceptions.js';
import type { TaskOutcome } from '../core/task.js';
import { toURL, type URL, type UrlLike } from '../core/url.js';
import { specOf, type JobDescription } from '../job/job-description.js';
import { parseJobId } from '../job/job-id.js';
import { FINAL_STATES, JobState } from '../job/job-state.js';
import { Job, type JobInit } from '../job/job.js';
import type { CheckpointVersion } from '../spi/checkpointer.js';
import type { JobObservation, JobRecover } from '../spi/job.js';
import { CheckpointMetrics } from './checkpoint-metrics.js';
import { optionalArgument } from './optional-argument.js';
import type * as Transfer from './version-transfer.js';
import { directoryOf, urlOf } from './version-url.js';

/** What a job passes through on request. */
type Passing = typeof JobState.Checkpointing | typeof JobState.Recovering;

/**
 * Made by `CPRJobService`. Its checkpoints are complete directories, each named by a URL; those that are damaged or half
 * written are none. The metrics cpr_job.Checkpoint, Checkpointed, Recover and Recovered tell of each request and each
 * completion, whoever has asked, with the URL as the value where it is known.
 */
export class CPRJob extends Job {
  declare readonly async: Tasks<CPRJob>;
  declare readonly task: Tasks<CPRJob>;
  readonly #init: JobInit;
  readonly #checkpoints: CheckpointMetrics;
  #restart: JobDescription | undefined;
  #passing: Passing | undefined;

  /** @internal Jobs are made by a CPRJobService. */
  constructor(init: JobInit) {
    const checkpoints = new CheckpointMetrics();
    super(init, checkpoints.all);
    this.#init = init;
    this.#checkpoints = checkpoints;
  }

  /** A handle of its own on the same job; of a New job, a New one with the same descriptions. */
  override clone(): this {
    const { description, ...init } = this.#init;
    const Kind = this.constructor as typeof CPRJob;
    const native = this.jobID === undefined ? {} : { native: this.#native };
    const copy = new Kind({ ...init, ...native, description: description?.clone() });
    copy.#restart = this.#restart?.clone();
    return copy as this;
  }

  /**
   * Saves a checkpoint of the Running job, which is Checkpointing meanwhile, and goes on. Resolves when it is complete.
   * `url` is where a copy of it goes: a directory that is not there yet. Empty: it stays where the backend keeps it.
   * @throws IncorrectState when the job is not Running; BadParameter or AlreadyExists for a URL that it cannot be copied to;
   * NoSuccess with the reason when the processes could not be saved: then there is no checkpoint, and the job goes on.
   */
  override checkpoint(options?: CallOptions): Promise<void>;
  override checkpoint(url?: UrlLike, options?: CallOptions): Promise<void>;
  override async checkpoint(url?: UrlLike | CallOptions, options?: CallOptions): Promise<void> {
    const [given, all] = optionalArgument<UrlLike>(url, options);
    const place = placeOf(given);
    const target = place && directoryOf(place);
    await this.#require('checkpoint', [JobState.Running], all);
    if (target !== undefined) await (await transfer()).requireFree(target);
    this.#checkpoints.checkpointRequested(place?.getEscaped() ?? '');
    const version = await this.#pass(JobState.Checkpointing, () =>
      this.#call('checkpoint', (adaptor, id, o) => adaptor.checkpointNow(id, o), all),
    );
    this.#checkpoints.checkpointed(urlOf(version.directory).getEscaped(), version.generation);
    if (target !== undefined) await this.#copy((files) => files.copyOut(version.directory, target), all);
  }

  /**
   * Takes the job back to a checkpoint. A Running job is rolled back: it is Recovering until its processes have been started
   * again. A job that has ended is started again, as its restart description says, else as it was started: as a new
   * job of the backend, with a new JobID, under this object, which leaves its final state when that job is submitted.
   * @param url - One of `cprList`, or a directory that a checkpoint was copied to; empty: `cprLast`.
   * @throws IncorrectState when the job is New, Suspended, or busy with a checkpoint; DoesNotExist without such a checkpoint;
   * NoSuccess when it is damaged.
   */
  recover(url?: UrlLike, options?: CallOptions): Promise<void>;
  async recover(url?: UrlLike | CallOptions, options?: CallOptions): Promise<void> {
    const [given, all] = optionalArgument<UrlLike>(url, options);
    const place = placeOf(given);
    const directory = place && directoryOf(place);
    const state = await this.#require('recover', [JobState.Running, ...FINAL_STATES], all);
    const { generation, url: from } = await this.#find(directory, all);
    this.#checkpoints.recoveryRequested(from);
    await this.#pass(JobState.Recovering, async () => {
      if (!FINAL_STATES.has(state)) {
        return this.#call('recover', (adaptor, id, o) => adaptor.recover(id, generation, o), all);
      }
      const spec = specOf(this.#restart ?? (await this.getJobDescription(all)));
      const submit = (adaptor: JobRecover, id: string, o: CallOptions): Promise<string> =>
        adaptor.submitFrom(spec, { id, generation }, o);
      this.recoveredAs(await this.#call('recover', submit, all));
    });
    this.#checkpoints.recovered(from);
  }

  /**
   * Takes a checkpoint that was copied elsewhere among those of this job.
   * @param url - Its directory.
   * @throws BadParameter for a URL that it cannot be read from; DoesNotExist when there is none; NoSuccess naming what is
   * damaged; AlreadyExists when the job has another one of the same number; IncorrectState when the job is New, or runs and may still
   * use that number itself.
   */
  cprStageIn(url?: UrlLike, options?: CallOptions): Promise<void>;
  async cprStageIn(url?: UrlLike | CallOptions, options?: CallOptions): Promise<void> {
    const [given, all] = optionalArgument<UrlLike>(url, options);
    await this.#stageIn(this.#required('cprStageIn', given), all);
  }

  /**
   * Copies the newest checkpoint.
   * @param url - A directory that is not there yet; the one above it is.
   * @throws BadParameter for a URL that it cannot be copied to; AlreadyExists when there is something; DoesNotExist without a
   * checkpoint, or directory to copy to; NoSuccess naming what is damaged.
   */
  cprStageOut(url?: UrlLike, options?: CallOptions): Promise<void>;
  async cprStageOut(url?: UrlLike | CallOptions, options?: CallOptions): Promise<void> {
    const [given, all] = optionalArgument<UrlLike>(url, options);
    const target = this.#required('cprStageOut', given);
    const { directory } = await this.#last(all);
    await this.#copy((files) => files.copyOut(directory, target), all);
  }

  /** The complete checkpoints, oldest first. @throws IncorrectState when the job is New. */
  async cprList(options?: CallOptions): Promise<URL[]> {
    return (await this.#list(options)).map(({ directory }) => urlOf(directory));
  }

  /** The newest checkpoint. @throws DoesNotExist when there is none; IncorrectState when the job is New. */
  async cprLast(options?: CallOptions): Promise<URL> {
    return urlOf((await this.#last(options)).directory);
  }

  /** @internal How it is started again; its service has checked the description. */
  restartAs(description: JobDescription): void {
    this.#restart = description;
  }

  /** @internal */
  override show(observation: JobObservation): void {
    // What was asked for here is told when it is complete.
    if (this.#passing === undefined) this.#checkpoints.show(observation);
    super.show(observation);
  }

  /** What the backend calls running is what was asked for here, until it is complete. */
  protected override moveTo(state: JobState, outcome?: TaskOutcome<void>): void {
    super.moveTo(state === JobState.Running ? (this.#passing ?? state) : state, outcome);
  }

  get #native(): string {
    if (this.jobID !== undefined) return parseJobId(this.jobID).native;
    throw new IncorrectState('the job is New and has no checkpoints; await run() first', { object: this });
  }

  #call<R>(
    method: string,
    run: (adaptor: JobRecover, id: string, options: CallOptions) => Promise<R>,
    options: CallOptions | undefined,
    repeatable = false,
  ): Promise<R> {
    const id = this.#native;
    const kind = { operation: `cpr_job.${method}`, repeatable };
    return this.#init.binding.call('job.recover', kind, (adaptor, o) => run(adaptor, id, o), options);
  }

  /** @returns the state, which is one of these. */
  async #require(method: string, states: readonly JobState[], options: CallOptions): Promise<JobState> {
    throwIfAborted(options, `cpr_job.${method}`);
    const state = await this.getState(options);
    const busy = this.#passing ?? state;
    if (states.includes(state) && busy === state) return state;
    const wanted = method === 'checkpoint' ? 'is Running' : 'is Running or has ended';
    throw new IncorrectState(`cpr_job.${method} needs a job that ${wanted}; this one is ${nameOf(busy)}`, {
      object: this,
    });
  }

  /** Does something during which the job is in that state, unless it has ended. */
  async #pass<R>(state: Passing, work: () => Promise<R>): Promise<R> {
    this.#passing = state;
    this.moveTo(state);
    try {
      return await work();
    } finally {
      this.#passing = undefined;
      if (this.currentState === state) this.moveTo(JobState.Running);
    }
  }

  async #list(options: CallOptions | undefined): Promise<readonly CheckpointVersion[]> {
    return this.#call('cpr_list', (adaptor, id, o) => adaptor.checkpoints(id, o), options, true);
  }

  async #last(options: CallOptions | undefined): Promise<CheckpointVersion> {
    const newest = (await this.#list(options)).at(-1);
    if (newest) return newest;
    throw new DoesNotExist(`job ${String(this.jobID)} has no checkpoint`, { object: this });
  }

  /** The checkpoint that is to be recovered from, which is the job's own afterwards. */
  async #find(directory: string | undefined, options: CallOptions): Promise<{ generation: number; url: string }> {
    if (directory === undefined) {
      const newest = await this.#last(options);
      return { generation: newest.generation, url: urlOf(newest.directory).getEscaped() };
    }
    const known = (await this.#list(options)).find((version) => version.directory === directory);
    const generation = known?.generation ?? (await this.#stageIn(directory, options));
    return { generation, url: urlOf(directory).getEscaped() };
  }

  async #stageIn(directory: string, options: CallOptions): Promise<number> {
    const state = await this.getState(options);
    const newest = (await this.#list(options)).at(-1)?.generation ?? 0;
    const store = await this.#call('cprStageIn', (adaptor, id, o) => adaptor.checkpointStore(id, o), options, true);
    return this.#copy(async (files) => {
      const { generation } = (await files.findVersion(directory)).manifest;
      if (!FINAL_STATES.has(state) && generation > newest) {
        throw new IncorrectState(
          `checkpoint ${String(generation)} cannot be taken in while the job runs, which may make one of that number itself`,
          { object: this },
        );
      }
      return files.copyIn(directory, store);
    }, options);
  }

  async #copy<R>(work: (files: typeof Transfer) => Promise<R>, options: CallOptions): Promise<R> {
    return untilAborted(work(await transfer()), options, 'cpr_job');
  }

  #required(method: string, url: UrlLike | undefined): string {
    const place = placeOf(url);
    if (place) return directoryOf(place);
    throw new BadParameter(`cpr_job.${method} needs the URL of a directory`, { object: this });
  }
}

/** What few programs need is loaded when it is needed. */
function transfer(): Promise<typeof Transfer> {
  return import('./version-transfer.js');
}

/** Undefined for the empty URL, which leaves the choice to the backend. */
function placeOf(url: UrlLike | undefined): URL | undefined {
  const place = url === undefined ? undefined : toURL(url);
  return place?.getEscaped() === '' ? undefined : place;
}

function nameOf(state: JobState): string {
  return Object.entries(JobState).find(([, value]) => value === state)?.[0] ?? String(state);
}

asynchronous(CPRJob);
