/** Where the running code is: in a critical section, in a callback of a participant, or in neither. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Member } from './member.js';

/** A stretch of code and all that it awaits. */
export interface Scope {
  /** For messages: `a critical section`, `stop of "field"`. */
  readonly where: string;
  /** Whose callback it is. */
  readonly member?: Member;
  /** Takes in what this callback registers. */
  readonly children?: Children;
}

/** Participants that a callback registers, and that take part in the running operation at once. */
export class Children {
  readonly #join: (member: Member) => Promise<unknown>;
  readonly #joining: Promise<unknown>[] = [];

  constructor(join: (member: Member) => Promise<unknown>) {
    this.#join = join;
  }

  adopt(member: Member): void {
    member.ready = true;
    this.#joining.push(this.#join(member));
  }

  /** Resolves when all of them have done what the operation asks of them now. */
  async joined(): Promise<void> {
    for (const joining of this.#joining) await joining;
  }
}

interface Entered {
  readonly scope: Scope;
  readonly outer: Entered | undefined;
  active: boolean;
}

const entered = new AsyncLocalStorage<Entered>();

/** The innermost scope that has not ended. */
export function currentScope(): Scope | undefined {
  return innermost()?.scope;
}

/** What a scope started and did not await may outlive it. */
function innermost(): Entered | undefined {
  let here = entered.getStore();
  while (here?.active === false) here = here.outer;
  return here;
}

export async function within<T>(scope: Scope, f: () => T): Promise<Awaited<T>> {
  const here: Entered = { scope, outer: innermost(), active: true };
  try {
    return await entered.run(here, f);
  } finally {
    here.active = false;
  }
}
