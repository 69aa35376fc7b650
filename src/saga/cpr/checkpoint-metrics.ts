/** The metrics of a job that can be checkpointed (SAGA CPR): each request and each completion is an event. */
import { Metric } from '../core/metric.js';
import type { JobObservation } from '../spi/job.js';

/** A Trigger whose value tells which checkpoint it is, where that is known: its URL. */
const trigger = (name: string, description: string): Metric =>
  new Metric(`cpr_job.${name}`, description, 'ReadOnly', '1', 'Trigger', '');

/** What was last known of a job's checkpoints and restarts. */
type Progress = Pick<JobObservation, 'generation' | 'incarnation'>;

export class CheckpointMetrics {
  readonly #checkpoint = trigger('Checkpoint', 'a checkpoint was asked for');
  readonly #checkpointed = trigger('Checkpointed', 'a checkpoint is complete');
  readonly #recover = trigger('Recover', 'the job is to go back to a checkpoint');
  readonly #recovered = trigger('Recovered', 'the job has gone back to a checkpoint');
  #known: Progress = {};

  get all(): readonly Metric[] {
    return [this.#checkpoint, this.#checkpointed, this.#recover, this.#recovered];
  }

  /** @param url - Where it was asked for; empty: the backend chooses. */
  checkpointRequested(url: string): void {
    this.#checkpoint.update(url);
  }

  checkpointed(url: string, generation: number): void {
    this.#known = { ...this.#known, generation };
    this.#checkpointed.update(url);
  }

  recoveryRequested(url: string): void {
    this.#recover.update(url);
  }

  recovered(url: string): void {
    // How the backend counts restarts is seen at the next look.
    this.#known = {};
    this.#recovered.update(url);
  }

  /** What somebody else did: the system, another program, the job itself. Seen when it is complete, so both events come then. */
  show({ generation, incarnation }: Progress): void {
    const before = this.#known;
    this.#known = {
      ...before,
      ...(generation !== undefined && { generation }),
      ...(incarnation !== undefined && { incarnation }),
    };
    if (hasGrown(before.incarnation, incarnation)) {
      this.#recover.update('');
      this.#recovered.update('');
    }
    if (hasGrown(before.generation, generation)) {
      this.#checkpoint.update('');
      this.#checkpointed.update('');
    }
  }
}

/** The first look tells nothing of what happened before it. */
function hasGrown(before: number | undefined, now: number | undefined): boolean {
  return before !== undefined && now !== undefined && now > before;
}
