/** What an adaptor that runs jobs implements: one small interface a capability (JSAGA's best idea). */
import type { Readable, Writable } from 'node:stream';

import type { CallOptions } from '../core/call-options.js';
import type { CheckpointVersion } from './checkpointer.js';

/**
 * A job description as plain data: the set attributes of a `JobDescription`, typed, checked and complete with defaults
 * that matter. Times are seconds, memory is megabytes; environment entries are `NAME=value`.
 */
export interface JobSpec {
  readonly executable?: string;
  readonly arguments?: readonly string[];
  readonly environment?: readonly string[];
  readonly workingDirectory?: string;
  readonly interactive?: boolean;
  readonly input?: string;
  readonly output?: string;
  readonly error?: string;
  readonly numberOfProcesses?: number;
  readonly spmdVariation?: string;
  readonly totalCPUCount?: number;
  readonly processesPerHost?: number;
  readonly threadsPerProcess?: number;
  readonly fileTransfer?: readonly string[];
  readonly cleanup?: string;
  readonly jobStartTime?: number;
  readonly wallTimeLimit?: number;
  readonly totalCPUTime?: number;
  readonly totalPhysicalMemory?: number;
  readonly cpuArchitecture?: readonly string[];
  readonly operatingSystemType?: readonly string[];
  readonly candidateHosts?: readonly string[];
  readonly queue?: string;
  readonly jobProject?: string;
  readonly jobContact?: readonly string[];
  readonly name?: string;
  readonly array?: string;
  readonly dependencies?: readonly JobDependency[];
  readonly script?: string;
  readonly gpus?: number;
  readonly hold?: boolean;
  readonly native?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly checkpointInitiator?: 'System' | 'User';
  readonly checkpointProtocol?: 'CoordinatedCheckpointing' | 'IndependentCheckpointing';
  readonly checkpointInterval?: number;
  readonly checkpointer?: string;
  readonly checkpointRequirements?: Readonly<Record<string, boolean>>;
  readonly checkpointDirectory?: string;
  readonly replicationLevel?: number;
  readonly keepCheckpoints?: number;
  readonly restartOnFailure?: number;
}

/** Start only after another job: after its start, its success, its failure, or its end. */
export interface JobDependency {
  readonly type: 'after' | 'afterok' | 'afternotok' | 'afterany';
  /** The other job's `JobID`. */
  readonly job: string;
}

/** A job attribute by its property name; a manifest lists those that its adaptor honours. */
export type JobAttribute = keyof JobSpec;

/** What was seen of a job at one moment. Absent fields are unknown, never zero. */
export interface JobObservation {
  /** `Running` includes waiting in a queue; `detail` tells which. */
  readonly state: 'Running' | 'Suspended' | 'Done' | 'Canceled' | 'Failed';
  /** The backend's own word for the state, for example `PENDING`. */
  readonly detail: string;
  readonly created?: Date;
  readonly started?: Date;
  readonly finished?: Date;
  readonly exitCode?: number;
  readonly termsig?: number;
  /** Why the job is Failed, for people: stage and reason. */
  readonly failure?: string;
  /** The end of the job's standard error, when it is at hand. */
  readonly stderrTail?: string;
  readonly executionHosts?: readonly string[];
  readonly workingDirectory?: string;
  /** CPU seconds used, of all processes. */
  readonly cpuTime?: number;
  /** Memory in megabytes; after the end the high-water mark. */
  readonly memoryUse?: number;
  readonly vmemoryUse?: number;
  /** Of a checkpointable job: the generation of its newest complete checkpoint, 0 before the first. */
  readonly generation?: number;
  /** Of a checkpointable job: how often it was restarted from a checkpoint while it was the same job of the backend. */
  readonly incarnation?: number;
}

/** `job.submit`: run and cancel. */
export interface JobSubmit {
  /**
   * Check, before anything is submitted, what can be known: called by `createJob`. May warm up what `submit` will need.
   * @throws BadParameter or DoesNotExist, naming the attribute.
   */
  prepare(spec: JobSpec, options: CallOptions): Promise<void>;
  /**
   * Submit the jobs as one durable batch. Resolves with their native ids, in order, when no crash can lose them.
   * Either all are submitted or the call rejects.
   */
  submit(specs: readonly JobSpec[], options: CallOptions): Promise<string[]>;
  /** Ask the backend to end the job. Resolves when the request is made; a job that has ended is left as it is. */
  cancel(id: string, options: CallOptions): Promise<void>;
}

/** `job.query`: state and list, batched from the first day. */
export interface JobQuery {
  /** What is known of the jobs. An id missing from the answer is unknown, never done. */
  query(ids: readonly string[], options: CallOptions): Promise<ReadonlyMap<string, JobObservation>>;
  /** The native ids of all jobs that the service knows. */
  list(options: CallOptions): Promise<string[]>;
  /**
   * The description that the job was submitted with, or undefined for a foreign job.
   * @throws BadParameter for an id that this backend cannot have given; DoesNotExist for one that it does not know.
   */
  describe(id: string, options: CallOptions): Promise<JobSpec | undefined>;
}

/** `job.watch`: observations as they come. Without it the engine polls `query`. */
export interface JobWatch {
  /**
   * Calls the listener with the present observation and then at every change, until the returned function is called or the
   * job is final. Never throws; what cannot be observed now is observed later.
   */
  watch(id: string, listener: (observation: JobObservation) => void): () => void;
}

/** `job.suspend`. The engine has checked the state. */
export interface JobSuspend {
  suspend(id: string, options: CallOptions): Promise<void>;
  resume(id: string, options: CallOptions): Promise<void>;
}

/** `job.signal`. */
export interface JobSignal {
  /** @throws BadParameter for a signal number that the backend does not have. */
  signal(id: string, signum: number, options: CallOptions): Promise<void>;
}

/** `job.hold`. */
export interface JobHold {
  hold(id: string, options: CallOptions): Promise<void>;
  release(id: string, options: CallOptions): Promise<void>;
}

/** `job.array`: the tasks of an array are jobs of their own. */
export interface JobArray {
  /** The native ids of the tasks of an array, in the order of their indices; none for a job that is no array. */
  tasks(id: string, options: CallOptions): Promise<string[]>;
}

/** `job.prune`: jobs that have ended are forgotten. */
export interface JobPrune {
  /**
   * Forgets jobs that have ended, by their native ids, or all that ended so many seconds ago. Resolves with their ids.
   * @throws IncorrectState for a job that has not ended; then none is forgotten.
   */
  prune(which: readonly string[] | { readonly olderThan: number }, options: CallOptions): Promise<string[]>;
}

/** `job.checkpoint`. */
export interface JobCheckpoint {
  /** Saves a checkpoint; the job goes on. */
  checkpoint(id: string, options: CallOptions): Promise<void>;
}

/** `job.recover`: the checkpoints of a job, and what can be done with them. The engine has checked the state. */
export interface JobRecover {
  /** Saves a checkpoint of a running job; resolves when it is complete. */
  checkpointNow(id: string, options: CallOptions): Promise<CheckpointVersion>;
  /** The complete checkpoints, oldest first, whether or not the job has ended. */
  checkpoints(id: string, options: CallOptions): Promise<readonly CheckpointVersion[]>;
  /** The directory of the checkpoints, absolute, whether or not it is there yet. */
  checkpointStore(id: string, options: CallOptions): Promise<string>;
  /** Rolls a running job back to a checkpoint. @throws DoesNotExist when there is no such checkpoint. */
  recover(id: string, generation: number, options: CallOptions): Promise<void>;
  /**
   * Submits a job that begins from a checkpoint of one that has ended, and goes on with its checkpoints.
   * @returns the native id of the new job.
   */
  submitFrom(spec: JobSpec, from: CheckpointOrigin, options: CallOptions): Promise<string>;
}

/** Where a job begins that does not begin from the beginning. */
export interface CheckpointOrigin {
  /** The native id of the job whose checkpoint it is. */
  readonly id: string;
  readonly generation: number;
}

/** `job.migrate`. */
export interface JobMigrate {
  /** Moves the job to where `spec` says. @returns its native id, which may be another one. */
  migrate(id: string, spec: JobSpec, options: CallOptions): Promise<string>;
}

/** `job.io`: the standard streams of interactive jobs. */
export interface JobIo {
  stdin(id: string, options: CallOptions): Promise<Writable>;
  /** From the start of the process, whenever it is first read. */
  stdout(id: string, options: CallOptions): Promise<Readable>;
  stderr(id: string, options: CallOptions): Promise<Readable>;
}

/** `job.self`: the job that this process belongs to. */
export interface JobSelfLookup {
  /** The native id of the job of this process, or undefined when it is none of this service. */
  self(): Promise<string | undefined>;
}

/** `job.permissions`: who may do what with a job. */
export interface JobOwnership {
  /** User and group names of the job's owner; the group is empty where the backend has none. */
  owner(id: string, options: CallOptions): Promise<{ user: string; group: string }>;
}
