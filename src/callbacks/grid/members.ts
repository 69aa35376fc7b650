/** The processes of the job on this machine, kept in the journal for the next agent (docs/checkpoint-state.md, "Processes of the job"). */
import type { Hello } from '../messages.js';
import { historyOf } from './journal-records.js';
import type { Journal } from './journal.js';
import { ProcessMember } from './process-member.js';

export class Members implements Iterable<ProcessMember> {
  readonly #journal: Journal;
  readonly #expected: number;
  readonly #byClient = new Map<string, ProcessMember>();

  /** @param expected - processes that must have said hello before a checkpoint; 0: as many as have. */
  constructor(journal: Journal, expected: number) {
    this.#journal = journal;
    this.#expected = expected;
    for (const [client, name] of historyOf(journal.found).members) {
      this.#byClient.set(client, ProcessMember.ofJournal(client, name));
    }
  }

  [Symbol.iterator](): Iterator<ProcessMember> {
    return this.#byClient.values();
  }

  of(client: string): ProcessMember | undefined {
    return this.#byClient.get(client);
  }

  /** Whether it still is one: it has not left, and no newer one has taken its place. */
  has(member: ProcessMember): boolean {
    return this.#byClient.get(member.client) === member;
  }

  /** The member that says hello: a new one, or one that comes back. */
  join(hello: Hello): ProcessMember {
    const known = this.#byClient.get(hello.client);
    if (known && known.state !== 'away') return known;
    const member = ProcessMember.ofHello(hello);
    this.#byClient.set(hello.client, member);
    // Without it the next agent does not know who takes part before they have said hello again; this one does.
    if (!known) this.#journal.note({ t: 'join', process: hello.client, ...member.process });
    return member;
  }

  leave(member: ProcessMember): void {
    this.#byClient.delete(member.client);
    // Without it the next agent waits for it, and finds out that it is dead.
    this.#journal.note({ t: 'leave', process: member.client });
  }

  /** Those of which nothing more can be expected. */
  get gone(): ProcessMember[] {
    return [...this].filter((member) => member.isGone);
  }

  /** Why a checkpoint cannot begin yet; undefined when it can. */
  get unready(): string | undefined {
    for (const member of this) {
      if (member.state !== 'running') return `${String(member)} (${member.state}) was not ready`;
    }
    const { size } = this.#byClient;
    return size < this.#expected ? `only ${String(size)} of ${String(this.#expected)} processes said hello` : undefined;
  }
}
