/** The job service (GFD.90 section 4.1.4): where jobs are made, listed and found again. */
import { Writable, type Readable } from 'node:stream';

import { asynchronous, type Tasks } from '../core/call-modes.js';
import { throwIfAborted, type CallOptions, type CreateOptions } from '../core/call-options.js';
import { BadParameter, IncorrectState, NoSuccess, SagaException } from '../core/exceptions.js';
import { inspectable } from '../core/inspection.js';
import { ObjectType } from '../core/object.js';
import { defaultSession, SessionObject, type Session } from '../core/session.js';
import { toURL, URL, type UrlLike } from '../core/url.js';
import type { Binding } from '../engine/binding.js';
import { JobMonitor } from '../engine/job-monitor.js';
import { engineFor } from '../engine/wiring.js';
import type { Capabilities, Capability } from '../spi/adaptor.js';
import { splitCommandLine } from './command-line.js';
import { requireHonoured } from './honoured.js';
import { Job, type JobInit } from './job.js';
import { descriptionOf, JobDescription, specOf } from './job-description.js';
import { formatJobIds, isSameService, parseJobId } from './job-id.js';
import { JobSelf } from './job-self.js';

/** What `runJob` gives. The streams are there when the call asked for `interactive: true`. */
export interface RunningJob<J> {
  job: J;
  stdin?: Writable;
  stdout?: Readable;
  stderr?: Readable;
}

export interface RunJobOptions extends CallOptions {
  /** Connect the streams of the job to this program; default false. */
  interactive?: boolean;
}

/** @internal The classes of the jobs of a service. */
export interface JobKinds {
  readonly job: new (init: JobInit) => Job;
  readonly self: new (init: JobInit) => JobSelf;
}

const LEAST_SWEEP = 1024;

/** Where an empty resource manager URL leads. */
const DEFAULT_SERVICE = 'local://localhost';

/**
 * A backend that runs jobs, by the URL of its resource manager.
 *
 * ```ts
 * await using service = await saga.JobService.create('local://localhost');
 * ```
 */
export class JobService extends SessionObject {
  declare readonly async: Tasks<JobService>;
  declare readonly task: Tasks<JobService>;
  readonly #binding: Binding;
  /** What all its jobs have in common. */
  readonly #init: Omit<JobInit, 'description'>;
  /** The jobs that somebody may be waiting for; weak, as a service lives longer than most jobs. */
  readonly #jobs = new Set<WeakRef<Job>>();
  /** How many of them there may be before those are removed that nobody has any more. */
  #sweepAt = LEAST_SWEEP;

  protected constructor(binding: Binding, session: Session) {
    super(session);
    if (typeof (binding as Partial<Binding> | undefined)?.using !== 'function') {
      throw new BadParameter('a job service is made by await saga.JobService.create(url)');
    }
    this.#binding = binding;
    this.#init = {
      service: this,
      binding,
      monitor: new JobMonitor(binding),
      remember: (job) => void this.#remember(job),
    };
  }

  /**
   * Connects to the service behind `rm`.
   * @param rm - For example `local://localhost` or `fork://localhost`; empty: this machine.
   * @throws BadParameter for a malformed URL; IncorrectURL when no adaptor serves it; what the backend refuses with.
   */
  static async create(rm?: UrlLike, options?: CreateOptions): Promise<JobService> {
    return new JobService(...(await JobService.connect('job.submit', rm, options)));
  }

  /** @internal What `create` makes a service from. */
  protected static async connect(
    capability: Capability,
    rm?: UrlLike,
    options?: CreateOptions,
  ): Promise<[binding: Binding, session: Session]> {
    throwIfAborted(options, 'job_service.create');
    const given = toURL(rm ?? '');
    const url = given.getEscaped() === '' ? new URL(DEFAULT_SERVICE) : given;
    if (url.getScheme() === '') {
      throw new BadParameter(`'${url.toString()}' has no scheme; a job service is named like ${DEFAULT_SERVICE}`);
    }
    const session = options?.session ?? defaultSession();
    return [await engineFor(session).bind(capability, url, options), session];
  }

  /** @internal Other services make jobs of other classes. */
  protected get kinds(): JobKinds {
    return { job: Job, self: JobSelf };
  }

  getType(): ObjectType {
    return ObjectType.JobService;
  }

  /** A service of its own on the same connection; closing one leaves the other. */
  override clone(): this {
    this.#requireOpen('clone');
    const Service = this.constructor as typeof JobService;
    return new Service(this.#binding.share(), this.getSession()) as this;
  }

  /**
   * A job in state New, from a copy of the description.
   * @throws BadParameter naming the attribute that is missing, malformed, or not honoured by this service; DoesNotExist
   * when something that the description names is not there.
   */
  async createJob(jd: JobDescription, options?: CallOptions): Promise<Job> {
    const description = await this.checked(jd, options);
    return this.#remember(new this.kinds.job({ ...this.#init, description }));
  }

  /**
   * Runs a command line: split as a POSIX shell splits words and quotes, without any expansion.
   * @param host - Where to run: empty lets the service choose.
   * @throws BadParameter when the line is empty or malformed, or the service does not know the host.
   */
  async runJob(commandline: string, host?: string, options?: RunJobOptions): Promise<RunningJob<Job>> {
    this.#requireOpen('runJob', options);
    for (const text of [commandline, host ?? ''] as unknown[]) {
      if (typeof text === 'string') continue;
      throw new BadParameter(
        'runJob takes a command line, a host (empty: any) and options: runJob(line, "", { interactive })',
        { object: this },
      );
    }
    const [executable, ...args] = splitCommandLine(commandline);
    if (executable === undefined) throw new BadParameter('the command line is empty', { object: this });
    const description = new JobDescription({ executable, arguments: args });
    if (host !== undefined && host !== '') this.#placeOn(host, description);
    if (!options?.interactive) {
      const job = await this.createJob(description, options);
      await job.run(options);
      return { job };
    }
    description.interactive = true;
    const job = await this.createJob(description, options);
    await job.run(options);
    const [stdin, stdout, stderr] = await Promise.all([
      job.getStdin(options).catch(inputOfEnded),
      job.getStdout(options),
      job.getStderr(options),
    ]);
    return { job, stdin, stdout, stderr };
  }

  /**
   * Submits many jobs as one durable batch: all of them, or none.
   * @throws as `createJob` and `run`.
   */
  async runJobs(descriptions: readonly JobDescription[], options?: CallOptions): Promise<Job[]> {
    this.#requireOpen('runJobs', options);
    requireList(descriptions);
    const jobs = await Promise.all(descriptions.map((jd) => this.createJob(jd, options)));
    const specs = descriptions.map(specOf);
    const natives = await this.#call('job.submit', 'runJobs', (adaptor, o) => adaptor.submit(specs, o), options);
    jobs.forEach((job, i) => {
      const native = natives[i];
      if (native === undefined)
        throw new NoSuccess(`the adaptor gave ${String(natives.length)} ids for ${String(jobs.length)} jobs`);
      job.submittedAs(native);
    });
    return jobs;
  }

  /** The ids of the jobs that the service knows: running ones and, until they are pruned, those that have ended. */
  async list(options?: CallOptions): Promise<string[]> {
    this.#requireOpen('list', options);
    const natives = await this.#call('job.query', 'list', (adaptor, o) => adaptor.list(o), options, true);
    return formatJobIds(this.#binding.url, natives);
  }

  /**
   * A job by its id: in any process, after any crash.
   * @throws BadParameter when the id is malformed or of another service; DoesNotExist when there is no such job.
   */
  async getJob(jobId: string, options?: CallOptions): Promise<Job> {
    this.#requireOpen('getJob', options);
    return this.#known(this.#nativeOf(jobId), this.kinds.job, options);
  }

  /**
   * The job that this process is (a process of).
   * @throws NoSuccess when it is not a job of this service.
   */
  async getSelf(options?: CallOptions): Promise<JobSelf> {
    this.#requireOpen('getSelf', options);
    const native = await this.#call('job.self', 'getSelf', (adaptor) => adaptor.self(), options);
    if (native === undefined) {
      throw new NoSuccess('this process is not part of a job of this service', { object: this });
    }
    return this.#known(native, this.kinds.self, options);
  }

  /**
   * Forgets jobs that have ended: nobody lists or finds them any more, and their output that the service keeps is removed. An
   * addition to SAGA.
   * @param which - Ids of jobs, or `{ olderThan: seconds }`: all that ended so long ago.
   * @returns the ids of the jobs that were forgotten; an array counts as one.
   * @throws BadParameter for an id that is malformed or of another service, DoesNotExist when there is no such job, IncorrectState when
   * one has not ended: then none is forgotten.
   */
  async prune(which: readonly string[] | { readonly olderThan: number }, options?: CallOptions): Promise<string[]> {
    this.#requireOpen('prune', options);
    const wanted = Array.isArray(which) ? which.map((id: string) => this.#nativeOf(id)) : agedBy(which);
    const natives = await this.#call('job.prune', 'prune', (adaptor, o) => adaptor.prune(wanted, o), options);
    return formatJobIds(this.#binding.url, natives);
  }

  /** Frees the connection. Jobs go on; those who wait for one get IncorrectState. May be repeated. */
  async close(): Promise<void> {
    if (this.#binding.closed) return;
    for (const reference of this.#jobs) reference.deref()?.serviceClosed();
    this.#jobs.clear();
    await this.#binding.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The URL, without a password. */
  toJSON(): { url: string } {
    return { url: this.#binding.url.toString() };
  }

  /** @internal The service's own copy of a description that it can serve. @throws as `createJob`. */
  protected async checked(
    jd: JobDescription,
    options?: CallOptions,
    complete?: (description: JobDescription) => void,
  ): Promise<JobDescription> {
    this.#requireOpen('createJob', options);
    requireDescription(jd);
    const description = jd.clone();
    complete?.(description);
    requireHonoured(description, this.#binding.manifest);
    await this.#call('job.submit', 'createJob', (adaptor, o) => adaptor.prepare(specOf(description), o), options);
    return description;
  }

  /** @throws BadParameter when the id is malformed or of another service. */
  #nativeOf(jobId: string): string {
    const { service, native } = parseJobId(jobId);
    if (!isSameService(service, this.#binding.url, this.#binding.manifest.schemes)) {
      throw new BadParameter(
        `job ${jobId} belongs to ${service.toString()}, not to this service (${this.#binding.url.toString()})`,
        { object: this },
      );
    }
    return native;
  }

  async #known<J extends Job>(native: string, Kind: new (init: JobInit) => J, options?: CallOptions): Promise<J> {
    const spec = await this.#call('job.query', 'getJob', (adaptor, o) => adaptor.describe(native, o), options, true);
    const description = spec && descriptionOf(spec);
    const job = new Kind({ ...this.#init, description, native });
    await job.getState(options);
    return this.#remember(job);
  }

  #remember<J extends Job>(job: J): J {
    if (this.#jobs.size >= this.#sweepAt) {
      for (const reference of this.#jobs) if (!reference.deref()) this.#jobs.delete(reference);
      // Twice as many as are alive: however many that are, a job pays for two looks.
      this.#sweepAt = Math.max(LEAST_SWEEP, 2 * this.#jobs.size);
    }
    this.#jobs.add(new WeakRef(job));
    return job;
  }

  #placeOn(host: string, description: JobDescription): void {
    const here = this.#binding.url.getHost() || 'localhost';
    if (host.toLowerCase() === here) return;
    if (!this.#binding.manifest.jobAttributes?.includes('candidateHosts')) {
      throw new BadParameter(`this service runs jobs on '${here}' only; it does not know the host '${host}'`, {
        object: this,
      });
    }
    description.candidateHosts = [host];
  }

  #call<C extends Capability, R>(
    capability: C,
    method: string,
    run: (adaptor: Capabilities[C], options: CallOptions) => Promise<R>,
    options?: CallOptions,
    repeatable = false,
  ): Promise<R> {
    return this.#binding.call(capability, { operation: `job_service.${method}`, repeatable }, run, options);
  }

  #requireOpen(method: string, options?: CallOptions): void {
    if (this.#binding.closed)
      throw new IncorrectState(`job_service.${method}: the service is closed; make a new one`, { object: this });
    throwIfAborted(options, `job_service.${method}`);
  }
}

/** A job may end before anybody could open its input: that is as a pipe that nobody reads, and no failure of `runJob`. */
function inputOfEnded(error: unknown): Writable {
  if (!SagaException.is(error) || !['IncorrectState', 'DoesNotExist'].includes(error.getType())) throw error;
  return new Writable({
    write: (_chunk, _encoding, done) => {
      done(Object.assign(new Error('write EPIPE: the job has ended'), { code: 'EPIPE' }));
    },
  });
}

/** What `prune` was told, when that was no list of ids. */
function agedBy(which: unknown): { olderThan: number } {
  const { olderThan } = (which ?? {}) as { olderThan?: unknown };
  if (typeof olderThan === 'number' && olderThan >= 0 && Number.isFinite(olderThan)) return { olderThan };
  throw new BadParameter('prune takes a list of job ids, or { olderThan: seconds }, seconds from 0');
}

function requireList(descriptions: unknown): void {
  if (!Array.isArray(descriptions)) throw new BadParameter('runJobs takes a list of descriptions');
}

/** For callers without types, who may give what `new JobDescription` takes. */
function requireDescription(jd: unknown): void {
  if ((jd as Partial<JobDescription> | null | undefined)?.getType?.() === ObjectType.JobDescription) return;
  throw new BadParameter("a job is made from a description: new saga.JobDescription({ executable: '/bin/date' })");
}

asynchronous(JobService);
inspectable(JobService);
