/** What names a process beyond the reuse of its pid and beyond a boot (docs/checkpoint-state.md, "Processes of the job"). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessName {
  readonly pid: number;
  /** When it started, in the system's own count. */
  readonly start: string;
  /** Changes with every boot. */
  readonly boot: string;
}

/** Linux: the largest pid is 2^22. */
const HIGHEST_PID = 1 << 22;

export function isPid(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 && value <= HIGHEST_PID;
}

/** The name of a living process; undefined when this system knows none of that pid, or a zombie. */
export function nameProcess(pid: number): ProcessName | undefined {
  const start = isPid(pid) ? startOf(pid) : undefined;
  return start === undefined ? undefined : { pid, start, boot: thisBoot() };
}

export function isAlive({ pid, start, boot }: ProcessName): boolean {
  return boot === thisBoot() && isPid(pid) && startOf(pid) === start;
}

let boot: string | undefined;

/** The id of this boot of this machine. */
export function thisBoot(): string {
  return (boot ??= process.platform === 'linux' ? bootOfLinux() : bootBySysctl());
}

function bootOfLinux(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}

function bootBySysctl(): string {
  try {
    return execFileSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

function startOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startByProc(pid) : startByPs(pid);
}

/** proc(5): the state is field 3, the start field 22, and the program's name before them may hold anything. */
function startByProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
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
