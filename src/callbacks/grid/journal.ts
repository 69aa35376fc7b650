/** The journal of an agent (docs/checkpoint-state.md): append only, a JSON record a line, and the arbiter of who the agent is. */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';

import { IncorrectState, NoSuccess } from '../../saga/core/exceptions.js';
import { noSpace, syncDirectory } from './durable.js';
import { isRecord, type AgentRecord, type JournalRecord } from './journal-records.js';
import { isAlive, nameProcess } from './process-name.js';

const NEWLINE = 0x0a;
/** Bytes that no record has. */
const LONGEST_RECORD = 65_536;

export class Journal {
  readonly #path: string;
  readonly #fd: number;
  readonly #epoch: number;
  readonly #found: readonly JournalRecord[];

  private constructor(path: string, fd: number, epoch: number, found: readonly JournalRecord[]) {
    this.#path = path;
    this.#fd = fd;
    this.#epoch = epoch;
    this.#found = found;
  }

  /**
   * Opens the journal for this process alone; it is made when it is missing.
   * @throws IncorrectState when another agent lives that has it, NoSuccess when that cannot be known.
   */
  static async open(path: string): Promise<Journal> {
    const fd = openSync(path, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      if (!fstatSync(fd).isFile()) throw new NoSuccess(`${path} is no file`);
      const found = readRecords(path);
      const epoch = claim(path, fd, found);
      await syncDirectory(dirname(path));
      return new Journal(path, fd, epoch, found);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** What was there when this process took over. */
  get found(): readonly JournalRecord[] {
    return this.#found;
  }

  /** Appends a record. When this returns, no killed process can lose it; a power cut can. */
  append(record: JournalRecord): void {
    write(this.#path, this.#fd, record);
  }

  /** Appends a record that the next agent can do without, when that can be done: the disk may be full. */
  note(record: JournalRecord): void {
    try {
      this.append(record);
    } catch {
      // Who notes it says what comes of that.
    }
  }

  /**
   * Appends a record that no power cut can take back. Synchronous on purpose: until it is there nothing may be answered, and an
   * operation has two of them.
   */
  appendDurably(record: JournalRecord): void {
    this.append(record);
    fdatasyncSync(this.#fd);
  }

  /** Lets go, so that another agent may take over while this process lives. */
  close(): void {
    // Without it the next agent waits until this process has ended.
    this.note({ t: 'released', epoch: this.#epoch });
    closeSync(this.#fd);
  }
}

/** The whole records of a journal; none when there is no journal. */
export function readRecords(path: string): JournalRecord[] {
  const bytes = readFileSync(path);
  const records: JournalRecord[] = [];
  // Line by line: all together may be more than a string can hold. What follows the last newline is not whole.
  for (let at = 0, end: number; (end = bytes.indexOf(NEWLINE, at)) >= 0; at = end + 1) {
    if (end - at < 2 || end - at > LONGEST_RECORD) continue;
    const record = parse(bytes.toString('utf8', at, end));
    if (isRecord(record)) records.push(record);
  }
  return records;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** A newline on both sides keeps a torn record from spoiling its neighbours. */
function write(path: string, fd: number, record: JournalRecord): void {
  const bytes = Buffer.from(`\n${JSON.stringify(record)}\n`);
  const { size } = fstatSync(fd);
  const written = writeSync(fd, bytes);
  if (written === bytes.length) return;
  // Nobody else writes here, so that what is torn can go: the newline of the next record would make it whole.
  ftruncateSync(fd, size);
  throw noSpace(path);
}

/** Of several processes that claim one epoch, the first in the file has it. @returns the epoch. */
function claim(path: string, fd: number, found: readonly JournalRecord[]): number {
  const last = holderOf(found);
  if (last && !wasReleased(found, last.epoch)) requireDead(path, last);

  const self = nameProcess(process.pid);
  if (!self) throw new NoSuccess('this system does not tell when a process has started: is /proc mounted?');
  const own: AgentRecord = { t: 'agent', epoch: (last?.epoch ?? 0) + 1, host: hostname(), ...self };
  write(path, fd, own);
  const holder = holderOf(readRecords(path));
  if (holder?.pid !== own.pid || holder.start !== own.start || holder.epoch !== own.epoch) {
    throw new IncorrectState(`another agent has taken over ${path} at the same moment`);
  }
  return own.epoch;
}

/** The first agent of the highest epoch. */
function holderOf(records: readonly JournalRecord[]): AgentRecord | undefined {
  let holder: AgentRecord | undefined;
  for (const record of records) if (record.t === 'agent' && record.epoch > (holder?.epoch ?? 0)) holder = record;
  return holder;
}

function wasReleased(records: readonly JournalRecord[], epoch: number): boolean {
  return records.some((record) => record.t === 'released' && record.epoch === epoch);
}

function requireDead(path: string, agent: AgentRecord): void {
  const { host, pid } = agent;
  if (isAlive(agent)) throw new IncorrectState(`process ${String(pid)} is the agent that has ${path}; end it first`);
  const self = nameProcess(process.pid);
  // After a reboot the host is the same, after a change of the host's name the boot is.
  if (host !== hostname() && agent.boot !== self?.boot) {
    throw new NoSuccess(
      `${path} is in use by process ${String(pid)} on ${host}, of which nothing can be known here; ` +
        'start the agent there, or start the job from a checkpoint with a state directory of its own',
    );
  }
}
