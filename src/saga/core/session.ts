/** The session (GFD.90 section 3.5): which credentials the objects of an application may use. */
import type { CallOptions } from './call-options.js';
import type { Context } from './context.js';
import { verifyContext } from './context-types.js';
import { BadParameter, DoesNotExist } from './exceptions.js';
import { BaseObject, ObjectType } from './object.js';

/**
 * A context of a session: as the application gave it, and as its verification completed it (a life time, say).
 * Both count as "equal" when the application adds or removes it again.
 */
interface Entry {
  readonly given: Context;
  readonly live: Context;
}

/** What all shallow copies of one session share. */
class SessionState {
  #entries: readonly Entry[] | undefined;

  constructor(readonly isDefault: boolean) {}

  /** Never changed in place: an operation that runs keeps the list, and so the contexts, with which it began. */
  get entries(): readonly Entry[] {
    return (this.#entries ??= this.isDefault ? makeDefaultContexts().map((live) => ({ given: live, live })) : []);
  }

  set entries(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  find(context: Context): Entry | undefined {
    return this.entries.find(({ given, live }) => given.equals(context) || live.equals(context));
  }
}

let makeDefaultContexts: () => readonly Context[] = () => [];

/**
 * Tells how the default session makes its contexts; context.ts does, which this file can't import as a value.
 * They are made when first needed, not at import: looking for credentials touches the disk.
 *
 * @internal
 */
export function provideDefaultContexts(make: () => readonly Context[]): void {
  makeDefaultContexts = make;
}

const defaultState = new SessionState(true);

let stateOf: (session: Session) => SessionState;
let shallowCopy: (session: Session) => Session;

/**
 * Security contexts, and what isolates objects of different sessions from each other (GFD.90 section 3.5).
 *
 * `new Session()` is a shallow copy of the default session: a context added to it is seen by every object that was
 * made without a session. `new Session(false)` stands alone and starts empty.
 */
export class Session extends BaseObject {
  #state: SessionState;

  static {
    Object.defineProperty(this.prototype, Symbol.for('nodejs.util.inspect.custom'), {
      value(this: Session) {
        return this.toString();
      },
    });
    stateOf = (session) => {
      if (#state in session) return session.#state;
      throw new BadParameter('not a session of this copy of xosaga: make it with new saga.Session()');
    };
    shallowCopy = (session) => {
      const copy = new Session();
      copy.#state = stateOf(session);
      return copy;
    };
  }

  constructor(useDefault = true) {
    super();
    this.#state = useDefault ? defaultState : new SessionState(false);
  }

  getType(): number {
    return ObjectType.Session;
  }

  /**
   * Checks a copy of the context (files, expiry, what its type tells) and keeps that copy. Objects of the session,
   * also those made before, may use it from then on. Adding an equal context again does nothing.
   *
   * @throws BadParameter when the context has no type or one that no registered context type serves.
   * @throws NoSuccess when the credential is missing, unreadable, not well protected or expired; the message says what to do.
   * @throws Timeout when checking takes too long or `signal` aborts with a timeout.
   */
  async addContext(c: Context, options?: CallOptions): Promise<void> {
    demandContext(c);
    const own = this.#state;
    if (own.find(c)) return;
    const entry = { given: c.clone(), live: c.clone() };
    await verifyContext(entry.live, options);
    if (own.find(entry.given)) return; // the same one was added while this one was checked
    own.entries = [...own.entries, entry];
  }

  /**
   * Takes the context with equal attributes out of the session; operations that run with it may end.
   * @throws DoesNotExist when the session has none like it.
   */
  removeContext(c: Context): void {
    demandContext(c);
    const own = this.#state;
    const entry = own.find(c);
    if (!entry) {
      throw new DoesNotExist(
        `the session has no context equal to ${String(c)}: a context is removed by equal attributes; listContexts() tells what is there`,
      );
    }
    own.entries = own.entries.filter((each) => each !== entry);
  }

  /** Deep copies of the contexts, in the order in which they were added. */
  listContexts(): Context[] {
    return contextsOf(this).map((context) => context.clone());
  }

  /** A session of its own with copies of the contexts; of the default session too. */
  override clone(): this {
    const copy = new Session(false);
    copy.#state.entries = this.#state.entries.map(({ given, live }) => ({ given: given.clone(), live: live.clone() }));
    return copy as this;
  }

  /** The types of the contexts, never a credential. */
  override toString(): string {
    return `Session(${contextsOf(this).map(String).join(', ')})`;
  }

  /** The contexts with their secrets blotted out. */
  toJSON(): { contexts: readonly Context[] } {
    return { contexts: contextsOf(this) };
  }
}

function demandContext(c: unknown): void {
  const given = c as Partial<Context> | null | undefined;
  if (typeof given?.equals === 'function' && given.getType?.() === ObjectType.Context) return;
  throw new BadParameter("a session takes contexts: make one with new saga.Context('ssh'), for example");
}

/** The session of objects that are made without one: each call gives a shallow copy of the one there is. */
export function defaultSession(): Session {
  return new Session();
}

/**
 * The live contexts of a session, for the engine. The list never changes: ask again for each operation, and keep the
 * list while the operation runs.
 *
 * @internal
 */
export function contextsOf(session: Session): readonly Context[] {
  return stateOf(session).entries.map(({ live }) => live);
}

/**
 * What all shallow copies of a session have in common and no other session has: the key under which the engine keeps
 * what belongs to the session.
 *
 * @internal
 */
export function sessionKey(session: Session): object {
  return stateOf(session);
}

/** The base of the objects that live in a session (GFD.90 section 3.2). */
export abstract class SessionObject extends BaseObject {
  readonly #session: Session | undefined;

  /** @param session - Where the object lives; the default session when left out. */
  constructor(session?: Session) {
    super();
    // A shallow copy, so that an object never depends on what the caller does with its own handle.
    this.#session = session && shallowCopy(session);
  }

  /** A shallow copy of the session: contexts added to it serve this object. */
  override getSession(): Session {
    return this.#session ? shallowCopy(this.#session) : defaultSession();
  }
}
