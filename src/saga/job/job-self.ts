/** The job that this process belongs to (GFD.90 section 4.1.6); it takes metrics of the application's own. */
import { ObjectType } from '../core/object.js';
import { steerable, type Steerable } from '../core/steerable.js';
import { Job, type JobInit } from './job.js';

// The members are put there by `steerable`.
export interface JobSelf extends Steerable {}

/** Made by `JobService.getSelf`. */
export class JobSelf extends Job {
  /** @internal */
  constructor(init: JobInit) {
    super({ ...init, steerable: true });
  }

  override getType(): ObjectType {
    return ObjectType.JobSelf;
  }
}

steerable(JobSelf);
