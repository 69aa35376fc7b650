/** What the launcher is told to start for a job: its description, made plain. */
import { absolute } from './prepare.js';
import type { Launch } from './launch-frame.js';
import { limitsOf } from './limits.js';
import type { JobLine } from './segment.js';
import { withScriptAsCommand } from './script.js';
import { commandOf, environmentOf, processesOf } from './variation.js';

export function nativeId(segment: string, n: number): string {
  return `${segment}.${String(n)}`;
}

/** `home`: where segments are. `offset`: no claim of the job stands before it in the log of the segment. */
export function launchOf(home: string, segment: string, { n, cwd, description }: JobLine, offset: number): Launch {
  const { interactive = false } = description;
  const path = (name: string | undefined): string => (interactive || name === undefined ? '' : absolute(cwd, name));
  return {
    segment,
    n,
    offset,
    interactive,
    limits: limitsOf(description),
    processes: processesOf(description),
    id: nativeId(segment, n),
    cwd,
    input: path(description.input),
    output: path(description.output),
    error: path(description.error),
    argv: commandOf(withScriptAsCommand(home, segment, n, description)),
    environment: environmentOf(description),
  };
}
