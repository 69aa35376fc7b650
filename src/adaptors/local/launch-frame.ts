/** The form in which a job is handed to the launcher's standard input (docs/launcher.md). */
import { BadParameter } from '../../saga/core/exceptions.js';
import { encodeNative } from '../../saga/core/native-string.js';
import { requireKept, type Limits } from './limits.js';
import type { Places } from './slots.js';
import type { StagingStep } from './staging.js';

/** Most that the launcher takes; what is larger, no system can start. */
const FRAME_MAX = 8 << 20;

/** The keeper says these itself. */
const RESERVED = ['XOSAGA_JOB_ID', 'XOSAGA_RANK', 'XOSAGA_SIZE'];

/** All that a keeper needs to know of a job. */
export interface Launch {
  readonly segment: string;
  readonly n: number;
  /** Bytes of `events` that need not be searched for an earlier claim. */
  readonly offset: number;
  readonly interactive: boolean;
  readonly limits: Limits;
  /** Submitted held. */
  readonly hold: boolean;
  /** Output and Error hold what an earlier job has written, which this one goes on with. */
  readonly appending: boolean;
  /** Seconds since the epoch before which it does not start. */
  readonly startTime: number;
  /** Words for the jobs that it has to wait for. */
  readonly dependencies: readonly string[];
  /** What it has to get before it starts, in this order. */
  readonly places: readonly Places[];
  readonly processes: number;
  /** Value of XOSAGA_JOB_ID. */
  readonly id: string;
  readonly cwd: string;
  /** Paths; empty for the defaults of docs/state.md. */
  readonly input: string;
  readonly output: string;
  readonly error: string;
  readonly before: readonly StagingStep[];
  readonly after: readonly StagingStep[];
  readonly argv: readonly string[];
  /** `NAME=value`, over the launcher's own environment. */
  readonly environment: readonly string[];
}

/**
 * To the C launcher: the length of the body (32 bits, little-endian), then the body, whose fields end with NUL.
 * @throws BadParameter when the job is too large for any system.
 */
export function nativeFrame(launch: Launch): Uint8Array {
  const { argv } = launch;
  const environment = settled(launch.environment);
  const lists = [...staging(launch), ...counted(argv), ...counted(environment)];
  const fields = ['J', ...head(launch), ...lists].map((field) => encodeNative(field));

  const length = fields.reduce((sum, field) => sum + field.length + 1, 0);
  if (length > FRAME_MAX) {
    throw new BadParameter(
      `Arguments and Environment have ${String(length)} bytes; a job can have ${String(FRAME_MAX)}`,
    );
  }
  const frame = Buffer.alloc(4 + length);
  frame.writeUInt32LE(length);
  let at = 4;
  for (const field of fields) {
    frame.set(field, at);
    at += field.length + 1;
  }
  return frame;
}

/**
 * To the sh launcher: one line of shell, in which every word is quoted.
 * @throws BadParameter for a limit that it does not keep.
 */
export function shellFrame(launch: Launch): Uint8Array {
  requireKept(launch.limits, 'sh');
  const environment = settled(launch.environment);
  const words = [...head(launch), ...staging(launch), ...counted(environment), ...launch.argv];
  return encodeNative(`job ${words.map(quoted).join(' ')}\n`);
}

function head(launch: Launch): string[] {
  const { segment, n, offset, processes, id, cwd, input, output, error } = launch;
  return [segment, String(n), String(offset), options(launch), String(processes), id, cwd, input, output, error];
}

function options({ interactive, appending, limits, hold, startTime, dependencies, places }: Launch): string {
  const words = [
    ...Object.entries(limits).map(([name, amount]) => `${name}=${String(amount)}`),
    ...dependencies,
    ...places.map(({ directory, needed, all }) => `places=${directory}:${String(needed)}/${String(all)}`),
  ];
  if (interactive) words.unshift('i');
  if (appending) words.push('append');
  if (hold) words.push('hold');
  if (startTime > 0) words.push(`at=${String(startTime)}`);
  return words.join(' ');
}

/** The steps before and those after, three fields each. */
function staging({ before, after }: Launch): string[] {
  return [before, after].flatMap((steps) =>
    counted(steps.flatMap(({ verb, source, target }) => [verb, source, target])),
  );
}

function counted(fields: readonly string[]): string[] {
  return [String(fields.length), ...fields];
}

/** A word of shell that means the text, on one line: the launcher reads line by line. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`).replaceAll('\n', `'"$xo_nl"'`)}'`;
}

/** The entries without those that a later one of the same name, or the keeper, replaces. */
function settled(environment: readonly string[]): string[] {
  const byName = new Map(environment.map((entry) => [entry.slice(0, entry.indexOf('=')), entry]));
  for (const name of RESERVED) byName.delete(name);
  return [...byName.values()];
}
