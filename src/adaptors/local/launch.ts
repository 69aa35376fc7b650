/** What the launcher is told to start for a job: its description, made plain. */
import { arrayVariable } from './array.js';
import { absolute } from './paths.js';
import type { Checkpointer } from '../../saga/spi/checkpointer.js';
import { planOf } from './checkpointing.js';
import type { Launch } from './launch-frame.js';
import type { JobLine } from './job-line.js';
import { limitsOf } from './limits.js';
import { markOf } from './native-id.js';
import { withScriptAsCommand } from './script.js';
import { slotsOf, type Places } from './slots.js';
import { stagingOf } from './staging.js';
import { commandOf, environmentOf, processesOf } from './variation.js';

/** What is known of a job that is submitted beside what stands in its line. */
export interface Submission {
  /** No claim of the job stands before it in the log of the segment. */
  readonly offset: number;
  /** Words of docs/launcher.md for the jobs that it has to wait for. */
  readonly dependencies: readonly string[];
  /** Under which it runs, when it is to be checkpointable. */
  readonly checkpointer?: Checkpointer;
}

/** `home`: where segments are. */
export function launchOf(home: string, segment: string, line: JobLine, submission: Submission): Launch {
  const { offset, dependencies, checkpointer } = submission;
  const { n, cwd, description, task, from, base = cwd } = line;
  const { interactive = false, hold = false, jobStartTime = 0 } = description;
  const path = (name: string | undefined): string => (interactive || name === undefined ? '' : absolute(cwd, name));
  const command = commandOf(withScriptAsCommand(home, segment, task?.array ?? n, description));
  return {
    segment,
    n,
    offset,
    interactive,
    limits: limitsOf(description),
    hold,
    appending: from !== undefined,
    startTime: jobStartTime,
    dependencies,
    places: [...placesInArray(segment, task), slotsOf(description)],
    // A checkpointer starts the processes itself.
    processes: checkpointer ? 1 : processesOf(description),
    id: markOf(segment, line),
    cwd,
    input: path(description.input),
    output: path(description.output),
    error: path(description.error),
    ...stagingOf(description, cwd, base),
    argv: checkpointer ? checkpointer.command(planOf(home, segment, line), command) : command,
    environment: [...(task ? [arrayVariable(segment, task.array)] : []), ...environmentOf(description)],
  };
}

/** The place that a task of an array with `%N` needs. */
export function placesInArray(segment: string, task: JobLine['task']): Places[] {
  if (task?.atOnce === undefined) return [];
  return [{ directory: `${segment}/${String(task.array)}.places`, needed: 1, all: task.atOnce }];
}
