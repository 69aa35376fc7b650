/** The records of the journal (docs/checkpoint-state.md, "The journal"), and what they come to. */
import type { CheckpointMode } from '../participant.js';
import { isPid, type ProcessName } from './process-name.js';

export interface AgentRecord extends ProcessName {
  readonly t: 'agent';
  readonly epoch: number;
  readonly host: string;
}

export type JournalRecord =
  | AgentRecord
  | { readonly t: 'released'; readonly epoch: number }
  | {
      readonly t: 'restart';
      readonly op: number;
      readonly incarnation: number;
      readonly from: number;
      /** Where the copy is that was found whole. */
      readonly directory: string;
    }
  | { readonly t: 'rebuilt'; readonly op: number; readonly rank: number; readonly participants: readonly string[] }
  | { readonly t: 'restored'; readonly op: number }
  /** Without `start` nothing is known of the process: it is in another pid namespace. */
  | ({ readonly t: 'join'; readonly process: string } & Partial<ProcessName>)
  | { readonly t: 'leave'; readonly process: string }
  | { readonly t: 'prepare'; readonly op: number; readonly mode: CheckpointMode; readonly incarnation: number }
  | { readonly t: 'save'; readonly op: number }
  | { readonly t: 'commit'; readonly op: number; readonly manifest: string }
  | { readonly t: 'abort'; readonly op: number; readonly reason: string }
  | { readonly t: 'settled'; readonly op: number };

/** The last checkpoint that was tried. */
interface OperationHistory {
  readonly op: number;
  readonly mode: CheckpointMode;
  readonly incarnation: number;
  readonly reached: 'prepare' | 'save' | 'commit' | 'abort';
  readonly settled: boolean;
  readonly reason?: string;
}

/** The last restart. */
interface RestartHistory {
  readonly op: number;
  readonly incarnation: number;
  /** The version, 0 for the beginning. */
  readonly from: number;
  /** Where the copy is that was found whole. */
  readonly directory: string;
  /** Everybody has rebuilt. */
  readonly restored: boolean;
  /** Participants that have their state, by rank. */
  readonly taken: ReadonlyMap<number, ReadonlySet<string>>;
}

/** What a journal comes to. */
export interface History {
  /** The highest number that an operation has had. */
  readonly highestOp: number;
  readonly last: OperationHistory | undefined;
  /** What the present incarnation came from; undefined in incarnation 0. */
  readonly restart: RestartHistory | undefined;
  /** All operations that were committed, with their modes. */
  readonly committed: ReadonlyMap<number, CheckpointMode>;
  /** Processes that said hello and have not left. */
  readonly members: ReadonlyMap<string, Partial<ProcessName>>;
}

const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isText = (value: unknown): boolean => typeof value === 'string';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isMode = (value: unknown): boolean => value === 'continue' || value === 'stop';

type Check = (value: unknown) => boolean;
const FIELDS: Readonly<Record<JournalRecord['t'], Readonly<Record<string, Check>>>> = {
  agent: { epoch: isNumber, host: isText, pid: isPid, start: isText, boot: isText },
  released: { epoch: isNumber },
  restart: { op: isNumber, incarnation: isNumber, from: isNumber, directory: isText },
  rebuilt: { op: isNumber, rank: isNumber, participants: isTexts },
  restored: { op: isNumber },
  join: { process: isText },
  leave: { process: isText },
  prepare: { op: isNumber, mode: isMode, incarnation: isNumber },
  save: { op: isNumber },
  commit: { op: isNumber, manifest: isText },
  abort: { op: isNumber, reason: isText },
  settled: { op: isNumber },
};

/** Whether it is a record that this version knows, with all of its fields. */
export function isRecord(value: unknown): value is JournalRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Readonly<Record<string, unknown>>;
  const kind = record['t'];
  if (typeof kind !== 'string' || !Object.hasOwn(FIELDS, kind)) return false;
  return Object.entries(FIELDS[kind as JournalRecord['t']]).every(([name, check]) => check(record[name]));
}

/** Reads a journal from its beginning to its end. */
export function historyOf(records: readonly JournalRecord[]): History {
  let highestOp = 0;
  let last: OperationHistory | undefined;
  let restart: RestartHistory | undefined;
  const committed = new Map<number, CheckpointMode>();
  const members = new Map<string, Partial<ProcessName>>();
  const reach = (op: number, change: Partial<OperationHistory>): void => {
    // Nothing comes after the decision, whoever wrote it.
    if (last?.op !== op || (change.reached && isDecided(last))) return;
    last = { ...last, ...change };
  };
  for (const record of records) {
    switch (record.t) {
      case 'agent':
      case 'released':
        break;
      case 'restart':
        if (record.op <= highestOp) break;
        highestOp = record.op;
        restart = { ...record, restored: false, taken: new Map() };
        // Those of the life before are gone.
        members.clear();
        break;
      case 'rebuilt':
        if (restart?.op === record.op) restart = { ...restart, taken: taking(restart.taken, record) };
        break;
      case 'restored':
        if (restart?.op === record.op) restart = { ...restart, restored: true };
        break;
      case 'join':
        members.set(record.process, record);
        break;
      case 'leave':
        members.delete(record.process);
        break;
      case 'prepare':
        if (record.op <= highestOp) break;
        highestOp = record.op;
        last = {
          op: record.op,
          mode: record.mode,
          incarnation: record.incarnation,
          reached: 'prepare',
          settled: false,
        };
        break;
      case 'save':
        reach(record.op, { reached: 'save' });
        break;
      case 'commit':
        if (last?.op === record.op && last.reached !== 'abort') committed.set(record.op, last.mode);
        reach(record.op, { reached: 'commit' });
        break;
      case 'abort':
        reach(record.op, { reached: 'abort', reason: record.reason });
        break;
      case 'settled':
        reach(record.op, { settled: true });
        break;
    }
  }
  return { highestOp, last, restart, committed, members };
}

function taking(
  taken: RestartHistory['taken'],
  { rank, participants }: { readonly rank: number; readonly participants: readonly string[] },
): RestartHistory['taken'] {
  return new Map(taken).set(rank, new Set([...(taken.get(rank) ?? []), ...participants]));
}

/** Whether nothing can change the outcome any more. */
function isDecided(operation: OperationHistory): boolean {
  return operation.reached === 'commit' || operation.reached === 'abort';
}
