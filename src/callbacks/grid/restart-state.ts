/** Which participants have got their state in a restart, and what a new process is offered. */
import type { Hello, RestartOffer } from '../messages.js';
import type { RestartState } from './coordination.js';
import type { History } from './journal-records.js';
import { rankDirectory, type RankPart } from './part.js';
import type { Version } from './version-store.js';

type Begun = Pick<RestartState, 'op' | 'from'> & Partial<Pick<NonNullable<History['restart']>, 'restored' | 'taken'>>;

/** @param deadline - milliseconds for all to rebuild. */
export function restartState(begun: Begun, version: Version | undefined, deadline: number): RestartState {
  const { op, from, restored = false, taken = [] } = begun;
  const { directory = '', manifest, ranks = [] } = version ?? {};
  const pairs = [...taken].flatMap(([rank, names]) => [...names].map((name) => [rank, name] as const));
  return { op, from, directory, committed: manifest?.committed ?? 0, ranks, taken: pairs, restored, deadline };
}

/** The names of a rank whose state nobody has got yet. */
function freeNames({ taken }: RestartState, { rank, participants }: RankPart): string[] {
  const gone = new Set(taken.filter(([r]) => r === rank).map(([, name]) => name));
  return participants.filter(({ name, rebuild }) => rebuild && !gone.has(name)).map(({ name }) => name);
}

/** Participants that have not got their state, as people say it. */
export function missingIn(restart: RestartState): string[] {
  return restart.ranks.flatMap((part) =>
    freeNames(restart, part).map((name) => `"${name}" of rank ${String(part.rank)}`),
  );
}

/** Those of `names` that have not had their state before. */
export function newIn(restart: RestartState, rank: number, names: readonly string[]): string[] {
  return names.filter((name) => !restart.taken.some(([r, n]) => r === rank && n === name));
}

/** The restart after these participants have got their state. */
export function withTaken(restart: RestartState, rank: number, names: readonly string[]): RestartState {
  const added = newIn(restart, rank, names).map((name) => [rank, name] as const);
  return { ...restart, taken: [...restart.taken, ...added] };
}

/** What a process that is new is offered; undefined when its rank has saved nothing. */
export function offerTo({ incarnation, rank }: Hello, restart: RestartState | undefined): RestartOffer | undefined {
  const saved = restart?.ranks.filter((part) => part.rank === rank) ?? [];
  const [first] = saved;
  if (incarnation !== undefined || !restart || !first) return undefined;
  return {
    op: restart.op,
    generation: restart.from,
    directory: rankDirectory(restart.directory, rank),
    participants: saved.flatMap((part) => freeNames(restart, part)),
    previous_host: first.host,
    committed_ms: restart.committed,
    deadline_ms: restart.deadline,
  };
}
