/** Forgetting jobs that have ended, before the clean-up does it (docs/state.md, "Clean-up"). */
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { BadParameter, IncorrectState } from '../../saga/core/exceptions.js';
import { removeSegment } from './clean-up.js';
import { isSettled, type JobLog } from './events.js';
import { stateOf } from './checkpointing.js';
import type { JobLine } from './job-line.js';
import { nativeId } from './native-id.js';
import { dateOf, isAlive, now } from './processes.js';
import type { SegmentLog } from './segment-log.js';
import { isSegmentName, readJobLines } from './segment-reader.js';
import type { Segments } from './segments.js';

/**
 * Forgets the jobs; all of them, or none.
 * @throws BadParameter for a task of an array, IncorrectState for a job that has not ended; what `Segments.find` throws.
 */
export async function pruneJobs(home: string, segments: Segments, ids: readonly string[]): Promise<string[]> {
  const bySegment = new Map<SegmentLog, JobLine[]>();
  for (const id of new Set(ids)) {
    const { segment, line } = await segments.find(id);
    if (line.task) throw new BadParameter(`'${id}' is a task of an array; prune the array, with all its tasks`);
    if (!(await segment.observeEach(numbersOf(line))).every(isSettled)) {
      throw new IncorrectState(`job '${id}' has not ended, so that it is not pruned; cancel it first`);
    }
    bySegment.set(segment, [...(bySegment.get(segment) ?? []), line]);
  }
  const pruned: string[] = [];
  for (const [segment, lines] of bySegment) pruned.push(...(await forget(home, segments, segment, lines)));
  return pruned;
}

/** Milliseconds by which the clock of the journals, which counts in hundredths of a second, may be ahead. */
const CLOCK_STEP = 20;

/** Forgets the jobs that ended before `date`. @returns their ids. */
export async function pruneOlder(home: string, segments: Segments, date: Date): Promise<string[]> {
  const pruned: string[] = [];
  for (const name of readdirSync(home).filter(isSegmentName)) {
    await segments.using(name, async (segment) => {
      const lines: JobLine[] = [];
      for (const line of readJobLines(home, name)) {
        segment.jobs.add(line);
        const logs = await segment.observeEach(numbersOf(line));
        if (!(await segment.isPruned(line)) && logs.every((log) => endedBefore(date, log, segment))) lines.push(line);
      }
      if (lines.length > 0) pruned.push(...(await forget(home, segments, segment, lines)));
    });
  }
  return pruned;
}

function endedBefore(date: Date, log: JobLog, { header }: SegmentLog): boolean {
  const time = log.end?.time ?? (log.claim?.by === 'nobody' ? log.claim.time : undefined);
  const ended = time === undefined ? undefined : dateOf(time, header.epochAtBoot);
  return ended !== undefined && ended.getTime() <= date.getTime() + CLOCK_STEP;
}

/** What is known of the ends of these jobs is on the disk. */
async function forget(
  home: string,
  segments: Segments,
  segment: SegmentLog,
  lines: readonly JobLine[],
): Promise<string[]> {
  for (const { n } of lines) segment.append(`pruned ${String(n)} ${now()}`);
  const folder = join(home, segment.name);
  const numbers = new Set(lines.flatMap((line) => [line.n, ...numbersOf(line)]).map(String));
  for (const name of readdirSync(folder)) {
    if (numbers.has(name.split('.', 1)[0] ?? '')) await rm(join(folder, name), { recursive: true, force: true });
  }
  for (const line of lines) await rm(stateOf(home, segment.name, line), { recursive: true, force: true });
  if (await isDispensable(home, segment)) {
    segments.forget(segment);
    await removeSegment(home, segment.name);
  }
  return lines.map((line) => nativeId(segment.name, line));
}

/** Whether there is nothing left in it, and nobody adds to it any more. */
async function isDispensable(home: string, segment: SegmentLog): Promise<boolean> {
  if (isAlive(segment.header.submitter)) return false;
  for (const line of readJobLines(home, segment.name)) if (!(await segment.isPruned(line))) return false;
  return true;
}

function numbersOf({ n, tasks }: JobLine): number[] {
  return tasks ? tasks.map((_, i) => n + 1 + i) : [n];
}
