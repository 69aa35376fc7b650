/** What the ranks of a job have, as their processes tell it. */
import type { RankPart } from './part.js';

/** What the processes of each rank have, together. */
export function ranksOf(processes: Iterable<RankPart>): RankPart[] {
  const ranks = new Map<number, RankPart>();
  for (const { rank, host, participants } of processes) {
    const before = ranks.get(rank);
    const all = [...(before?.participants ?? []), ...participants];
    ranks.set(rank, { rank, host: before?.host ?? host, participants: all });
  }
  return [...ranks.values()];
}

/** After a restart the state of a name goes to one participant: it must have come from one. */
export function flawInRanks(ranks: readonly RankPart[]): string | undefined {
  const seen = new Set<string>();
  for (const { rank, participants } of ranks) {
    for (const { name } of participants) {
      const key = `${String(rank)} ${name}`;
      if (seen.has(key)) return `two processes of rank ${String(rank)} have a participant "${name}"`;
      seen.add(key);
    }
  }
  return undefined;
}
