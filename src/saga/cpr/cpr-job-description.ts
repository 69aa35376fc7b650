/** The description of a job that can be checkpointed (SAGA CPR). */
import { copyAttributes } from '../core/attributes.js';
import { JobDescription } from '../job/job-description.js';

/**
 * Has the attributes of every job description. Those of checkpointing say who asks for checkpoints and how often, what makes
 * them, where they go, and how many are kept; all of them may be left out.
 *
 * ```ts
 * const jd = new saga.CPRJobDescription({ executable: '/usr/bin/solver', checkpointInterval: 600, restartOnFailure: 3 });
 * ```
 */
export class CPRJobDescription extends JobDescription {
  override clone(): this {
    const copy = new CPRJobDescription();
    copyAttributes(this, copy);
    return copy as this;
  }
}
