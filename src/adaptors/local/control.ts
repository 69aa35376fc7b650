/** What an observer may ask of one job (docs/state.md, "Cancel and signals" and "Before a job starts"). */
import type { CallOptions } from '../../saga/core/call-options.js';
import { IncorrectState } from '../../saga/core/exceptions.js';
import { isSettled, type JobLog } from './events.js';
import { nativeId } from './native-id.js';
import { now, signalGroup, signalProcess } from './processes.js';
import type { Found } from './segments.js';

/** Resolves when the keeper was asked, or the job cannot start any more. */
export async function cancel({ segment, line }: Found): Promise<void> {
  let log = await segment.observe(line.n);
  if (!log.claim) {
    segment.append(`never ${String(line.n)} ${now()} canceled`);
    log = await segment.observe(line.n);
  }
  // Somebody was faster than our `never`: ask the keeper.
  if (isSettled(log) || log.claim?.by !== 'keeper') return;
  // Whoever stopped the keeper, its own job perhaps: a stopped process hears nothing.
  for (const signal of ['SIGTERM', 'SIGCONT'] as const) signalProcess(log.claim.keeper, signal);
}

/** @throws IncorrectState when the processes are not there: the job waits, or has ended. */
export async function signal(job: Found, number: NodeJS.Signals | number, options: CallOptions): Promise<void> {
  const { segment, line } = job;
  const { claim, run, end } = await segment.when(line.n, (log) => log.run !== undefined || waits(log), options);
  if (end ?? claim?.by === 'nobody') throw new IncorrectState(`job '${idOf(job)}' has ended`);
  if (!run) {
    throw new IncorrectState(
      `job '${idOf(job)}' waits and has no processes yet; hold() keeps it waiting, cancel() ends it`,
    );
  }
  if (claim?.by !== 'keeper' || !signalGroup(run.group, claim.keeper, number)) {
    throw new IncorrectState(`job '${idOf(job)}' is ending: its processes are gone`);
  }
}

export async function suspend(job: Found, options: CallOptions): Promise<void> {
  await signal(job, 'SIGSTOP', options);
  job.segment.append(`suspend ${String(job.line.n)} ${now()}`);
}

export async function resume(job: Found, options: CallOptions): Promise<void> {
  await signal(job, 'SIGCONT', options);
  job.segment.append(`resume ${String(job.line.n)} ${now()}`);
}

/**
 * Resolves when the keeper has said that the job is held.
 * @throws IncorrectState when that came too late: the job runs or has ended.
 */
export async function hold(job: Found, options: CallOptions): Promise<void> {
  const { segment, line } = job;
  const before = await segment.observe(line.n);
  if (before.isHeld && before.hold !== false) return;
  if (!isTooLate(before)) {
    segment.append(`hold ${String(line.n)} ${now()}`);
    await tellKeeper(job);
    const { isHeld } = await segment.when(line.n, (log) => (log.isHeld ?? false) || isTooLate(log), options);
    if (isHeld) return;
    segment.append(`release ${String(line.n)} ${now()}`);
  }
  throw new IncorrectState(`job '${idOf(job)}' has begun or ended; only a job that waits can be held`);
}

/** What is not held is left as it is. */
export async function release(job: Found): Promise<void> {
  const { segment, line } = job;
  const log = await segment.observe(line.n);
  if (isSettled(log)) throw new IncorrectState(`job '${idOf(job)}' has ended`);
  if (!(log.hold ?? line.description.hold)) return;
  segment.append(`release ${String(line.n)} ${now()}`);
  await tellKeeper(job);
}

/** A keeper that is not there yet reads the log when it comes. */
async function tellKeeper({ segment, line }: Found): Promise<void> {
  const { claim } = await segment.observe(line.n);
  if (claim?.by !== 'keeper') return;
  for (const signal of ['SIGUSR2', 'SIGCONT'] as const) signalProcess(claim.keeper, signal);
}

function waits({ phase, run }: JobLog): boolean {
  return !run && (phase === 'held' || phase === 'pending');
}

function isTooLate(log: JobLog): boolean {
  return isSettled(log) || log.run !== undefined || log.phase === 'staging_in';
}

function idOf({ segment, line }: Found): string {
  return nativeId(segment.name, line);
}
