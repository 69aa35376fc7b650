/** A job (GFD.90 section 4.1.5): a task whose work is done by a backend, and that outlives the program. */
import type { Readable, Writable } from 'node:stream';

import { asyncAttributed, attributeSetOf, type AsyncAttributes } from '../core/attributes.js';
import { asynchronous, type Tasks } from '../core/call-modes.js';
import { type CallOptions, throwIfAborted } from '../core/call-options.js';
import {
  BadParameter,
  DoesNotExist,
  IncorrectState,
  NoSuccess,
  NotImplemented,
  SagaException,
} from '../core/exceptions.js';
import type { Metric } from '../core/metric.js';
import { ObjectType, type SagaObject } from '../core/object.js';
import { AccessControl, type Permissions } from '../core/permissions.js';
import type { Session } from '../core/session.js';
import { Task, type TaskOutcome } from '../core/task.js';
import type { Binding } from '../engine/binding.js';
import type { JobMonitor } from '../engine/job-monitor.js';
import type { Capabilities, Capability } from '../spi/adaptor.js';
import type { JobObservation } from '../spi/job.js';
import { forgetEnd, JOB_ATTRIBUTES, showInAttributes } from './job-attributes.js';
import { descriptionOf, specOf, type JobDescription } from './job-description.js';
import { formatJobId, parseJobId } from './job-id.js';
import { isMeasured, JobMetrics } from './job-metrics.js';
import { FINAL_STATES, JobState } from './job-state.js';

/** What a job is made from, by its service. */
export interface JobInit {
  readonly service: SagaObject;
  readonly binding: Binding;
  readonly monitor: JobMonitor;
  /** Has the service tell the job when it is closed. */
  readonly remember: (job: Job) => void;
  /** The job's own copy; undefined for a job that somebody else described. */
  readonly description: JobDescription | undefined;
  /** The native id of a job that is known to the backend already. */
  readonly native?: string;
  /** Whether the application may add metrics. */
  readonly steerable?: boolean;
}

// The members are put there by `asyncAttributed`.
export interface Job extends AsyncAttributes {
  /** `[service url]-[native id]`; valid in every process and after every crash. */
  readonly jobID: string | undefined;
  readonly serviceURL: string | undefined;
  readonly executionHosts: readonly string[] | undefined;
  readonly created: Date | undefined;
  readonly started: Date | undefined;
  readonly finished: Date | undefined;
  readonly workingDirectory: string | undefined;
  /** Only when the job ended by itself. */
  readonly exitCode: number | undefined;
  /** Only when a signal ended the job. */
  readonly termsig: number | undefined;
}

/**
 * Made by `JobService.createJob` in state New; `run()` submits it and resolves when no crash can lose it. Exit code 0
 * is Done, everything else Failed: `rethrow()` then says why. The properties hold what was last observed; the string
 * interface (`getAttribute`) asks the backend.
 */
export class Job extends Task<void, JobState> implements Permissions {
  declare readonly async: Tasks<Job>;
  declare readonly task: Tasks<Job>;
  readonly #init: JobInit;
  readonly #metrics: JobMetrics;
  #native: string | undefined;
  /** The backend's job that it was ends before the one that it will be is known. */
  #migrating = false;

  /**
   * @param more - Metrics that its class adds to those of every job.
   * @internal Jobs are made by a JobService.
   */
  constructor(init: JobInit, more: readonly Metric[] = []) {
    const metrics = new JobMetrics();
    super({
      states: JobState,
      final: FINAL_STATES,
      stateMetric: 'job.state',
      metrics: [...metrics.all, ...more],
      extensible: init.steerable ?? false,
      object: init.service,
      initial: init.native === undefined ? JobState.New : JobState.Running,
    });
    this.#init = init;
    this.#metrics = metrics;
    const set = attributeSetOf(this);
    set.assign('ServiceURL', parseJobId(formatJobId(init.binding.url, '0')).service.getEscaped());
    if (init.native !== undefined) this.#submitted(init.native);
  }

  override getType(): ObjectType {
    return ObjectType.Job;
  }

  override getSession(): Session {
    return this.#init.service.getSession();
  }

  /** A handle of its own on the same job; of a New job, a New one with the same description. */
  override clone(): this {
    const { description } = this.#init;
    const init = { ...this.#init, description: description?.clone() };
    const copy = new Job(this.#native === undefined ? init : { ...init, native: this.#native });
    return copy as this;
  }

  /**
   * The description that the job was made from; a copy.
   * @throws DoesNotExist when it is not known: a job that was not submitted through xosaga.
   */
  async getJobDescription(options?: CallOptions): Promise<JobDescription> {
    throwIfAborted(options, 'job.getJobDescription');
    if (this.#init.description) return this.#init.description.clone();
    const spec = await this.#call(
      'job.query',
      'getJobDescription',
      (adaptor, o) => adaptor.describe(this.#id, o),
      options,
    );
    if (spec) return descriptionOf(spec);
    throw new DoesNotExist(`the description of ${this.#id} is not known: it was submitted by other means`, {
      object: this,
    });
  }

  /** What is written to the returned stream is the standard input of the (interactive) job; its end is the end of the input. */
  getStdin(options?: CallOptions): Promise<Writable> {
    return this.#stream('getStdin', (adaptor, id, o) => adaptor.stdin(id, o), options);
  }

  /** The standard output of the (interactive) job from its start, whenever it is read. */
  getStdout(options?: CallOptions): Promise<Readable> {
    return this.#stream('getStdout', (adaptor, id, o) => adaptor.stdout(id, o), options);
  }

  /** As `getStdout`, for the standard error. */
  getStderr(options?: CallOptions): Promise<Readable> {
    return this.#stream('getStderr', (adaptor, id, o) => adaptor.stderr(id, o), options);
  }

  /**
   * Stops the job's processes.
   * @throws IncorrectState when the job is not Running.
   */
  suspend(options?: CallOptions): Promise<void> {
    return this.#act('job.suspend', 'suspend', [JobState.Running], (adaptor, id, o) => adaptor.suspend(id, o), options);
  }

  /**
   * Lets a suspended job go on.
   * @throws IncorrectState when the job is not Suspended.
   */
  resume(options?: CallOptions): Promise<void> {
    return this.#act('job.suspend', 'resume', [JobState.Suspended], (adaptor, id, o) => adaptor.resume(id, o), options);
  }

  /** Saves a checkpoint of a Running job, which goes on. */
  checkpoint(options?: CallOptions): Promise<void> {
    return this.#act(
      'job.checkpoint',
      'checkpoint',
      [JobState.Running],
      (adaptor, id, o) => adaptor.checkpoint(id, o),
      options,
    );
  }

  /** Moves a Running or Suspended job to where the description says; its JobID may change. */
  migrate(jd: JobDescription, options?: CallOptions): Promise<void> {
    const move = async (adaptor: Capabilities['job.migrate'], id: string, o: CallOptions): Promise<void> => {
      this.#migrating = true;
      try {
        this.#submitted(await adaptor.migrate(id, specOf(jd), o));
      } finally {
        this.#migrating = false;
        this.followAnew();
      }
    };
    return this.#act('job.migrate', 'migrate', [JobState.Running, JobState.Suspended], move, options);
  }

  /**
   * Sends a signal to all processes of the job.
   * @throws IncorrectState when the job is neither Running nor Suspended; BadParameter for a signal that does not exist.
   */
  async signal(signum: number, options?: CallOptions): Promise<void> {
    if (!Number.isInteger(signum) || signum < 1) {
      throw new BadParameter(`a signal is a positive number, such as 15 for SIGTERM; got ${String(signum)}`, {
        object: this,
      });
    }
    const states = [JobState.Running, JobState.Suspended];
    await this.#act('job.signal', 'signal', states, (adaptor, id, o) => adaptor.signal(id, signum, o), options);
    this.#metrics.showSignal(signum);
  }

  /**
   * The tasks of an array (the attribute Array), each a job of its own, in the order of their indices; none for a job that is no array.
   * An addition to SAGA.
   * @throws IncorrectState when the job is New; NotImplemented when its service has no arrays.
   */
  async getTasks(options?: CallOptions): Promise<Job[]> {
    throwIfAborted(options, 'job.getTasks');
    const id = this.#id;
    const { description, ...init } = this.#init;
    if (description && description.array === undefined) return [];
    const natives = await this.#call('job.array', 'getTasks', (adaptor, o) => adaptor.tasks(id, o), options, true);
    const tasks = new Map(natives.map((native) => [native, new Job({ ...init, description: undefined, native })]));
    const ask = (adaptor: Capabilities['job.query'], o: CallOptions) => adaptor.query(natives, o);
    const seen = await this.#call('job.query', 'getTasks', ask, options, true);
    for (const [native, observation] of seen) tasks.get(native)?.show(observation);
    for (const task of tasks.values()) init.remember(task);
    return [...tasks.values()];
  }

  /** Keeps a waiting job from being started. */
  hold(options?: CallOptions): Promise<void> {
    return this.#act('job.hold', 'hold', [JobState.Running], (adaptor, id, o) => adaptor.hold(id, o), options);
  }

  /** Lets a held job be started. */
  release(options?: CallOptions): Promise<void> {
    return this.#act('job.hold', 'release', [JobState.Running], (adaptor, id, o) => adaptor.release(id, o), options);
  }

  /** Grants what is granted already, or is refused: jobs of these backends belong to their owner alone. */
  permissionsAllow(id: string, perm: number, flags?: number, options?: CallOptions): Promise<void> {
    return this.#changePermissions('permissionsAllow', id, perm, flags, options);
  }

  permissionsDeny(id: string, perm: number, flags?: number, options?: CallOptions): Promise<void> {
    return this.#changePermissions('permissionsDeny', id, perm, flags, options);
  }

  async permissionsCheck(id: string, perm: number, options?: CallOptions): Promise<boolean> {
    return (await this.#accessControl('permissionsCheck', options)).check(id, perm);
  }

  async getOwner(options?: CallOptions): Promise<string> {
    return (await this.#accessControl('getOwner', options)).owner;
  }

  async getGroup(options?: CallOptions): Promise<string> {
    return (await this.#accessControl('getGroup', options)).group;
  }

  /** As of every monitorable object; of a job that runs, the backend is asked what it uses, so that the value is of now. */
  override async getMetric(name: string, options?: CallOptions): Promise<Metric> {
    if (this.#native !== undefined && !FINAL_STATES.has(this.currentState) && isMeasured(name)) {
      // Who cannot be asked now leaves the value as it was last observed.
      await this.refresh(options).catch(() => undefined);
    }
    return super.getMetric(name, options);
  }

  /** The state and the attributes, as last observed. */
  override toJSON(): Record<string, unknown> {
    return { ...super.toJSON(), ...attributeSetOf(this).describe() };
  }

  /** @internal Several New jobs were submitted as one batch. */
  submittedAs(native: string): void {
    this.#submitted(native);
    this.moveTo(JobState.Running);
  }

  /** @internal Takes in what the backend said. */
  show(observation: JobObservation): void {
    const state = JobState[observation.state];
    if (this.#migrating && FINAL_STATES.has(state)) return;
    showInAttributes(this, observation);
    this.#metrics.show(observation, this.#init.binding.manifest.name, FINAL_STATES.has(state));
    this.moveTo(state, this.#outcomeOf(observation));
  }

  /** @internal The service was closed: nothing is observed any more. */
  serviceClosed(): void {
    this.abandon(
      new IncorrectState('the job service was closed; the job goes on: get it again with getJob(jobID)', {
        object: this,
      }),
    );
  }

  protected override async start(options?: CallOptions): Promise<void> {
    const { description } = this.#init;
    if (!description) throw new IncorrectState('the job has no description', { object: this });
    const [native] = await this.#call(
      'job.submit',
      'run',
      (adaptor, o) => adaptor.submit([specOf(description)], o),
      options,
    );
    if (native === undefined) throw new NoSuccess('the adaptor gave no id for the job', { object: this });
    this.submittedAs(native);
  }

  protected override abort(_timeout: number, options?: CallOptions): Promise<void> {
    return this.#call('job.submit', 'cancel', (adaptor, o) => adaptor.cancel(this.#id, o), options);
  }

  protected override watch(): () => void {
    try {
      return this.#init.monitor.watch(this.#id, (observation) => {
        this.show(observation);
      });
    } catch (error) {
      if (!SagaException.is(error)) throw error;
      this.abandon(error); // the service is closed: nothing will be seen of the job
      return () => undefined;
    }
  }

  protected override async refresh(options?: CallOptions): Promise<JobState> {
    const id = this.#id;
    const seen = await this.#call('job.query', 'getState', (adaptor, o) => adaptor.query([id], o), options, true);
    const observation = seen.get(id);
    // A job that the backend does not name is unknown, not ended: what was known stays. One that goes on under another id
    // by now is not what was asked for.
    if (observation && id === this.#native) this.show(observation);
    return this.currentState;
  }

  /** The job had ended and was started again, as the backend's job `native`: the one way out of a final state. */
  protected recoveredAs(native: string): void {
    forgetEnd(this);
    this.#metrics.beginAgain();
    this.#submitted(native);
    this.beginAgain(JobState.Recovering);
  }

  /** @internal For the string interface of the attributes. */
  protected async refreshAttributes(options?: CallOptions): Promise<void> {
    await this.getState(options);
  }

  get #id(): string {
    if (this.#native !== undefined) return this.#native;
    throw new IncorrectState('the job is New and has no id yet; await run() first', { object: this });
  }

  #submitted(native: string): void {
    this.#native = native;
    attributeSetOf(this).assign('JobID', formatJobId(this.#init.binding.url, native));
  }

  #call<C extends Capability, R>(
    capability: C,
    method: string,
    run: (adaptor: Capabilities[C], options: CallOptions) => Promise<R>,
    options?: CallOptions,
    repeatable = false,
  ): Promise<R> {
    return this.#init.binding.call(capability, { operation: `job.${method}`, repeatable }, run, options);
  }

  /** A call that is allowed in some states only. */
  async #act<C extends Capability>(
    capability: C,
    method: string,
    states: readonly JobState[],
    run: (adaptor: Capabilities[C], id: string, options: CallOptions) => Promise<void>,
    options?: CallOptions,
  ): Promise<void> {
    throwIfAborted(options, `job.${method}`);
    const state = await this.getState(options);
    if (!states.includes(state)) {
      const names = states.map(nameOf).join(' or ');
      throw new IncorrectState(`job.${method} needs a job that is ${names}; this one is ${nameOf(state)}`, {
        object: this,
      });
    }
    await this.#call(capability, method, (adaptor, o) => run(adaptor, this.#id, o), options);
    await this.refresh(options);
  }

  async #stream<S>(
    method: string,
    open: (adaptor: Capabilities['job.io'], id: string, options: CallOptions) => Promise<S>,
    options?: CallOptions,
  ): Promise<S> {
    const description = await this.getJobDescription(options);
    if (description.interactive !== true) {
      throw new IncorrectState(
        `job.${method} needs an interactive job: set Interactive to True, or read the file of Output`,
        {
          object: this,
        },
      );
    }
    return this.#call('job.io', method, (adaptor, o) => open(adaptor, this.#id, o), options);
  }

  async #accessControl(method: string, options?: CallOptions): Promise<AccessControl> {
    const { user, group } = await this.#call('job.permissions', method, (a, o) => a.owner(this.#id, o), options);
    return new AccessControl({ owner: user, group, knows: (id) => id.name === user || id.name === group });
  }

  /** The change is tried on a table of its own: what changes nothing is fine, what is malformed fails with the right error. */
  async #changePermissions(
    method: 'permissionsAllow' | 'permissionsDeny',
    id: string,
    perm: number,
    flags?: number,
    options?: CallOptions,
  ): Promise<void> {
    if (flags !== undefined && flags !== 0) throw new BadParameter(`job.${method} takes no flags`, { object: this });
    const now = await this.#accessControl(method, options);
    const wanted = await this.#accessControl(method, options);
    if (method === 'permissionsAllow') wanted.allow(id, perm);
    else wanted.deny(id, perm);
    const ids = new Set([...now.grants.keys(), ...wanted.grants.keys()]);
    const bits = (table: AccessControl, who: string): number => table.grants.get(who) ?? table.grants.get('*') ?? 0;
    if ([...ids].every((who) => bits(now, who) === bits(wanted, who))) return;
    const backend = this.#init.binding.manifest.name;
    throw new NotImplemented(
      `the adaptor '${backend}' cannot change who may use a job: it belongs to ${now.owner} alone`,
      {
        object: this,
      },
    );
  }

  #outcomeOf(observation: JobObservation): TaskOutcome<void> {
    return observation.state === 'Failed' ? { error: this.#failure(observation) } : {};
  }

  #failure({ failure = 'no reason is known', stderrTail }: JobObservation): SagaException {
    const tail = stderrTail ? `\nThe end of its standard error:\n${printable(stderrTail).trimEnd()}` : '';
    const { manifest, url } = this.#init.binding;
    return new NoSuccess(`job ${this.#id} failed: ${failure}${tail}`, {
      object: this,
      adaptor: manifest.name,
      operation: 'job',
      url: url.toString(),
    });
  }
}

asyncAttributed(Job, JOB_ATTRIBUTES);
asynchronous(Job);

/** What a job has written is shown on somebody's terminal: it shall not command it. */
function printable(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/[^\P{Cc}\n\t]/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function nameOf(state: JobState): string {
  return Object.entries(JobState).find(([, value]) => value === state)?.[0] ?? String(state);
}
