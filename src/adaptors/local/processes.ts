/** Processes and clocks of this machine, named so that neither a reused pid nor a changed clock can deceive. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { hostname, uptime } from 'node:os';

import { isProcessId, type ProcessName } from './events.js';
import { fieldsOfStat, readStat, STAT_FIELD } from './proc-stat.js';

/** When the process started, in the system's own count; undefined when there is none, or only a zombie. */
function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return startByPs(pid);
  const fields = fieldsOfStat(readStat(pid) ?? '');
  const state = fields[STAT_FIELD.state];
  return state === 'Z' || state === 'X' ? undefined : fields[STAT_FIELD.start];
}

/** Systems without /proc: ps knows the start to the second. */
function startByPs(pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', env: { LC_ALL: 'C' } });
    const seconds = Date.parse(text.trim()) / 1000;
    return Number.isFinite(seconds) ? String(seconds) : undefined;
  } catch {
    return undefined;
  }
}

export function isAlive(name: ProcessName): boolean {
  return isProcessId(name.pid) && startOf(name.pid) === name.start;
}

let self: ProcessName | undefined;

/** This process. */
export function thisProcess(): ProcessName {
  return (self ??= { pid: process.pid, start: startOf(process.pid) ?? '0' });
}

/** Sends the signal if the process is still the one that is named; tells whether it was. */
export function signalProcess(name: ProcessName, signal: NodeJS.Signals): boolean {
  if (!isAlive(name)) return false;
  try {
    process.kill(name.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Sends the signal to the process group that the keeper has started; tells whether it was there. Where the system says who the
 * parent of its leader is, a group of somebody else (a damaged journal, a number used again) gets nothing.
 */
export function signalGroup(group: number, keeper: ProcessName, signal: NodeJS.Signals | number): boolean {
  const parent = fieldsOfStat(readStat(group) ?? '')[STAT_FIELD.parent];
  if (!isAlive(keeper) || (parent !== undefined && parent !== String(keeper.pid))) return false;
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Looks for processes of one job that may be needed until a look finds none: those that die may have forked. */
const MOST_LOOKS = 100;

/** Kills every process that has `XOSAGA_JOB_ID=<id>` in its environment: what is left of a job whose keeper died. */
export function killJobProcesses(id: string): void {
  if (process.platform !== 'linux') return;
  for (let looks = 0; looks < MOST_LOOKS && killOnce(`XOSAGA_JOB_ID=${id}`); looks++);
}

/** Tells whether it found any. */
function killOnce(mark: string): boolean {
  let found = false;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const environment = readFileSync(`/proc/${entry}/environ`, 'latin1').split('\0');
      if (!environment.includes(mark)) continue;
      process.kill(Number(entry), 'SIGKILL');
      found = true;
    } catch {
      // Gone meanwhile, or somebody else's: not ours to kill.
    }
  }
  return found;
}

/** What the times and processes in a segment are relative to. */
export interface Machine {
  readonly host: string;
  /** Changes with every boot. */
  readonly boot: string;
  /** Seconds since the epoch at which the clock of `now()` was 0; 0 where `now()` itself counts from the epoch. */
  readonly epochAtBoot: number;
}

let machine: Machine | undefined;

/** This machine, in this boot. */
export function thisMachine(): Machine {
  return (machine ??= {
    host: hostname(),
    boot: bootId(),
    epochAtBoot: process.platform === 'linux' ? Date.now() / 1000 - uptime() : 0,
  });
}

function bootId(): string {
  if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return bootBySysctl();
}

function bootBySysctl(): string {
  try {
    return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

/** The present time as journals have it: seconds since boot, else `@` and seconds since the epoch. */
export function now(): string {
  return process.platform === 'linux' ? uptime().toFixed(2) : `@${(Date.now() / 1000).toFixed(3)}`;
}

/** The date of a time in a journal written by `machine`; undefined when the time is none. */
export function dateOf(time: string, epochAtBoot: number): Date | undefined {
  const seconds = time.startsWith('@') ? Number(time.slice(1)) : epochAtBoot + Number(time);
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
