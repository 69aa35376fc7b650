/** The fixed outside of the packages task and job. */
import { expect, test } from '@jest/globals';
import type { Readable, Writable } from 'node:stream';
import type { Observable } from 'rxjs';
import type * as saga from '../../../src/index.js';
import type { Holds, Same } from '../../support/types.js';

type Options = saga.CallOptions;

interface FixedTask<T, S> {
  run(options?: Options): Promise<void>;
  cancel(timeout?: number, options?: Options): Promise<void>;
  wait(timeout?: number, options?: Options): Promise<boolean>;
  getState(options?: Options): Promise<S>;
  getResult(options?: Options): Promise<T>;
  getObject(): saga.SagaObject;
  rethrow(options?: Options): Promise<void>;
  toPromise(): Promise<T>;
  readonly state$: Observable<S>;
  observe(metric: string): Observable<saga.MetricEvent>;
}

interface FixedTaskContainer {
  clone(): saga.TaskContainer;
  add(task: saga.AnyTask): number;
  remove(cookie: number): saga.AnyTask;
  run(options?: Options): Promise<void>;
  cancel(timeout?: number, options?: Options): Promise<void>;
  wait(mode?: saga.WaitMode, timeout?: number, options?: Options): Promise<saga.AnyTask | undefined>;
  size(): number;
  listTasks(): number[];
  getTask(cookie: number): saga.AnyTask;
  getTasks(): saga.AnyTask[];
  getStates(options?: Options): Promise<saga.TaskState[]>;
}

interface FixedJobDescription {
  clone(): saga.JobDescription;
  executable: string | undefined;
  arguments: readonly string[] | undefined;
  spmdVariation: string | undefined;
  totalCPUCount: number | undefined;
  numberOfProcesses: number | undefined;
  processesPerHost: number | undefined;
  threadsPerProcess: number | undefined;
  environment: readonly string[] | Readonly<Record<string, string>> | undefined;
  workingDirectory: string | undefined;
  interactive: boolean | undefined;
  input: string | undefined;
  output: string | undefined;
  error: string | undefined;
  fileTransfer: readonly string[] | undefined;
  cleanup: string | undefined;
  jobStartTime: number | undefined;
  wallTimeLimit: number | undefined;
  totalCPUTime: number | undefined;
  totalPhysicalMemory: number | undefined;
  cpuArchitecture: readonly string[] | undefined;
  operatingSystemType: readonly string[] | undefined;
  candidateHosts: readonly string[] | undefined;
  queue: string | undefined;
  jobProject: string | undefined;
  jobContact: readonly string[] | undefined;
  name: string | undefined;
  array: string | undefined;
  script: string | undefined;
  gpus: number | undefined;
  hold: boolean | undefined;
  native: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  checkpointInitiator: 'System' | 'User' | undefined;
  checkpointProtocol: 'CoordinatedCheckpointing' | 'IndependentCheckpointing' | undefined;
  checkpointInterval: number | undefined;
  checkpointer: string | undefined;
  checkpointRequirements: Readonly<Record<string, boolean>> | undefined;
  checkpointDirectory: string | undefined;
  replicationLevel: number | undefined;
  keepCheckpoints: number | undefined;
  restartOnFailure: number | undefined;
}

interface FixedDependency {
  type: 'after' | 'afterok' | 'afternotok' | 'afterany';
  job: string;
}

interface FixedJobService {
  clone(): saga.JobService;
  createJob(jd: saga.JobDescription, options?: Options): Promise<saga.Job>;
  runJob(commandline: string, host?: string, options?: saga.RunJobOptions): Promise<saga.RunningJob<saga.Job>>;
  list(options?: Options): Promise<string[]>;
  getJob(jobId: string, options?: Options): Promise<saga.Job>;
  getSelf(options?: Options): Promise<saga.JobSelf>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
  runJobs(descriptions: readonly saga.JobDescription[], options?: Options): Promise<saga.Job[]>;
  readonly async: saga.Tasks<saga.JobService>;
  readonly task: saga.Tasks<saga.JobService>;
}

interface FixedJob extends FixedTask<void, saga.JobState> {
  clone(): saga.Job;
  readonly jobID: string | undefined;
  readonly serviceURL: string | undefined;
  readonly executionHosts: readonly string[] | undefined;
  readonly created: Date | undefined;
  readonly started: Date | undefined;
  readonly finished: Date | undefined;
  readonly workingDirectory: string | undefined;
  readonly exitCode: number | undefined;
  readonly termsig: number | undefined;
  getJobDescription(options?: Options): Promise<saga.JobDescription>;
  getStdin(options?: Options): Promise<Writable>;
  getStdout(options?: Options): Promise<Readable>;
  getStderr(options?: Options): Promise<Readable>;
  suspend(options?: Options): Promise<void>;
  resume(options?: Options): Promise<void>;
  checkpoint(options?: Options): Promise<void>;
  migrate(jd: saga.JobDescription, options?: Options): Promise<void>;
  signal(signum: number, options?: Options): Promise<void>;
  hold(options?: Options): Promise<void>;
  release(options?: Options): Promise<void>;
  readonly async: saga.Tasks<saga.Job>;
  readonly task: saga.Tasks<saga.Job>;
}

/** What a view has of a class: the methods that promise, but for `clone`. */
type ServiceMethods = 'createJob' | 'runJob' | 'runJobs' | 'list' | 'getJob' | 'getSelf' | 'prune' | 'close';

test('tasks and their containers', () => {
  const proofs: [
    Holds<saga.Task<string>, FixedTask<string, saga.TaskState>>,
    Same<saga.AnyTask, saga.Task<unknown, number>>,
    saga.Task<string> extends saga.SagaObject & saga.Monitorable ? true : false,
    Holds<saga.TaskContainer, FixedTaskContainer>,
    Same<ConstructorParameters<typeof saga.TaskContainer>, []>,
    saga.TaskContainer extends saga.SagaObject & saga.Monitorable ? true : false,
  ] = [true, true, true, true, true, true];
  expect(proofs).not.toContain(false);
});

test('job descriptions', () => {
  const proofs: [
    Holds<saga.JobDescription, FixedJobDescription>,
    Same<NonNullable<saga.JobDescription['dependencies']>[number]['type'], FixedDependency['type']>,
    readonly FixedDependency[] extends NonNullable<saga.JobDescription['dependencies']> ? true : false,
    Same<ConstructorParameters<typeof saga.JobDescription>, [init?: Partial<saga.JobDescription> | undefined]>,
    saga.JobDescription extends saga.SagaObject & saga.Attributes ? true : false,
  ] = [true, true, true, true, true];
  expect(proofs).not.toContain(false);
});

test('job services', () => {
  const proofs: [
    Holds<saga.JobService, FixedJobService>,
    Same<typeof saga.JobService.create, (rm?: saga.UrlLike, options?: saga.CreateOptions) => Promise<saga.JobService>>,
    Same<keyof saga.Tasks<saga.JobService>, ServiceMethods | typeof Symbol.asyncDispose>,
    Same<saga.RunningJob<string>, { job: string; stdin?: Writable; stdout?: Readable; stderr?: Readable }>,
    Holds<saga.RunJobOptions, { interactive?: boolean }>,
    saga.RunJobOptions extends saga.CallOptions ? true : false,
    saga.JobService extends saga.SagaObject ? true : false,
  ] = [true, true, true, true, true, true, true];
  expect(proofs).not.toContain(false);
});

test('jobs', () => {
  const proofs: [
    Holds<saga.Job, FixedJob>,
    saga.Job extends saga.Task<void, saga.JobState> ? true : false,
    saga.Job extends saga.AsyncAttributes & saga.Permissions & saga.Monitorable ? true : false,
    saga.JobSelf extends saga.Job & saga.Steerable ? true : false,
    Same<keyof saga.Tasks<saga.Job> & keyof saga.Attributes, Exclude<keyof saga.Attributes, 'toJSON'>>,
  ] = [true, true, true, true, true];
  expect(proofs).not.toContain(false);
});
