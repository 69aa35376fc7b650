/** The same job once more, checkpointed in the middle, killed, and started again from the checkpoint. */
import { constants } from 'node:os';
import { join } from 'node:path';

import * as saga from 'xosaga';

import { type Display, Progress } from './progress.js';
import { accompany, attributesOf, requireDone, type Run } from './submit.js';

/** Parts of the steps after which the checkpoint is made and the job killed, and at which it waits for that for a while. */
const CHECKPOINT_AT = 0.5;
const KILL_AT = 0.6;
const LINGER_AT = 0.75;

export interface Interruption {
  /** The id of the job that came to the end. */
  readonly id: string;
  /** Steps that were done when the job was killed, as far as it had said, and in its checkpoint. */
  readonly killedAt: number;
  readonly restartedFrom: number;
}

/**
 * Runs the workers as a checkpointable job: asks for a checkpoint, kills all of the job with SIGKILL, and recovers it.
 * @throws what kept the job from ending well
 */
export async function runInterrupted(
  service: saga.CPRJobService,
  run: Run,
  display: Display,
  signal: AbortSignal,
): Promise<Interruption> {
  const linger = String(Math.ceil(run.steps * LINGER_AT));
  const first = attributesOf({ ...run, args: [...run.args, '--linger', linger] });
  // What the first life has said is kept: the second one has files of its own.
  const second = {
    ...first,
    output: join(run.directory, 'output-2.txt'),
    error: join(run.directory, 'error-2.txt'),
  };
  const checkpointDirectory = join(run.directory, 'checkpoints');
  const job = await service.createJob(
    new saga.CPRJobDescription({ ...first, checkpointDirectory }),
    new saga.CPRJobDescription({ ...second, checkpointDirectory }),
    { signal },
  );

  const before = new Progress(first.output, display);
  await accompany(job, before, display, signal, async () => {
    await job.run();
    const over = job.wait(-1, { signal });
    await reached(run.steps * CHECKPOINT_AT, before, over);
    await job.checkpoint();
    display.line(`  saved     ${(await job.cprLast()).getString()}`);
    await reached(run.steps * KILL_AT, before, over);
    await job.signal(constants.signals.SIGKILL);
    await over;
  });

  const after = new Progress(second.output, display);
  await job.recover(); // without the signal, as when it was run: a new job, which is to be cancelled then
  await accompany(job, after, display, signal, async () => {
    await job.wait(-1, { signal });
  });
  await requireDone(job, second.error, display);
  if (after.restartedFrom === undefined)
    throw new Error('the job was started from the beginning, not from its checkpoint');
  return { id: await job.getAttribute('JobID'), killedAt: before.done, restartedFrom: after.restartedFrom };
}

/** Waits for so many steps to be done. @throws when the job ends before. */
async function reached(steps: number, progress: Progress, over: Promise<boolean>): Promise<void> {
  const ended = over.then(() => {
    throw new Error(`the job has ended after ${progress.done} steps, before it could be interrupted`);
  });
  await Promise.race([progress.reaches(Math.ceil(steps)), ended]);
}
