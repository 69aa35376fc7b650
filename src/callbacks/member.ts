/** A registered participant, and the calls of its callbacks. */
import type { Children } from './scope.js';
import { within } from './scope.js';
import { Alarm, Limit } from './limit.js';
import type { Awaitable, CheckpointParticipant } from './participant.js';

type CallbackName = 'stop' | 'checkpoint' | 'resumeCp' | 'rebuild' | 'resumeRst';

/** What the contexts of all callbacks have. */
export interface Call {
  readonly signal: AbortSignal;
  readonly remaining: number;
  readonly bag: Map<string, unknown>;
}

export interface CallOptions {
  /** What the phase allows; the participant may allow itself less. */
  readonly seconds: number;
  /** Aborts the signal of the callback as well. */
  readonly broken?: AbortSignal;
  readonly children?: Children;
}

export class Member {
  readonly participant: CheckpointParticipant;
  readonly name: string;
  readonly priority: number;
  /** Whether the application has said `ready` since the registration. */
  ready = false;
  /** Whether it was unregistered: it takes part in nothing new. */
  left = false;
  bag: Map<string, unknown> = new Map<string, unknown>();
  #last: Promise<unknown> = Promise.resolve();
  #running: string | undefined;

  constructor(participant: CheckpointParticipant) {
    this.participant = participant;
    this.name = participant.name;
    this.priority = participant.priority ?? 0;
  }

  /** The callback that has not returned yet; it may have missed its deadline long ago. */
  get running(): string | undefined {
    return this.#running;
  }

  /** Whether a restart has something to tell it. */
  get rebuilds(): boolean {
    return this.participant.rebuild !== undefined || this.participant.resumeRst !== undefined;
  }

  /**
   * Calls a callback as soon as the one before it has returned, however late that is.
   * @throws what the callback throws, or that it has missed its deadline; then the result is dropped, whenever it comes.
   */
  async call<T>(name: CallbackName, options: CallOptions, f: (call: Call) => Awaitable<T>): Promise<T | undefined> {
    if (this.participant[name] === undefined) return undefined;
    const where = `${name} of "${this.name}"`;
    const limit = new Limit(Math.min(options.seconds, this.participant.deadline ?? Infinity));
    const { bag } = this;
    const { broken, children } = options;
    const alarm = new Alarm(broken);
    const call: Call = {
      get signal() {
        return alarm.signal;
      },
      get remaining() {
        return limit.remaining;
      },
      bag,
    };
    const returned = this.#last.then(async () => {
      this.#running = where;
      try {
        return await within({ where, member: this, ...(children && { children }) }, () => f(call));
      } finally {
        this.#running = undefined;
      }
    });
    this.#last = returned.catch(() => undefined);
    try {
      return await limit.bound(returned, where, (error) => {
        alarm.abort(error);
      });
    } finally {
      alarm.forget();
    }
  }
}

/**
 * Priority after priority, and those of the same one concurrently: two processes with two channels between them would
 * otherwise wait for each other for ever. Stops when `f` gives false.
 */
export async function byPriority(
  order: 'high to low' | 'low to high',
  members: Iterable<Member>,
  f: (member: Member) => Promise<boolean>,
): Promise<boolean> {
  const tiers = new Map<number, Member[]>();
  for (const member of members) {
    const tier = tiers.get(member.priority);
    if (tier) tier.push(member);
    else tiers.set(member.priority, [member]);
  }
  const priorities = [...tiers.keys()].sort((a, b) => (order === 'high to low' ? b - a : a - b));
  for (const priority of priorities) {
    const goOn = await Promise.all((tiers.get(priority) ?? []).map(f));
    if (goOn.includes(false)) return false;
  }
  return true;
}
