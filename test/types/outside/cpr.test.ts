/** The fixed outside of the package cpr. */
import { expect, test } from '@jest/globals';
import type * as saga from '../../../src/index.js';
import type { Holds, Same } from '../../support/types.js';

type Options = saga.CallOptions;

interface FixedCPRJob {
  checkpoint: {
    (options?: Options): Promise<void>;
    (url?: saga.UrlLike, options?: Options): Promise<void>;
  };
  recover(url?: saga.UrlLike, options?: Options): Promise<void>;
  cprStageIn(url?: saga.UrlLike, options?: Options): Promise<void>;
  cprStageOut(url?: saga.UrlLike, options?: Options): Promise<void>;
  cprList(options?: Options): Promise<saga.URL[]>;
  cprLast(options?: Options): Promise<saga.URL>;
  readonly async: saga.Tasks<saga.CPRJob>;
  readonly task: saga.Tasks<saga.CPRJob>;
}

interface FixedCPRJobService {
  createJob: {
    // More than what the specification of the base says, which a Job would do for.
    (jd: saga.JobDescription, options?: Options): Promise<saga.CPRJob>;
    (jdStart: saga.CPRJobDescription, jdRestart?: saga.CPRJobDescription, options?: Options): Promise<saga.CPRJob>;
  };
  runJob(commandline: string, host?: string, options?: saga.RunJobOptions): Promise<saga.RunningJob<saga.CPRJob>>;
  readonly async: saga.Tasks<saga.CPRJobService>;
  readonly task: saga.Tasks<saga.CPRJobService>;
}

type Create<S> = (rm?: saga.UrlLike, options?: saga.CreateOptions) => Promise<S>;

test('checkpointing and recovery', () => {
  const proofs: [
    Holds<saga.CPRJob, FixedCPRJob>,
    saga.CPRJob extends saga.Job ? true : false,
    saga.CPRJobSelf extends saga.CPRJob & saga.JobSelf & saga.Steerable ? true : false,
    Holds<saga.CPRJobService, FixedCPRJobService>,
    saga.CPRJobService extends saga.JobService ? true : false,
    Same<typeof saga.CPRJobService.create, Create<saga.CPRJobService>>,
    Same<ConstructorParameters<typeof saga.CPRJobDescription>, [init?: Partial<saga.JobDescription> | undefined]>,
  ] = [true, true, true, true, true, true, true];
  expect(proofs).not.toContain(false);
});
