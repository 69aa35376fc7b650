/** Where jobs are made that can be checkpointed and recovered (SAGA CPR). */
import { asynchronous, type Tasks } from '../core/call-modes.js';
import type { CallOptions, CreateOptions } from '../core/call-options.js';
import { NoSuccess } from '../core/exceptions.js';
import type { UrlLike } from '../core/url.js';
import type { JobDescription } from '../job/job-description.js';
import type { Job } from '../job/job.js';
import { JobService, type JobKinds, type RunJobOptions, type RunningJob } from '../job/job-service.js';
import { CPRJobSelf } from './cpr-job-self.js';
import { CPRJob } from './cpr-job.js';
import type { CPRJobDescription } from './cpr-job-description.js';
import { optionalArgument } from './optional-argument.js';

/**
 * A job service whose jobs can all be checkpointed. It is made as every job service:
 *
 * ```ts
 * await using service = await saga.CPRJobService.create('local://localhost');
 * ```
 */
export class CPRJobService extends JobService {
  declare readonly async: Tasks<CPRJobService>;
  declare readonly task: Tasks<CPRJobService>;

  /**
   * Connects to the service behind `rm`, through an adaptor that can recover jobs.
   * @param rm - As of `JobService.create`.
   * @throws as `JobService.create`; IncorrectURL when no adaptor can recover jobs there.
   */
  static override async create(rm?: UrlLike, options?: CreateOptions): Promise<CPRJobService> {
    return new CPRJobService(...(await JobService.connect('job.recover', rm, options)));
  }

  /**
   * A job in state New, from copies of the descriptions. Without any attribute of checkpointing its checkpoints are made when
   * they are asked for.
   * `jdStart` says how it is started, `jdRestart` how `recover` starts it again when it has ended: default as it was started.
   * The latter is known to this object (and its clones) alone.
   * @throws as `JobService.createJob`, for both.
   */
  override createJob(jd: JobDescription, options?: CallOptions): Promise<CPRJob>;
  override createJob(jdStart: CPRJobDescription, jdRestart?: CPRJobDescription, options?: CallOptions): Promise<CPRJob>;
  override async createJob(
    jdStart: CPRJobDescription,
    jdRestart?: CPRJobDescription | CallOptions,
    options?: CallOptions,
  ): Promise<CPRJob> {
    const [given, all] = optionalArgument<CPRJobDescription>(jdRestart, options);
    const restart = given && (await this.checked(given, all));
    const job = checkpointed(await super.createJob(jdStart, all));
    if (restart) job.restartAs(restart);
    return job;
  }

  /** As of every job service; the job can be checkpointed. */
  override async runJob(commandline: string, host?: string, options?: RunJobOptions): Promise<RunningJob<CPRJob>> {
    const { job, ...streams } = await super.runJob(commandline, host, options);
    return { job: checkpointed(job), ...streams };
  }

  /** As of every job service; what was submitted as a job that cannot be checkpointed remains one. */
  override async getJob(jobId: string, options?: CallOptions): Promise<CPRJob> {
    return checkpointed(await super.getJob(jobId, options));
  }

  override async getSelf(options?: CallOptions): Promise<CPRJobSelf> {
    const self = await super.getSelf(options);
    if (self instanceof CPRJobSelf) return self;
    throw foreign(self);
  }

  override async runJobs(descriptions: readonly JobDescription[], options?: CallOptions): Promise<CPRJob[]> {
    return (await super.runJobs(descriptions, options)).map(checkpointed);
  }

  /** @internal */
  protected override get kinds(): JobKinds {
    return { job: CPRJob, self: CPRJobSelf };
  }

  /** @internal Each job can be checkpointed, whether or not its description says so. */
  protected override async checked(jd: JobDescription, options?: CallOptions): Promise<JobDescription> {
    return super.checked(jd, options, checkpointable);
  }
}

/** What the service makes is of its `kinds`. */
function checkpointed(job: Job): CPRJob {
  if (job instanceof CPRJob) return job;
  throw foreign(job);
}

function foreign(job: Job): NoSuccess {
  return new NoSuccess('the service has made a job that has no checkpoints', { object: job });
}

/** Says who asks, where the description leaves that open: that is what makes a job checkpointable. */
function checkpointable(description: JobDescription): void {
  description.checkpointInitiator ??= description.checkpointInterval === undefined ? 'User' : 'System';
}

asynchronous(CPRJobService);
