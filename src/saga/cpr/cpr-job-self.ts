/** The job that this process belongs to, as one that can be checkpointed (SAGA CPR). */
import { ObjectType } from '../core/object.js';
import { steerable, type Steerable } from '../core/steerable.js';
import type { JobInit } from '../job/job.js';
import { CPRJob } from './cpr-job.js';

// The members are put there by `steerable`.
export interface CPRJobSelf extends Steerable {}

/** Made by `CPRJobService.getSelf`. */
export class CPRJobSelf extends CPRJob {
  /** @internal */
  constructor(init: JobInit) {
    super({ ...init, steerable: true });
  }

  override getType(): ObjectType {
    return ObjectType.JobSelf;
  }
}

steerable(CPRJobSelf);
