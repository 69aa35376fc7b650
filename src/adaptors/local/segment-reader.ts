/**
 * Reading a `jobs` journal (docs/state.md, "jobs"), and no more of it than the question needs.
 *
 * A journal that is not there, or none that is whole, has no jobs. One that cannot be read now (no files left to open, a disk that
 * fails) is an error: its jobs are not gone. Synchronous: three system calls take a tenth of the time of asking a thread for them.
 */
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';

import { decodeNative } from '../../saga/core/native-string.js';
import { applyRecord, type JobLog } from './events.js';
import { isHeader, isJobLine, parseLine, type JobLine, type SegmentHeader } from './job-line.js';

const NAME = /^[a-z0-9]{12}$/;
const NEWLINE = 0x0a;
/** Bytes that no line of a job has: the largest frame, with every character escaped. */
const LONGEST_LINE = 6 * (8 << 20);
/** Not to wait, should the file be a FIFO, and not to follow where somebody else leads. */
export const FOR_READING: number = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
/** Errors that say that there is no journal, or nothing that could be one. */
const NO_JOURNAL: readonly string[] = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO', 'ERR_FS_FILE_TOO_LARGE'];
/** What is in it is used up before the next file is read. */
const BUFFER = Buffer.allocUnsafe(1 << 17);

/** Whether a file in the home may be a segment. */
export function isSegmentName(name: string): boolean {
  return NAME.test(name);
}

/** Who wrote the segment; undefined when there is none that is whole. */
export function readHeader(home: string, name: string): SegmentHeader | undefined {
  return parseHeader(readJournal(home, name));
}

/** The line of one job: of the others, which may be hundreds, nothing is parsed. */
export function readJobLine(home: string, name: string, n: number): JobLine | undefined {
  const journal = readJournal(home, name);
  // As the writer begins a line; within one no newline can stand.
  const beginning = Buffer.from(`\n{"n":${String(n)},`);
  for (let at = 0, end: number; (at = journal.indexOf(beginning, at)) >= 0; at = end) {
    end = journal.indexOf(NEWLINE, at + 1);
    if (end < 0) return undefined;
    const record = parseLine(decodeNative(journal.subarray(at + 1, end)));
    if (isJobLine(record)) return record;
  }
  return undefined;
}

/** The lines of all jobs. */
export function readJobLines(home: string, name: string): JobLine[] {
  return [...parseJobs(readJournal(home, name)).jobs.values()];
}

/** The host and the jobs that are not pruned, as far as needed to name them: for whoever looks at thousands of segments. */
export function readNames(home: string, name: string): { host: string; jobs: JobLine[] } | undefined {
  const { header, jobs } = parseJobs(readJournal(home, name), asLatin1);
  if (!header) return undefined;
  const pruned = prunedIn(readJournal(home, name, 'events'));
  const host = decodeNative(Buffer.from(header.host, 'latin1'));
  return { host, jobs: [...jobs.values()].filter(({ n }) => !pruned.has(n)) };
}

/** The numbers of the jobs that are pruned; of the other records nothing is parsed. */
function prunedIn(events: Buffer): ReadonlySet<number> {
  const logs = new Map<number, JobLog>();
  for (let at = 0, end: number; (at = events.indexOf('\npruned ', at)) >= 0; at = end) {
    end = events.indexOf(NEWLINE, at + 1);
    if (end < 0) break;
    applyRecord(logs, events.toString('latin1', at + 1, end));
  }
  return new Set(logs.keys());
}

/** The header and the jobs in the bytes of a `jobs` journal; lines that are not whole are left out. */
export function parseJobs(
  journal: Uint8Array,
  decode: (line: Uint8Array) => string = decodeNative,
): { header: SegmentHeader | undefined; jobs: Map<number, JobLine> } {
  let header: SegmentHeader | undefined;
  const jobs = new Map<number, JobLine>();
  for (const line of wholeLines(journal)) {
    const record = parseLine(decode(line));
    if (isJobLine(record)) jobs.set(record.n, record);
    else if (isHeader(record)) header ??= record;
  }
  return { header, jobs };
}

function parseHeader(journal: Uint8Array): SegmentHeader | undefined {
  for (const line of wholeLines(journal)) {
    const record = parseLine(decodeNative(line));
    if (isHeader(record)) return record;
  }
  return undefined;
}

/** Line by line: all together may be more than a string can hold. What follows the last newline is not whole. */
function* wholeLines(journal: Uint8Array): Generator<Uint8Array> {
  for (let at = 0, end: number; (end = journal.indexOf(NEWLINE, at)) >= 0; at = end + 1) {
    if (end - at >= 2 && end - at <= LONGEST_LINE) yield journal.subarray(at, end);
  }
}

function readJournal(home: string, name: string, journal = 'jobs'): Buffer {
  try {
    const fd = openSync(join(home, name, journal), FOR_READING);
    try {
      const start = BUFFER.subarray(0, readSync(fd, BUFFER, 0, BUFFER.length, null));
      // Of a file that is larger the rest, which may be most of it.
      return start.length < BUFFER.length ? start : Buffer.concat([start, readFileSync(fd)]);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (NO_JOURNAL.includes((error as NodeJS.ErrnoException).code ?? '')) return Buffer.alloc(0);
    throw error;
  }
}

/** JSON is as whole in this text as in the right one: what is not ASCII stands within strings. */
function asLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
