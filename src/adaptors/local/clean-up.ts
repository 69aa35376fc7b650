/** Clean-up of old segments (docs/state.md, "Clean-up"). */
import { readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isSettled } from './events.js';
import { SegmentLog } from './segment-log.js';
import { SLOTS, slotsDirectory } from './slots.js';
import { isSegmentName, readJobLines } from './segment-reader.js';

const DAY = 24 * 60 * 60 * 1000;
/** Milliseconds for which finished jobs are kept. */
const KEEP_JOBS = 30 * DAY;
/** Milliseconds after which a segment that is being made or removed is a leftover of a killed process. */
const KEEP_LEFTOVERS = DAY;

/** Cleans up unless that was done within the last day, by whichever submitter: there may be many segments to look at. */
export async function cleanUpDaily(home: string): Promise<void> {
  const mark = join(home, 'CLEANED');
  if (Date.now() - (await lastChange(mark, 0)) < DAY) return;
  await writeFile(mark, '', { mode: 0o600 });
  await utimes(mark, new Date(), new Date());
  // Machines that share the home see by this that the slots are in use.
  await utimes(join(home, slotsDirectory()), new Date(), new Date()).catch(() => undefined);
  await cleanUp(home);
}

/**
 * Removes the segments whose jobs have all ended, the last one 30 days ago, and leftovers of killed processes. What cannot
 * be removed is left to the next clean-up.
 */
export async function cleanUp(home: string, now: number = Date.now()): Promise<void> {
  for (const name of await readdir(home)) {
    const path = join(home, name);
    if (name.startsWith('.')) {
      if (now - (await lastChange(path)) > KEEP_LEFTOVERS) await remove(path);
    } else if (isSegmentName(name) && now - (await lastChange(join(path, 'events'))) > KEEP_JOBS) {
      // One that is damaged is left to its user, and does not keep others.
      if (await isFinished(home, name).catch(() => false)) await removeSegment(home, name);
    } else if (isOfEarlierBoot(name) && now - (await lastChange(path)) > KEEP_JOBS) {
      await remove(path);
    }
  }
}

/** Slots of another boot. Those of this one are in use; that of another machine, which shares the home, may be. */
function isOfEarlierBoot(name: string): boolean {
  return name.startsWith(SLOTS) && name !== slotsDirectory();
}

/** Every record is a change of `events`, so this is a lower bound for the age of the newest end. */
async function lastChange(path: string, otherwise = Infinity): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found?.mtimeMs ?? otherwise;
}

async function isFinished(home: string, name: string): Promise<boolean> {
  const segment = SegmentLog.open(home, name);
  if (!segment?.isHere) return false;
  try {
    for (const line of readJobLines(home, name)) {
      segment.jobs.add(line);
      const logs = await segment.observeEach(segment.jobs.of(line).map(({ n }) => n));
      if (!logs.every(isSettled)) return false;
    }
    return true;
  } finally {
    segment.close();
  }
}

/** Renamed first: a clean-up that is killed leaves nothing half visible. */
export async function removeSegment(home: string, name: string): Promise<void> {
  const hidden = join(home, `.${name}.old`);
  await rename(join(home, name), hidden).catch(() => undefined);
  await remove(hidden);
}

async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
}
