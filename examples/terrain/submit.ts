/** Running the workers as a job: all that this example needs of xosaga, but the job service itself. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as saga from 'xosaga';

import { type Display, Progress } from './progress.js';

/** The compiled worker stands beside this file. */
const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
/** How long a cancelled job gets to end, in seconds. */
const CANCEL_SECONDS = 20;
const { New, Done, Canceled, Failed } = saga.JobState;
const UNCANCELABLE: readonly saga.JobState[] = [New, Done, Canceled, Failed];
/** How much of the error output of a failed job is shown. */
const MOST_LINES = 10;

export interface Run {
  readonly processes: number;
  /** Where the job works, an empty directory. */
  readonly directory: string;
  readonly steps: number;
  /** Arguments of the worker beside those that say how many steps it does and where its files are. */
  readonly args: readonly string[];
}

/** The file with the final elevations. */
export function resultFile(run: Run): string {
  return join(run.directory, 'final.f64');
}

/** What the job service is told, in the names of SAGA. */
export interface Attributes {
  readonly executable: string;
  readonly arguments: readonly string[];
  readonly numberOfProcesses: number;
  readonly workingDirectory: string;
  readonly output: string;
  readonly error: string;
}

export function attributesOf(run: Run): Attributes {
  const { directory, steps, args, processes } = run;
  const files = ['--sockets', join(directory, 'halo'), '--result', resultFile(run)];
  return {
    executable: process.execPath,
    arguments: [WORKER, '--steps', String(steps), ...args, ...files],
    numberOfProcesses: processes,
    workingDirectory: directory,
    output: join(directory, 'output.txt'),
    error: join(directory, 'error.txt'),
  };
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
  const attributes = attributesOf(run);
  const job = await service.createJob(new saga.JobDescription(attributes), { signal });
  await accompany(job, new Progress(attributes.output, display), display, signal, async () => {
    await job.run(); // without the signal: afterwards it is known that there is a job to be cancelled
    await job.wait(-1, { signal });
  });
  await requireDone(job, attributes.error, display);
  return job.getAttribute('JobID');
}

/** Does something with a job, and shows its states and its progress meanwhile. When `signal` is aborted the job is cancelled. */
export async function accompany(
  job: saga.Job,
  progress: Progress,
  display: Display,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  const states = job.observe('job.state').subscribe(({ value, time }) => {
    display.line(`  ${time.toISOString().slice(11, 23)}  ${value}`);
  });
  const ended = new AbortController();
  const shown = progress.show(ended.signal);
  try {
    await work();
  } catch (error) {
    if (!signal.aborted) throw error;
    await cancel(job);
    throw new Error('interrupted, the job was cancelled', { cause: error });
  } finally {
    ended.abort();
    await shown;
    states.unsubscribe();
  }
}

/** @throws what kept the job from ending well. */
export async function requireDone(job: saga.Job, errors: string, display: Display): Promise<void> {
  const state = await job.getState();
  if (state === Failed) await showLines(errors, display);
  await job.rethrow();
  if (state === Canceled) throw new Error('the job was cancelled by somebody else');
}

/** What the workers had to say, unless they could not even be started. */
async function showLines(errors: string, display: Display): Promise<void> {
  const text = await readFile(errors, 'utf8').catch(() => '');
  for (const line of text.split('\n').filter(Boolean).slice(-MOST_LINES)) display.line(`  ${line}`);
}

async function cancel(job: saga.Job): Promise<void> {
  const state = await job.getState();
  // What could not be started can't be cancelled, and need not; neither what has ended.
  if (UNCANCELABLE.includes(state)) return;
  await job.cancel();
  if (!(await job.wait(CANCEL_SECONDS))) throw new Error(`the job goes on ${CANCEL_SECONDS} s after it was cancelled`);
}
