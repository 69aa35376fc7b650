/** What the launcher is told to start for a job: its description, made plain. */
import { arrayVariable } from './array.js';
import { absolute } from './paths.js';
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
}

/** `home`: where segments are. */
export function launchOf(home: string, segment: string, line: JobLine, { offset, dependencies }: Submission): Launch {
  const { n, cwd, description, task, base = cwd } = line;
  const { interactive = false, hold = false, jobStartTime = 0 } = description;
  const path = (name: string | undefined): string => (interactive || name === undefined ? '' : absolute(cwd, name));
  return {
    segment,
    n,
    offset,
    interactive,
    limits: limitsOf(description),
    hold,
    startTime: jobStartTime,
    dependencies,
    places: [...placesInArray(segment, task), slotsOf(description)],
    processes: processesOf(description),
    id: markOf(segment, line),
    cwd,
    input: path(description.input),
    output: path(description.output),
    error: path(description.error),
    ...stagingOf(description, cwd, base),
    argv: commandOf(withScriptAsCommand(home, segment, task?.array ?? n, description)),
    environment: [...(task ? [arrayVariable(segment, task.array)] : []), ...environmentOf(description)],
  };
}

/** The place that a task of an array with `%N` needs. */
export function placesInArray(segment: string, task: JobLine['task']): Places[] {
  if (task?.atOnce === undefined) return [];
  return [{ directory: `${segment}/${String(task.array)}.places`, needed: 1, all: task.atOnce }];
}
