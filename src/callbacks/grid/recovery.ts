/** What a new agent makes of an operation that the one before it left undecided (docs/checkpoint-state.md, "After a SIGKILL"). */
import { historyOf, type JournalRecord } from './journal-records.js';
import type { Journal } from './journal.js';
import type { VersionStore } from './version-store.js';

/** Why operations without a record of their end came to nothing. */
export const KILLED = 'the agent was killed before the commit';

/**
 * Decides: the manifest says how. @returns what it has appended to the journal.
 * @throws what keeps the manifest from being read: without it there is no answer.
 */
export async function recover(journal: Journal, store: VersionStore): Promise<JournalRecord[]> {
  const { last } = historyOf(journal.found);
  if (!last || last.reached === 'commit') return [];
  const { op } = last;
  const manifest = last.reached === 'save' ? await store.committed(op) : undefined;
  if (manifest !== undefined) {
    const commit: JournalRecord = { t: 'commit', op, manifest };
    journal.appendDurably(commit);
    return [commit];
  }
  await store.discard(op);
  if (last.reached === 'abort') return [];
  const abort: JournalRecord = { t: 'abort', op, reason: KILLED };
  journal.append(abort);
  return [abort];
}
