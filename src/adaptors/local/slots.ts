/** Slots: how many processes of jobs run on this machine at a time (docs/state.md, "Before a job starts", places). */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { BadParameter } from '../../saga/core/exceptions.js';
import type { JobSpec } from '../../saga/spi/job.js';
import { thisMachine } from './processes.js';

/** More than a machine runs on purpose, and few enough for a file each. */
const MOST_SLOTS = 10_000;

/** A number of places of which a job needs some. */
export interface Places {
  /** Relative to the directory of the segments. */
  readonly directory: string;
  readonly needed: number;
  readonly all: number;
}

/** What the directories of slots begin with. */
export const SLOTS = 'places-';

/** The directory of the slots; they belong to one boot. */
export function slotsDirectory(): string {
  return `${SLOTS}${thisMachine().boot}`;
}

/** Makes the directory of some places, when it is not there. */
export function makePlaces(home: string, directory: string): void {
  mkdirSync(join(home, directory), { recursive: true, mode: 0o700 });
}

/** @throws BadParameter naming the attribute or the variable. */
export function checkSlots({ numberOfProcesses = 1 }: JobSpec): void {
  const slots = numberOfSlots();
  if (numberOfProcesses <= slots) return;
  throw new BadParameter(
    `NumberOfProcesses asks for ${String(numberOfProcesses)} processes, but this service runs ${String(slots)} at a time; ` +
      'set XOSAGA_SLOTS to the number that this machine is to run',
  );
}

/** The slots that a job needs: one a process, whoever starts them. */
export function slotsOf({ numberOfProcesses = 1 }: JobSpec): Places {
  return { directory: slotsDirectory(), needed: numberOfProcesses, all: numberOfSlots() };
}

function numberOfSlots(): number {
  const told = process.env['XOSAGA_SLOTS'] ?? '';
  if (told === '') return availableParallelism();
  if (/^[1-9][0-9]{0,8}$/.test(told) && Number(told) <= MOST_SLOTS) return Number(told);
  throw new BadParameter(
    `XOSAGA_SLOTS is '${told}'; it is the number of processes that may run at a time: 1 to ${String(MOST_SLOTS)}`,
  );
}
