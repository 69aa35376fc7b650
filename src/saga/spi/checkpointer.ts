/**
 * The common checkpointer API (XtreemGCP's name for it): what a checkpointer implements, so that any job adaptor can run jobs
 * under it. A checkpointer is an adaptor whose scheme is its name; it is asked for by `environment.checkpointer()`.
 *
 * Plain data in, plain data out: directories and numbers, so that a job adaptor may ask on another machine as well.
 */
import type { CallOptions } from '../core/call-options.js';

/** What a job is to be run with. All paths are absolute, on the machine where the job runs. */
export interface CheckpointPlan {
  /** Names the job in its checkpoints: the native id. */
  readonly job: string;
  /** Where the checkpointer keeps what it must know while the job runs; of this job alone. */
  readonly stateDirectory: string;
  /** Where the versions go: a directory of this job, or of the one whose version it starts from. */
  readonly checkpoints: string;
  readonly processes: number;
  /** The version to start from; default: the beginning. */
  readonly from?: number;
  /** Seconds from one checkpoint to the next; default: only when asked. */
  readonly interval?: number;
  /** Copies of each version, the version itself included; default 1. */
  readonly replicationLevel?: number;
  /** Complete versions that are kept; default 2. */
  readonly keepCheckpoints?: number;
  /** Automatic restarts from the last version after a failure; default 0. */
  readonly restartOnFailure?: number;
}

/** A complete checkpoint. */
export interface CheckpointVersion {
  /** Grows with each checkpoint of a job. */
  readonly generation: number;
  readonly directory: string;
  readonly created: Date;
  readonly bytes: number;
}

/** `checkpointer`. */
export interface Checkpointer {
  /** The command that runs `command` so that it can be checkpointed: on any backend, in place of it. */
  command(plan: CheckpointPlan, command: readonly string[]): readonly string[];
  /**
   * Makes a checkpoint of a running job; resolves when it is complete, and durable.
   * @param mode - `continue`, or `stop` to end the job with it.
   * @throws IncorrectState when the job does not run; NoSuccess with the reason when there is none: a veto, a missed deadline, a crash.
   */
  checkpoint(plan: CheckpointPlan, mode: 'continue' | 'stop', options: CallOptions): Promise<CheckpointVersion>;
  /** The complete versions, oldest first; what is damaged or half written is none. */
  versions(plan: CheckpointPlan, options: CallOptions): Promise<readonly CheckpointVersion[]>;
  /**
   * Rolls a running job back: its processes end and are started again from a version, as one job.
   * @throws DoesNotExist without such a version; IncorrectState when the job does not run.
   */
  recover(plan: CheckpointPlan, generation: number, options: CallOptions): Promise<void>;
}
