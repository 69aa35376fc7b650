/** A restart as this process lives it: `rebuild`, and when everybody has rebuilt, `resumeRst`. */
import { hostname } from 'node:os';
import type { Surroundings } from './checkpoint.js';
import { Deferred } from './deferred.js';
import { directoryOf } from './directory.js';
import { messageOf } from './errors.js';
import type { Call, Member } from './member.js';
import { byPriority } from './member.js';
import type { FromProcess, ParticipantError, RestartOffer } from './messages.js';
import { MOST_ERRORS } from './messages.js';
import type { RebuildContext } from './participant.js';
import { Children } from './scope.js';

export class Restart {
  readonly #offer: RestartOffer;
  readonly #incarnation: number;
  readonly #around: Surroundings;
  /** Names that a new process may give their state; an image brings its own participants, and all of them have one. */
  readonly #offered: ReadonlySet<string> | undefined;
  readonly #rebuilt = new Set<Member>();
  readonly #resumed = new Set<Member>();
  readonly #reports: FromProcess[] = [];
  readonly #over = new Deferred<void>();
  #allRebuilt = false;
  #steps: Promise<unknown> = Promise.resolve();
  #pending = 0;

  private constructor(offer: RestartOffer, incarnation: number, around: Surroundings, offered?: ReadonlySet<string>) {
    this.#offer = offer;
    this.#incarnation = incarnation;
    this.#around = around;
    this.#offered = offered;
  }

  /** A new process of a restarted job. */
  static ofProcess(offer: RestartOffer, incarnation: number, around: Surroundings): Restart {
    return new Restart(offer, incarnation, around, new Set(offer.participants));
  }

  /** A process whose memory was an image. */
  static ofImage(offer: RestartOffer, incarnation: number, around: Surroundings): Restart {
    return new Restart(offer, incarnation, around);
  }

  get op(): number {
    return this.#offer.op;
  }

  /** Whether no checkpoint can be taken now: callbacks of it run, or are still to come. */
  get busy(): boolean {
    return this.#pending > 0 || this.#resumed.size < this.#rebuilt.size;
  }

  /** Resolves when everybody has rebuilt and `resumeRst` of this process has run. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Whether a callback of it is still to come. */
  awaits(member: Member): boolean {
    return this.#rebuilt.has(member) && !this.#resumed.has(member);
  }

  /**
   * Gives those their state that have one and were not asked yet.
   * @throws AggregateError of what `rebuild` threw; the others have rebuilt all the same.
   */
  rebuild(members: Iterable<Member>): Promise<void> {
    return this.#step(async () => {
      const names: string[] = [];
      const failures: { readonly participant: string; readonly error: unknown }[] = [];
      const rebuildOne = async (member: Member): Promise<boolean> => {
        if (!this.#concerns(member)) return true;
        names.push(member.name);
        this.#rebuilt.add(member);
        const children = new Children(rebuildOne);
        try {
          await this.#call(member, 'rebuild', (context) => member.participant.rebuild?.(context), children);
        } catch (error) {
          failures.push({ participant: member.name, error });
        }
        await children.joined();
        return true;
      };
      await byPriority('low to high', members, rebuildOne);
      if (names.length === 0) return;

      const errors = failures
        .slice(0, MOST_ERRORS)
        .map(({ participant, error }) => ({ participant, message: messageOf(error) }));
      const report: FromProcess = { type: 'rebuilt', op: this.op, participants: names, errors };
      this.#reports.push(report);
      this.#around.say(report);
      if (this.#allRebuilt) await this.#resume();
      if (failures.length > 0) throw rebuildFailed(failures);
    });
  }

  /** The agent says `all_rebuilt`. */
  async allRebuilt(): Promise<void> {
    if (this.#allRebuilt) return;
    this.#allRebuilt = true;
    await this.#step(() => this.#resume());
    this.#over.resolve();
  }

  /** Says again what an agent that was killed may not have heard. */
  sayAgain(): void {
    if (!this.#allRebuilt) for (const report of this.#reports) this.#around.say(report);
  }

  #concerns(member: Member): boolean {
    return member.rebuilds && !member.left && !this.#rebuilt.has(member) && (this.#offered?.has(member.name) ?? true);
  }

  async #resume(): Promise<void> {
    const errors: ParticipantError[] = [];
    const waiting = [...this.#rebuilt].filter((member) => !this.#resumed.has(member));
    await byPriority('low to high', waiting, async (member) => {
      try {
        await this.#call(member, 'resumeRst', (context) => member.participant.resumeRst?.(context));
      } catch (error) {
        errors.push({ participant: member.name, message: messageOf(error) });
      }
      this.#resumed.add(member);
      return true;
    });
    this.#around.over(this.op, errors);
  }

  async #call(
    member: Member,
    name: 'rebuild' | 'resumeRst',
    f: (context: RebuildContext) => unknown,
    children?: Children,
  ): Promise<void> {
    const { op, generation, directory, previous_host, committed_ms, deadline_ms } = this.#offer;
    await member.call(name, { seconds: deadline_ms / 1000, ...(children && { children }) }, (call: Call) =>
      f(
        Object.assign(call, this.#around.endpoints, {
          op,
          generation,
          directory: directoryOf(member.name, directory),
          incarnation: this.#incarnation,
          host: hostname(),
          previousHost: previous_host,
          deadSeconds: Math.max(0, Date.now() - committed_ms) / 1000,
        }),
      ),
    );
  }

  /** One after the other, so that nobody is asked twice. */
  async #step(f: () => Promise<void>): Promise<void> {
    this.#pending++;
    const step = this.#steps.then(f);
    this.#steps = step.catch(() => undefined);
    try {
      await step;
    } finally {
      this.#pending--;
    }
  }
}

function rebuildFailed(failures: readonly { readonly participant: string; readonly error: unknown }[]): AggregateError {
  return new AggregateError(
    failures.map(({ error }) => error),
    `the restarted job has not got all of its state back: ${failures
      .map(({ participant, error }) => `"${participant}": ${messageOf(error)}`)
      .join('; ')}`,
  );
}
