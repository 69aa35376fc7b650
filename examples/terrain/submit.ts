/** Running the workers as a job: all that this example needs of xosaga, but the job service itself. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as saga from 'xosaga';

import { type Display, follow } from './progress.js';

/** The compiled worker stands beside this file. */
const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
/** How long a cancelled job gets to end, in seconds. */
const CANCEL_SECONDS = 20;
/** How much of the error output of a failed job is shown. */
const MOST_LINES = 10;

export interface Run {
  readonly processes: number;
  /** Where the job works, an empty directory. */
  readonly directory: string;
  /** Arguments of the worker beside those that say where its files are. */
  readonly args: readonly string[];
}

/** The file with the final elevations. */
export function resultFile(run: Run): string {
  return join(run.directory, 'final.f64');
}

/**
 * Runs the workers to their end, showing the states of the job and how far it is. When `signal` is aborted the job is
 * cancelled.
 * @returns the id of the job
 * @throws what kept the job from ending well
 */
export async function runWorkers(
  service: saga.JobService,
  run: Run,
  display: Display,
  signal: AbortSignal,
): Promise<string> {
  const output = join(run.directory, 'output.txt');
  const errors = join(run.directory, 'error.txt');
  const description = new saga.JobDescription({
    executable: process.execPath,
    arguments: [WORKER, ...run.args, '--sockets', join(run.directory, 'sockets'), '--result', resultFile(run)],
    numberOfProcesses: run.processes,
    workingDirectory: run.directory,
    output,
    error: errors,
  });
  const job = await service.createJob(description, { signal });

  const states = job.observe('job.state').subscribe(({ value, time }) => {
    display.line(`  ${time.toISOString().slice(11, 23)}  ${value}`);
  });
  const ended = new AbortController();
  const progress = showProgress(output, display, ended.signal);
  try {
    await job.run(); // without the signal: afterwards it is known that there is a job to be cancelled
    await job.wait(-1, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    await cancel(job);
    throw new Error('interrupted, the job was cancelled', { cause: error });
  } finally {
    ended.abort();
    await progress;
    states.unsubscribe();
  }
  const state = await job.getState();
  if (state === saga.JobState.Failed) await showLines(errors, display);
  await job.rethrow();
  if (state === saga.JobState.Canceled) throw new Error('the job was cancelled by somebody else');
  return job.getAttribute('JobID');
}

/** The first worker tells how far they are, in lines `progress <steps done> <steps>`. */
async function showProgress(output: string, display: Display, ended: AbortSignal): Promise<void> {
  try {
    for await (const line of follow(output, ended)) {
      const [word, done, total] = line.split(' ');
      if (word === 'progress') display.progress(Number(done), Number(total));
    }
  } catch (error) {
    // The job goes on; only nobody can see how far it is.
    display.line(`  no progress can be shown: ${(error as Error).message}`);
  } finally {
    display.endProgress();
  }
}

/** What the workers had to say, unless they could not even be started. */
async function showLines(errors: string, display: Display): Promise<void> {
  const text = await readFile(errors, 'utf8').catch(() => '');
  for (const line of text.split('\n').filter(Boolean).slice(-MOST_LINES)) display.line(`  ${line}`);
}

async function cancel(job: saga.Job): Promise<void> {
  // What could not be started can't be cancelled, and need not.
  if ((await job.getState()) === saga.JobState.New) return;
  await job.cancel();
  if (!(await job.wait(CANCEL_SECONDS))) throw new Error(`the job goes on ${CANCEL_SECONDS} s after it was cancelled`);
}
