/** Reading and writing selected runs of a file: what pattern I/O and extended I/O have in common. */
import type { Call } from '../engine/entry-service.js';
import type { Run } from './falls.js';
import type { OpenFile } from './open-file.js';

/** A gap of less than this is read and dropped: cheaper than another call to the service. */
const WIDEST_GAP = 16 * 1024;
/** How much of a file with gaps is in memory at once. */
const WINDOW = 1024 * 1024;

/** What was transferred. */
export interface Transferred {
  readonly count: number;
  /** Behind the last byte of them; undefined when there was none. */
  readonly end: number | undefined;
}

/** Runs that are near to each other. */
interface Window {
  readonly start: number;
  end: number;
  readonly runs: Run[];
}

/** Fills `memory` with the selected bytes, as far as the file has them. */
export async function readSelected(
  file: OpenFile,
  runs: Iterable<Run>,
  memory: Uint8Array,
  call: Call,
): Promise<Transferred> {
  let count = 0;
  let end: number | undefined;
  for (const window of windowsOf(runs)) {
    const { bytes, complete, reached } = await readWindow(file, window, memory.subarray(count), call);
    count += bytes;
    end = reached ?? end;
    if (!complete) break;
  }
  return { count, end };
}

/** Writes `memory` to the selected places; what lies between them is not touched. */
export async function writeSelected(
  file: OpenFile,
  runs: Iterable<Run>,
  memory: Uint8Array,
  call: Call,
): Promise<Transferred> {
  let count = 0;
  let end: number | undefined;
  for (const { offset, length } of runs) {
    if (length === 0) continue;
    await file.write(memory.subarray(count, count + length), offset, call);
    count += length;
    end = offset + length;
  }
  return { count, end };
}

function* windowsOf(runs: Iterable<Run>): Generator<Window> {
  let window: Window | undefined;
  for (const run of runs) {
    const end = run.offset + run.length;
    if (window && run.offset - window.end < WIDEST_GAP && end - window.start <= WINDOW) {
      window.runs.push(run);
      window.end = end;
    } else {
      if (window) yield window;
      window = { start: run.offset, end, runs: [run] };
    }
  }
  if (window) yield window;
}

interface WindowRead {
  readonly bytes: number;
  /** Whether the file had all of them. */
  readonly complete: boolean;
  /** Behind the last byte; undefined when there was none. */
  readonly reached: number | undefined;
}

async function readWindow(file: OpenFile, window: Window, into: Uint8Array, call: Call): Promise<WindowRead> {
  const { start, end, runs } = window;
  const [only, second] = runs;
  if (only && !second) {
    const bytes = await file.readFully(into.subarray(0, only.length), start, call);
    return { bytes, complete: bytes === only.length, reached: bytes > 0 ? start + bytes : undefined };
  }
  const sieve = new Uint8Array(end - start);
  const there = sieve.subarray(0, await file.readFully(sieve, start, call));
  let bytes = 0;
  let reached: number | undefined;
  for (const { offset, length } of runs) {
    const found = there.subarray(offset - start, offset - start + length);
    into.set(found, bytes);
    bytes += found.length;
    if (found.length > 0) reached = offset + found.length;
    if (found.length < length) return { bytes, complete: false, reached };
  }
  return { bytes, complete: true, reached };
}
