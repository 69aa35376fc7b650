/** Array: many tasks from one description, numbered as the schedulers do it (`sbatch --array`, `qsub -J`). */
import { BadParameter } from '../../saga/core/exceptions.js';
import type { JobSpec } from '../../saga/spi/job.js';

/** Each task has a keeper, and they are all there at once. */
const MOST_TASKS = 10_000;

/** The variables in which a task finds its index, and its array. */
const VARIABLE = 'XOSAGA_ARRAY_TASK_ID';
const ARRAY_VARIABLE = 'XOSAGA_ARRAY_JOB_ID';

/** `NAME=value` that tells a task its array, of the number `n`. */
export function arrayVariable(segment: string, n: number): string {
  return `${ARRAY_VARIABLE}=${segment}.${String(n)}`;
}

/** The native id of the task that this process belongs to. */
export function ownTask(): string | undefined {
  const { [ARRAY_VARIABLE]: array, [VARIABLE]: index } = process.env;
  return array === undefined || index === undefined ? undefined : `${array}_${index}`;
}

const PART = /^([0-9]{1,9})(?:-([0-9]{1,9})(?::([0-9]{1,9}))?)?$/;

/** What an Array asks for. */
export interface TaskArray {
  /** In ascending order, each once. */
  readonly indices: readonly number[];
  /** How many tasks may run at a time, when that is fewer than there are. */
  readonly atOnce: number | undefined;
}

/**
 * Reads `0-99`, `1-9:2`, `1,3,5-7`, each with `%N` for at most N at a time.
 * @throws BadParameter for anything else, and for more tasks than a local array has.
 */
export function parseArray(text: string): TaskArray {
  const [list = '', limit, ...more] = text.split('%');
  if (more.length > 0) throw malformed(text);
  const indices = new Set<number>();
  for (const part of list.split(',')) {
    const [, first, last = first, step = '1'] = PART.exec(part) ?? [];
    if (first === undefined || Number(step) === 0 || Number(last) < Number(first)) throw malformed(text);
    for (let index = Number(first); index <= Number(last); index += Number(step)) {
      indices.add(index);
      if (indices.size > MOST_TASKS) {
        throw new BadParameter(
          `Array '${text}' has more than the ${String(MOST_TASKS)} tasks that a local array can have`,
        );
      }
    }
  }
  const atOnce = limit === undefined ? undefined : natural(limit, text);
  return {
    indices: [...indices].sort((a, b) => a - b),
    atOnce: atOnce !== undefined && atOnce < indices.size ? atOnce : undefined,
  };
}

function natural(word: string, text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(word)) throw malformed(text);
  return Number(word);
}

function malformed(text: string): BadParameter {
  return new BadParameter(
    `Array '${text}' is no list of indices; write '0-99', '1-9:2' (every second), '1,3,5-7', or '0-99%10' for ten at a time`,
  );
}

/** The text with `%a` replaced by what stands for the index, and `%%` by a percent sign. */
export function withIndex(text: string, index: string): string {
  return text.replace(/%[a%]/g, (found) => (found === '%a' ? index : '%'));
}

/** The text as one in which `withIndex` replaces nothing. */
export function withoutIndex(text: string): string {
  return text.replaceAll('%', '%%');
}

/** The description of one task: as if it had been submitted alone. */
export function taskOf({ array: _, ...spec }: JobSpec, index: number): JobSpec {
  const own = (text: string): string => withIndex(text, String(index));
  const { workingDirectory, input, output, error, fileTransfer, environment = [] } = spec;
  return {
    ...spec,
    ...(workingDirectory !== undefined && { workingDirectory: own(workingDirectory) }),
    ...(input !== undefined && { input: own(input) }),
    ...(output !== undefined && { output: own(output) }),
    ...(error !== undefined && { error: own(error) }),
    ...(fileTransfer && { fileTransfer: fileTransfer.map(own) }),
    environment: [...environment, `${VARIABLE}=${String(index)}`],
  };
}

/** Whether the files of the tasks differ: else a look at those of one is a look at all. */
export function namesFilesByIndex({ workingDirectory, input, output, error, fileTransfer = [] }: JobSpec): boolean {
  return [workingDirectory, input, output, error, ...fileTransfer].some((text) => text?.includes('%a') ?? false);
}
