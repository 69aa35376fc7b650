/** What the engine is told of a local job, from its line in `jobs` and its log (docs/state.md, "Reading a state"). */
import { constants } from 'node:os';

import type { JobObservation } from '../../saga/spi/job.js';
import type { JobEnd, JobLog, Phase } from './events.js';
import type { JobLine, SegmentHeader } from './job-line.js';
import { limitFailure, type LimitName } from './limits.js';
import { dateOf } from './processes.js';

/** `refusal` is what the launcher said when it could not start the job at all. */
export function observationOf(
  header: SegmentHeader,
  line: JobLine,
  log: JobLog,
  refusal: string | undefined,
): JobObservation {
  const at = dater(header);
  const common = { ...commonOf(header, line), ...(log.run && at('started', log.run.time)) };
  const { claim, end } = log;
  if (end?.kind === 'lost') {
    const failure = 'outcome unknown: the process that kept the job was killed, or the machine was restarted';
    return { ...common, state: 'Failed', detail: 'LOST', ...at('finished', end.time), failure };
  }
  if (end) return { ...common, ...at('finished', end.time), ...resources(end), ...outcome(end, line) };
  if (claim?.by !== 'nobody') return { ...common, ...present(log, line) };
  const ended = at('finished', claim.time);
  if (claim.reason === 'canceled') return { ...common, ...ended, state: 'Canceled', detail: 'CANCELED' };
  const failure = refusal ? `never started: ${refusal}` : 'never started: its submitter ended before it could be';
  return { ...common, ...ended, state: 'Failed', detail: 'NEVER_STARTED', failure };
}

/** What is true of a job from the beginning. */
export function commonOf(
  header: SegmentHeader,
  { created, cwd }: JobLine,
): Pick<JobObservation, 'created' | 'executionHosts' | 'workingDirectory'> {
  return { ...dater(header)('created', created), executionHosts: [header.host], workingDirectory: cwd };
}

/** For dates under a key; nothing when the time is none. */
function dater({ epochAtBoot }: SegmentHeader): <K extends string>(key: K, time: string) => Partial<Record<K, Date>> {
  return <K extends string>(key: K, time: string) => {
    const date = dateOf(time, epochAtBoot);
    return (date ? { [key]: date } : {}) as Partial<Record<K, Date>>;
  };
}

const BEFORE_RUNNING: Readonly<Record<Phase, string>> = {
  held: 'HELD',
  pending: 'PENDING',
  staging_in: 'STAGING_IN',
  staging_out: 'STARTING', // of processes that never ran
};

/** The state of a job that has not ended. */
function present(log: JobLog, { description }: JobLine): Pick<JobObservation, 'state' | 'detail'> {
  const { claim, run, hold, phase, suspended } = log;
  // Its keeper reads the log when it comes.
  if (!claim) return { state: 'Running', detail: (hold ?? description.hold) ? 'HELD' : 'PENDING' };
  // Released, but its keeper has not said yet what the job waits for now.
  if (!run && phase === 'held' && hold === false) return { state: 'Running', detail: 'PENDING' };
  if (!run) return { state: 'Running', detail: phase ? BEFORE_RUNNING[phase] : 'STARTING' };
  // What brings the results out is not stopped with the processes.
  if (phase === 'staging_out') return { state: 'Running', detail: 'STAGING_OUT' };
  return suspended ? { state: 'Suspended', detail: 'SUSPENDED' } : { state: 'Running', detail: 'RUNNING' };
}

function resources({ cpu, rss }: JobEnd): Pick<JobObservation, 'cpuTime' | 'memoryUse'> {
  return { ...(cpu !== undefined && { cpuTime: cpu }), ...(rss !== undefined && { memoryUse: rss / 1024 }) };
}

function outcome(end: JobEnd, line: JobLine): JobObservation {
  const tail = end.text === '' ? {} : { stderrTail: end.text };
  const who = (line.description.numberOfProcesses ?? 1) > 1 ? `process ${String(end.rank)}: ` : '';
  const number = Number(end.value);
  switch (end.kind) {
    case 'exit':
      return number === 0
        ? { state: 'Done', detail: 'EXITED', exitCode: 0 }
        : { state: 'Failed', detail: 'EXITED', exitCode: number, failure: `${who}exit code ${end.value}`, ...tail };
    case 'signal':
      return {
        state: 'Failed',
        detail: 'SIGNALED',
        termsig: number,
        failure: `${who}killed by ${signalName(number)}`,
        ...tail,
      };
    case 'limit': {
      // Which words are limits is checked where the record is read. No exit code and no signal: the limit is the reason.
      const failure = limitFailure(end.value as LimitName, line.description);
      return { state: 'Failed', detail: 'LIMITED', failure, ...tail };
    }
    case 'staging': {
      const stage = end.value === 'in' ? 'its files could not be brought in' : 'its results could not be brought out';
      return { state: 'Failed', detail: 'STAGING_FAILED', failure: `${stage}: ${end.text}` };
    }
    case 'failed':
      return { state: 'Failed', detail: 'NOT_STARTED', failure: `could not be started: ${end.text}` };
    case 'canceled':
      return { state: 'Canceled', detail: 'CANCELED', ...(number > 0 && { termsig: number }) };
  }
}

function signalName(signal: number): string {
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];
  return name ? `${name} (${String(signal)})` : `signal ${String(signal)}`;
}
