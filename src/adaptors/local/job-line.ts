/** The lines of a segment's `jobs` journal (docs/state.md, "jobs"): what stands in them, and what is none. */
import { isAbsolute } from 'node:path';

import type { JobSpec } from '../../saga/spi/job.js';
import { parseArray, taskOf, withIndex } from './array.js';
import { isProcessId, type ProcessName } from './events.js';
import type { Machine } from './processes.js';

/** A native id has at most 9 digits. */
const HIGHEST_NUMBER = 999_999_999;

/** The first line. */
export interface SegmentHeader extends Machine {
  readonly layout: 1;
  readonly submitter: ProcessName;
}

/** Where a job begins that does not begin from the beginning. */
export interface StartVersion {
  /** The directory of the versions, absolute. */
  readonly checkpoints: string;
  readonly generation: number;
}

/** A further line: one job. */
export interface JobLine {
  readonly n: number;
  /** Seconds since boot, as in `events`. */
  readonly created: string;
  /** The working directory, absolute: what a relative one in the description meant to the submitter. */
  readonly cwd: string;
  readonly description: JobSpec;
  /** Of an array: the indices of its tasks, in ascending order. They take the numbers after `n`. */
  readonly tasks?: readonly number[];
  /** The directory of the submitter, to which the left names of FileTransfer are relative; there when there are any. */
  readonly base?: string;
  /** The checkpoint of an earlier job that this one begins from. */
  readonly from?: StartVersion;
  /** Of a task, which has no line of its own: the number of its array, its index, and how many may run at a time. */
  readonly task?: { readonly array: number; readonly index: number; readonly atOnce: number | undefined };
}

/** The tasks of an array as jobs; of a job that is none, the job. */
export function jobsOf(line: JobLine): readonly JobLine[] {
  const { tasks, n, created, cwd, description, base } = line;
  if (!tasks) return [line];
  const { atOnce } = parseArray(description.array ?? '');
  return tasks.map((index, i) => ({
    n: n + 1 + i,
    created,
    cwd: withIndex(cwd, String(index)),
    description: taskOf(description, index),
    ...(base !== undefined && { base }),
    task: { array: n, index, atOnce },
  }));
}

/** What a line holds; nothing when it is not whole. */
export function parseLine(line: string): Record<string, unknown> {
  try {
    const record: unknown = JSON.parse(line);
    return isObject(record) ? record : {};
  } catch {
    return {};
  }
}

export function isJobLine(record: object): record is JobLine {
  const { n, created, cwd, description, tasks, base, from } = record as Record<keyof JobLine, unknown>;
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1 || n > HIGHEST_NUMBER) return false;
  if (tasks !== undefined && !areIndices(tasks)) return false;
  if (base !== undefined && typeof base !== 'string') return false;
  if (from !== undefined && !isStartVersion(from)) return false;
  return typeof created === 'string' && typeof cwd === 'string' && isAbsolute(cwd) && isObject(description);
}

function isStartVersion(from: unknown): boolean {
  if (!isObject(from)) return false;
  const { checkpoints, generation } = from;
  return typeof checkpoints === 'string' && isAbsolute(checkpoints) && Number.isSafeInteger(generation);
}

function areIndices(tasks: unknown): boolean {
  return (
    Array.isArray(tasks) &&
    tasks.length > 0 &&
    tasks.every((index, i) => Number.isSafeInteger(index) && (i === 0 || index > tasks[i - 1]))
  );
}

export function isHeader(record: object): record is SegmentHeader {
  const { layout, host, boot, epochAtBoot, submitter } = record as Record<keyof SegmentHeader, unknown>;
  if (layout !== 1 || typeof host !== 'string' || typeof boot !== 'string' || typeof epochAtBoot !== 'number')
    return false;
  return isObject(submitter) && isProcessId(submitter['pid']) && typeof submitter['start'] === 'string';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
