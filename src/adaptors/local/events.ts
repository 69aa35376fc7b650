/** The records of a segment's `events` journal (docs/state.md, "events"): parsing lines and reading a job's outcome. */
import { decoded } from '../../saga/core/percent-encoding.js';
import { isLimitName } from './limits.js';

/** A process beyond pid reuse: the pid and when it started, as the system counts it. */
export interface ProcessName {
  readonly pid: number;
  readonly start: string;
}

/** Whether the number can be that of a process. What is signalled in its name may be much, for others: 0 and -1 are everybody. */
export function isProcessId(pid: unknown): pid is number {
  return typeof pid === 'number' && Number.isSafeInteger(pid) && pid > 0 && pid < 2 ** 31;
}

/** A job's end as its keeper saw it. */
export interface JobEnd {
  readonly time: string;
  readonly kind: 'exit' | 'signal' | 'failed' | 'canceled' | 'limit' | 'staging';
  /** Exit code, signal number, the errno name of a start that failed, the name of a limit, or which way files went: `in` or `out`. */
  readonly value: string;
  readonly rank: number;
  /** Seconds, of all processes. */
  readonly cpu: number | undefined;
  /** KiB, of the largest process. */
  readonly rss: number | undefined;
  /** The end of standard error, or why the job could not be started. */
  readonly text: string;
}

const PHASES = ['held', 'pending', 'staging_in', 'staging_out'] as const;

/** What a job waits for or does beside running. */
export type Phase = (typeof PHASES)[number];

/** What the log says of one job. */
export interface JobLog {
  /** The first of the records `start` and `never`; it counts, later ones do not. */
  claim?:
    | { readonly by: 'keeper'; readonly time: string; readonly keeper: ProcessName }
    | { readonly by: 'nobody'; readonly time: string; readonly reason: string };
  run?: { readonly time: string; readonly group: number };
  suspended?: boolean;
  /** The last one; when the processes run, only `staging_out` is left. */
  phase?: Phase | undefined;
  /** Whether the last of `hold` and `release` was a `hold`; undefined when there was neither. */
  hold?: boolean;
  /** Whether a keeper has said `held` after the last of them. */
  isHeld?: boolean;
  /** The job is forgotten. */
  pruned?: boolean;
  /** The first of the records `end` and `lost`. */
  end?: JobEnd | { readonly time: string; readonly kind: 'lost' };
}

/** Whether nothing that is still to come can change the job's state. */
export function isSettled(log: JobLog): boolean {
  return log.end !== undefined || log.claim?.by === 'nobody';
}

/** The form of a job's number: as keepers write it, so that no two spellings mean one job. */
const NUMBER = /^[1-9][0-9]{0,8}$/;

/** Bytes that no record has: a longer line is none, and need not be kept until its end comes. */
export const LONGEST_RECORD = 8192;

/** How many words each record has. A torn one has fewer: keepers count, too, so that all agree on which line is the first. */
const WORDS: ReadonlyMap<string, number> = new Map([
  ['start', 5],
  ['never', 4],
  ['run', 4],
  ['phase', 4],
  ['hold', 3],
  ['release', 3],
  ['pruned', 3],
  ['suspend', 3],
  ['resume', 3],
  ['lost', 3],
  ['end', 9],
]);

/**
 * Adds one line of the journal to the logs of a segment. A line that is not whole or not known means nothing.
 * @returns the number of the job whose log changed.
 */
export function applyRecord(logs: Map<number, JobLog>, line: string): number | undefined {
  if (line.length > LONGEST_RECORD) return undefined;
  const words = line.split(' ');
  const [word = '', number = '', time = '', ...rest] = words;
  if (words.length !== WORDS.get(word) || words.includes('') || !NUMBER.test(number)) return undefined;
  const n = Number(number);
  let log = logs.get(n);
  if (!log) logs.set(n, (log = {}));
  return change(log, word, time, rest) ? n : undefined;
}

function change(log: JobLog, word: string, time: string, rest: readonly string[]): boolean {
  const [a = '', b = '', ...more] = rest;
  switch (word) {
    case 'start':
      if (log.claim) return false;
      log.claim = { by: 'keeper', time, keeper: { pid: natural(a), start: b } };
      return true;
    case 'never':
      if (log.claim) return false;
      log.claim = { by: 'nobody', time, reason: a };
      return true;
    case 'run': {
      const group = natural(a);
      // To signal group 1 or 0 would reach everybody, or ourselves.
      if (!isProcessId(group) || group === 1) return false;
      log.run = { time, group };
      if (log.phase !== 'staging_out') log.phase = undefined;
      return true;
    }
    case 'suspend':
    case 'resume':
      log.suspended = word === 'suspend';
      return true;
    case 'phase':
      if (!isPhase(a)) return false;
      log.phase = a;
      log.isHeld = a === 'held';
      return true;
    case 'hold':
    case 'release':
      log.hold = word === 'hold';
      log.isHeld = false;
      return true;
    case 'pruned':
      log.pruned = true;
      return true;
    case 'lost':
      if (log.end) return false;
      log.end = { time, kind: 'lost' };
      return true;
    case 'end':
      if (log.end || !isEndKind(a) || !isValueOf(a, b)) return false;
      log.end = jobEnd(time, a, b, more);
      return true;
    default:
      return false;
  }
}

function jobEnd(time: string, kind: JobEnd['kind'], value: string, rest: readonly string[]): JobEnd {
  const [rank = '0', cpu = '-', rss = '-', text = '-'] = rest;
  return {
    time,
    kind,
    value,
    rank: known(rank) ?? 0,
    cpu: known(cpu),
    rss: known(rss),
    text: text === '-' ? '' : decoded(text),
  };
}

/** NaN when the word is not a number as keepers write it. */
function natural(word: string): number {
  return /^[1-9][0-9]*$/.test(word) ? Number(word) : NaN;
}

function isPhase(word: string): word is Phase {
  return PHASES.some((phase) => phase === word);
}

function isEndKind(word: string): word is JobEnd['kind'] {
  return ['exit', 'signal', 'failed', 'canceled', 'limit', 'staging'].includes(word);
}

function isValueOf(kind: JobEnd['kind'], word: string): boolean {
  if (kind === 'limit') return isLimitName(word);
  if (kind === 'staging') return word === 'in' || word === 'out';
  return kind === 'failed' || /^[0-9]{1,9}$/.test(word);
}

function known(word: string): number | undefined {
  const number = Number(word);
  return Number.isFinite(number) ? number : undefined;
}
