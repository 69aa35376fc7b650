/** /proc/PID/stat (proc(5)): what Linux says of a process. */
import { closeSync, openSync, readSync } from 'node:fs';

/** Where the fields that are needed stand, counted from the third, which follows the command. */
export const STAT_FIELD = {
  state: 0,
  parent: 1,
  group: 2,
  utime: 11,
  stime: 12,
  cutime: 13,
  cstime: 14,
  start: 19,
  vsize: 20,
  rss: 21,
} as const;

/** What is in it is used up before the next file is read. */
const BUFFER = Buffer.allocUnsafe(4096);

/** Undefined when there is no such process, or no such system. */
export function readStat(pid: number): string | undefined {
  try {
    const fd = openSync(`/proc/${String(pid)}/stat`, 'r');
    try {
      return BUFFER.toString('latin1', 0, readSync(fd, BUFFER, 0, BUFFER.length, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** The fields from the third on. */
export function fieldsOfStat(stat: string): string[] {
  // The command may hold blanks and parentheses; the last one closes it.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
