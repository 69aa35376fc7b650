/** WallTimeLimit, TotalCPUTime and TotalPhysicalMemory: checked here, kept by the job's keeper (docs/state.md, "Limits"). */
import { existsSync } from 'node:fs';

import { BadParameter } from '../../saga/core/exceptions.js';
import type { JobSpec } from '../../saga/spi/job.js';
import type { LauncherProgram } from './launcher-program.js';

/** The limits of a job as its keeper knows them: seconds, CPU seconds, KiB; whole numbers from 1. */
export interface Limits {
  readonly wall?: number;
  readonly cpu?: number;
  readonly memory?: number;
}

export type LimitName = keyof Limits;

/** Seconds; more than any machine runs, and less than any keeper's clock can count. */
const LONGEST = 2 ** 31 - 1;

interface Attribute {
  readonly key: string;
  /** For people. */
  readonly name: string;
  readonly unit: string;
  readonly value: (spec: JobSpec) => number | undefined;
  /** What the keeper is told. */
  readonly amount: (value: number) => number;
}

const seconds = (value: number): number => Math.min(value, LONGEST);

const ATTRIBUTES: Readonly<Record<LimitName, Attribute>> = {
  wall: {
    key: 'WallTimeLimit',
    name: 'wall time limit',
    unit: 's',
    value: (spec) => spec.wallTimeLimit,
    amount: seconds,
  },
  cpu: {
    key: 'TotalCPUTime',
    name: 'CPU time limit',
    unit: 's',
    value: (spec) => spec.totalCPUTime,
    amount: seconds,
  },
  memory: {
    key: 'TotalPhysicalMemory',
    name: 'memory limit',
    unit: 'MB',
    value: (spec) => spec.totalPhysicalMemory,
    amount: (megabytes) => Math.min(Math.ceil(megabytes * 1024), Number.MAX_SAFE_INTEGER),
  },
};

const NAMES = ['wall', 'cpu', 'memory'] as const;

export function isLimitName(word: string): word is LimitName {
  return NAMES.some((name) => name === word);
}

export function limitsOf(spec: JobSpec): Limits {
  const limits: Partial<Record<LimitName, number>> = {};
  for (const name of NAMES) {
    const { value, amount } = ATTRIBUTES[name];
    const wanted = value(spec);
    if (wanted !== undefined) limits[name] = amount(wanted);
  }
  return limits;
}

/** @throws BadParameter naming the attribute, for a limit that no job can keep. */
export function checkLimits(spec: JobSpec): void {
  for (const name of NAMES) {
    const { key, value } = ATTRIBUTES[name];
    if (value(spec) === 0) {
      throw new BadParameter(`${key} is 0, which no job can keep; leave it out for a job without this limit`);
    }
  }
}

/**
 * Whether this launcher, on this system, keeps these limits.
 * @throws BadParameter naming the attribute, and what it needs.
 */
export function requireKept(limits: Limits, kind: LauncherProgram['kind']): void {
  for (const name of ['cpu', 'memory'] as const) {
    if (limits[name] === undefined) continue;
    const { key } = ATTRIBUTES[name];
    if (kind === 'sh') {
      throw new BadParameter(
        `${key} needs the native launcher, which needs a C compiler (Debian: apt-get install gcc libc6-dev): ` +
          'the sh launcher, which runs here, cannot keep it',
      );
    }
    if (!showsChildren()) {
      throw new BadParameter(`${key} needs Linux with /proc, to see what the processes of a job use; leave it out`);
    }
  }
}

/** Whether the system tells the children of a process, so that a keeper can find all that descend from it. */
function showsChildren(): boolean {
  const pid = String(process.pid);
  return existsSync(`/proc/${pid}/task/${pid}/children`);
}

/** Why a job was ended, for people: "exceeded the wall time limit of 60 s". */
export function limitFailure(name: LimitName, spec: JobSpec): string {
  const attribute = ATTRIBUTES[name];
  const value = attribute.value(spec);
  const amount = value === undefined ? '' : ` of ${String(value)} ${attribute.unit}`;
  return `exceeded the ${attribute.name}${amount}`;
}
