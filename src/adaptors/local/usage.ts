/** What running jobs use, from /proc (proc(5)): one look at all processes serves all jobs that somebody watches. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

import { Turns } from '../../saga/core/turns.js';
import type { JobObservation } from '../../saga/spi/job.js';
import { isSettled, type JobLog, type ProcessName } from './events.js';
import { fieldsOfStat, readStat, STAT_FIELD } from './proc-stat.js';
import { SharedRun } from './shared-run.js';

/** What the processes of a job use, together. Memory is in megabytes; pages that they share count for each. */
export interface Usage {
  /** CPU seconds, of those that have ended too, as far as somebody waited for them. */
  readonly cpu: number;
  readonly memory: number;
  readonly vmemory: number;
}

/** What was seen of one job. */
interface Seen {
  now: Usage;
  /** The highest values so far. */
  peak: Usage;
}

/** Whoever wants to hear of a job. */
interface Follower {
  readonly job: object;
  readonly log: JobLog;
  readonly tell: () => void;
}

/** Milliseconds between looks, and for which a look is good. A job that ends sooner is not looked at, unless somebody asks. */
const INTERVAL = 1000;
const LEAST_INTERVAL = 100;
/** Milliseconds for which the processes are read without letting the program do something else. */
const LONGEST_TURN = 2;
const MEGABYTE = 2 ** 20;

/** `job` is any object that stands for one job as long as somebody may ask for it. */
export class UsageMeter {
  readonly #seen = new WeakMap<object, Seen>();
  readonly #followers = new Set<Follower>();
  readonly #looking = new SharedRun(async () => {
    this.#processes = await lookAtProcesses();
    this.#lookedAt = performance.now();
  });
  #processes: Processes | undefined;
  #lookedAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  /** Tells when what a running job uses was looked at, about once a second, until the returned function is called. */
  follow(job: object, log: JobLog, tell: () => void): () => void {
    const follower = { job, log, tell };
    this.#followers.add(follower);
    // The next job may come soon: the tick that finds nobody ends the ticking.
    this.#timer ??= setInterval(() => void this.#tick(), INTERVAL).unref();
    return () => {
      this.#followers.delete(follower);
    };
  }

  /** Looks now, unless a look was had just before, or within the last second and saw the job. */
  async ask(job: object, log: JobLog): Promise<void> {
    if (!isRunning(log)) return;
    const age = performance.now() - this.#lookedAt;
    if (age < INTERVAL && this.#takeIn(job, log)) return;
    // Many short jobs, each of them new: asking for one after the other is not to cost a look each.
    if (age < LEAST_INTERVAL) return;
    await this.#looking.call();
    this.#takeIn(job, log);
  }

  /** Nobody is told any more. */
  close(): void {
    this.#followers.clear();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The observation with what was seen: of a running job the last values, at its end the highest. */
  complete(job: object, observation: JobObservation): JobObservation {
    const seen = this.#seen.get(job);
    if (!seen) return observation;
    const { state, cpuTime = 0, memoryUse = 0 } = observation;
    if (state === 'Running' || state === 'Suspended') return { ...observation, ...asObserved(seen.now) };
    // The keeper knows the largest process; all together may have used more.
    const { cpu, memory, vmemory } = seen.peak;
    return {
      ...observation,
      ...asObserved({ cpu: Math.max(cpu, cpuTime), memory: Math.max(memory, memoryUse), vmemory }),
    };
  }

  async #tick(): Promise<void> {
    if (this.#followers.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    await this.#looking.call();
    for (const { job, log, tell } of [...this.#followers]) if (isRunning(log) && this.#takeIn(job, log)) tell();
  }

  /** @returns whether the last look saw the job. */
  #takeIn(job: object, { claim, run }: JobLog): boolean {
    if (claim?.by !== 'keeper' || !run) return false;
    const found = this.#processes?.usageOf(claim.keeper, run.group);
    if (!found) return false;
    const before = this.#seen.get(job)?.peak ?? found;
    // The time of a process is lost when it ends and nobody waits for it; what was used stays used.
    const now = { ...found, cpu: Math.max(found.cpu, before.cpu) };
    const peak = {
      cpu: now.cpu,
      memory: Math.max(now.memory, before.memory),
      vmemory: Math.max(now.vmemory, before.vmemory),
    };
    this.#seen.set(job, { now, peak });
    return true;
  }
}

function isRunning(log: JobLog): boolean {
  return log.run !== undefined && !isSettled(log);
}

function asObserved({ cpu, memory, vmemory }: Usage): Pick<JobObservation, 'cpuTime' | 'memoryUse' | 'vmemoryUse'> {
  return { cpuTime: cpu, memoryUse: memory, vmemoryUse: vmemory };
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly start: string;
  /** Clock ticks: its own, and of the ended children that it has waited for. */
  readonly own: number;
  readonly waited: number;
  /** Bytes. */
  readonly vsize: number;
  /** Pages. */
  readonly rss: number;
}

/** The processes of this machine, as they were at one look. */
export class Processes {
  readonly #units: Units;
  readonly #byPid = new Map<number, Process>();
  readonly #byParent = new Map<number, Process[]>();
  readonly #byGroup = new Map<number, Process[]>();

  constructor(units: Units) {
    this.#units = units;
  }

  /** @param stat what /proc/PID/stat says. */
  add(pid: number, stat: string): void {
    const fields = fieldsOfStat(stat);
    const number = (field: keyof typeof STAT_FIELD): number => Number(fields[STAT_FIELD[field]]);
    const found = {
      pid,
      parent: number('parent'),
      group: number('group'),
      start: fields[STAT_FIELD.start] ?? '',
      own: number('utime') + number('stime'),
      waited: number('cutime') + number('cstime'),
      vsize: number('vsize'),
      rss: number('rss'),
    };
    this.#byPid.set(pid, found);
    put(this.#byParent, found.parent, found);
    put(this.#byGroup, found.group, found);
  }

  /**
   * What the descendants of the keeper use (it inherits those whose parents have ended, where the system allows that), and the
   * members of its job's group. Undefined when the keeper was not there.
   */
  usageOf({ pid, start }: ProcessName, group: number): Usage | undefined {
    const keeper = this.#byPid.get(pid);
    if (keeper?.start !== start) return undefined;
    const members = new Set<Process>([keeper]);
    for (const member of this.#byGroup.get(group) ?? []) members.add(member);
    // What is added while it is gone through is gone through, too.
    for (const member of members) for (const child of this.#byParent.get(member.pid) ?? []) members.add(child);
    members.delete(keeper);
    let ticks = keeper.waited;
    let pages = 0;
    let bytes = 0;
    for (const { own, waited, rss, vsize } of members) {
      ticks += own + waited;
      pages += rss;
      bytes += vsize;
    }
    const { pageSize, ticksPerSecond } = this.#units;
    return { cpu: ticks / ticksPerSecond, memory: (pages * pageSize) / MEGABYTE, vmemory: bytes / MEGABYTE };
  }
}

function put(map: Map<number, Process[]>, key: number, value: Process): void {
  const values = map.get(key);
  if (values) values.push(value);
  else map.set(key, [value]);
}

/** Undefined where the system has no /proc, or one of another kind. */
async function lookAtProcesses(): Promise<Processes | undefined> {
  const units = unitsOfSystem();
  if (!units) return undefined;
  const processes = new Processes(units);
  const turns = new Turns(LONGEST_TURN);
  for (const entry of readdirSync('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    const stat = readStat(pid);
    if (stat !== undefined) processes.add(pid, stat);
    if (turns.isOver) await turns.next();
  }
  return processes;
}

interface Units {
  /** Bytes. */
  readonly pageSize: number;
  readonly ticksPerSecond: number;
}

/** Entries of the auxiliary vector (getauxval(3)), with which the kernel tells every program its units. */
const AT_PAGESZ = 6;
const AT_CLKTCK = 17;

let units: Units | undefined;

function unitsOfSystem(): Units | undefined {
  if (process.platform !== 'linux') return undefined;
  return (units ??= readUnits());
}

/** Pairs of machine words: what it is, and its value. No program need be started to ask for them. */
function readUnits(): Units | undefined {
  try {
    const { buffer } = Uint8Array.from(readFileSync('/proc/self/auxv'));
    const words = ['arm', 'ia32', 'mipsel'].includes(process.arch)
      ? Array.from(new Uint32Array(buffer))
      : Array.from(new BigUint64Array(buffer), Number);
    const valueOf = (entry: number): number | undefined => words.find((_, i) => i % 2 === 1 && words[i - 1] === entry);
    const pageSize = valueOf(AT_PAGESZ);
    const ticksPerSecond = valueOf(AT_CLKTCK);
    return pageSize && ticksPerSecond ? { pageSize, ticksPerSecond } : undefined;
  } catch {
    return undefined;
  }
}
