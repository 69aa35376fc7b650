/** What is told of an array as a whole: what its tasks make of it (docs/adaptors/local.md, "Arrays"). */
import type { JobObservation } from '../../saga/spi/job.js';

/** What an array does is what the first of these says that one of its tasks does. */
const LIVELINESS = ['RUNNING', 'STAGING_OUT', 'STAGING_IN', 'STARTING', 'SUSPENDED', 'PENDING', 'HELD'];
/** Tasks that are named; more are counted. */
const MOST_NAMED = 10;

/** A task by its index. */
export interface SeenTask {
  readonly index: number;
  readonly seen: JobObservation;
}

/** `common` is what the array has of its own; `tasks` are all of them, in ascending order, at least one. */
export function arrayObservation(
  common: Pick<JobObservation, 'created' | 'executionHosts' | 'workingDirectory'>,
  tasks: readonly SeenTask[],
): JobObservation {
  const started = least(tasks.map(({ seen }) => seen.started));
  const all = { ...common, ...(started && { started }) };
  const going = tasks.filter(({ seen: { state } }) => state === 'Running' || state === 'Suspended');
  if (going.length > 0) {
    const detail = LIVELINESS.find((word) => going.some(({ seen }) => seen.detail === word)) ?? 'RUNNING';
    return { ...all, state: detail === 'SUSPENDED' ? 'Suspended' : 'Running', detail };
  }
  const finished = greatest(tasks.map(({ seen }) => seen.finished));
  const known = tasks.map(({ seen }) => seen.cpuTime).filter((time) => time !== undefined);
  const cpuTime = known.reduce((sum, time) => sum + time, 0);
  return { ...all, ...(finished && { finished }), ...(known.length > 0 && { cpuTime }), ...outcome(tasks) };
}

function outcome(tasks: readonly SeenTask[]): JobObservation {
  if (tasks.some(({ seen }) => seen.state === 'Canceled')) return { state: 'Canceled', detail: 'CANCELED' };
  const failed = tasks.filter(({ seen }) => seen.state === 'Failed');
  const [first] = failed;
  if (!first) return { state: 'Done', detail: 'EXITED' };
  const { detail, failure = 'no reason is known', stderrTail } = first.seen;
  const named = failed.slice(0, MOST_NAMED).map(({ index }) => String(index));
  const more = failed.length > MOST_NAMED ? ` and ${String(failed.length - MOST_NAMED)} more` : '';
  return {
    state: 'Failed',
    detail,
    failure:
      `${String(failed.length)} of its ${String(tasks.length)} tasks failed: ${named.join(', ')}${more}; ` +
      `task ${String(first.index)}: ${failure}`,
    ...(stderrTail !== undefined && { stderrTail }),
  };
}

function least(dates: readonly (Date | undefined)[]): Date | undefined {
  return dates.reduce((a, b) => (a && (!b || a <= b) ? a : b), undefined);
}

function greatest(dates: readonly (Date | undefined)[]): Date | undefined {
  return dates.reduce((a, b) => (a && (!b || a >= b) ? a : b), undefined);
}
