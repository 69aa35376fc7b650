/** What must hold of the callbacks of a rank, whatever was killed: docs/checkpoint-protocol.md, "What must hold". */
import { historyOf, type JournalRecord } from '../../src/callbacks/grid/journal-records.js';

/** A callback was called, or has returned. */
export interface Call {
  readonly t: 'call' | 'return';
  readonly pid: number;
  readonly incarnation: number;
  readonly name: string;
  readonly callback: 'stop' | 'checkpoint' | 'resumeCp' | 'rebuild' | 'resumeRst';
  readonly op: number;
  readonly aborted?: boolean;
}

/** @param calls - of one rank, in their order. */
export function flawsInCalls(
  calls: readonly Call[],
  journal: readonly JournalRecord[],
  isAlive: (pid: number) => boolean,
): string[] {
  const lives = groupedBy(calls, ({ pid, name }) => `${name} in ${String(pid)}`);
  const flaws = [...lives].flatMap(([life, own]) =>
    flawsInLife(own, journal, isAlive(own[0]!.pid)).map((flaw) => `${life}: ${flaw}`),
  );
  return [...flaws, ...flawsInRestarts(calls, journal)];
}

/** Of one participant in one process. */
function flawsInLife(calls: readonly Call[], journal: readonly JournalRecord[], isAlive: boolean): string[] {
  const flaws: string[] = [];
  const { committed } = historyOf(journal);
  for (let n = 0; n < calls.length; n += 2) {
    const [call, end] = calls.slice(n, n + 2);
    if (call!.t !== 'call') flaws.push(`${call!.callback} ${String(call!.op)} returns twice`);
    else if (end && (end.t !== 'return' || end.callback !== call!.callback))
      flaws.push(`${call!.callback} and ${end.callback} overlap`);
  }
  const made = calls.filter(({ t }) => t === 'call');
  const ops = [...groupedBy(made, ({ op }) => op)];
  for (const [n, [op, own]] of ops.entries()) {
    const isLast = n === ops.length - 1;
    const order = own.map(({ callback }) => callback).join(' ');
    const right = /^(stop( checkpoint)?( resumeCp)?|checkpoint( resumeCp)?|resumeCp|rebuild( resumeRst)?)$/.test(order);
    if (!right) flaws.push(`operation ${String(op)}: ${order}`);
    const isOver = /(resumeCp|resumeRst)$/.test(order) || !/^(stop|rebuild)/.test(order);
    // Only a process that was killed meanwhile, or told to end, may owe an outcome.
    if (!isOver && (isAlive || !isLast)) flaws.push(`operation ${String(op)} has no outcome: ${order}`);
    for (const { callback, aborted } of own) {
      if (callback !== 'resumeCp') continue;
      const mode = committed.get(op);
      if (aborted === committed.has(op))
        flaws.push(`operation ${String(op)} was ${mode ?? 'aborted'}, and told otherwise`);
      if (mode === 'stop') flaws.push(`operation ${String(op)} was to end the job, and it goes on`);
    }
  }
  return flaws;
}

/** Of all processes of the rank, one after the other: each life of the job gives a participant its state once. */
function flawsInRestarts(calls: readonly Call[], journal: readonly JournalRecord[]): string[] {
  const restarts = new Map(journal.flatMap((record) => (record.t === 'restart' ? [[record.op, record] as const] : [])));
  const flaws: string[] = [];
  const seen = new Set<string>();
  for (const { t, callback, name, op, incarnation } of calls) {
    if (t !== 'call' || (callback !== 'rebuild' && callback !== 'resumeRst')) continue;
    const what = `${callback} of ${name} in incarnation ${String(incarnation)}`;
    if (seen.has(what)) flaws.push(`${what} twice`);
    seen.add(what);
    const restart = restarts.get(op);
    if (restart?.incarnation !== incarnation) flaws.push(`${what}: operation ${String(op)} is no such restart`);
    if (restart?.from === 0) flaws.push(`${what}, which begins anew`);
  }
  const names = new Set(calls.filter(({ callback }) => callback === 'rebuild').map(({ name }) => name));
  const restored = journal.flatMap((record) => (record.t === 'restored' ? (restarts.get(record.op) ?? []) : []));
  for (const { incarnation, from } of restored) {
    for (const name of from === 0 ? [] : names) {
      const what = `rebuild of ${name} in incarnation ${String(incarnation)}`;
      if (!seen.has(what)) flaws.push(`no ${what}, and everybody was told that all have rebuilt`);
    }
  }
  return flaws;
}

function groupedBy<T, K>(values: readonly T[], keyOf: (value: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
