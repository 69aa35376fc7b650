/** What stands behind an open entry: its place, the calls under way, and what is freed when it is closed. */
import { type CallOptions, throwIfAborted } from '../core/call-options.js';
import { IncorrectState } from '../core/exceptions.js';
import type { SagaObject } from '../core/object.js';
import type { Session } from '../core/session.js';
import { checkTimeout, NO_WAIT, waitFor } from '../core/time-limit.js';
import type { URL, UrlLike } from '../core/url.js';
import type { Call, EntryService } from '../engine/entry-service.js';
import { type Location, locate, type NamedLocation } from './location.js';

/** What an open entry holds; not the entry itself, so that one that nobody has any more can be noticed. */
interface Held {
  place: NamedLocation;
  /** Frees what was acquired last first. */
  readonly releases: (() => Promise<void>)[];
}

/** An entry that was never closed: its lock and its connection go with it. */
const abandoned = new FinalizationRegistry<Held>((held) => {
  releaseAll(held).catch(() => undefined);
});

export class OpenEntry implements Location {
  readonly session: Session;
  /** SAGA's name of the class, for messages: `ns_entry`. */
  readonly type: string;
  readonly #held: Held;
  readonly #underWay = new Set<Promise<unknown>>();
  #released: Promise<void> | undefined;

  /** @param place - The URL of a directory ends with a slash. Its service is closed with the entry. */
  constructor(type: string, place: NamedLocation, session: Session) {
    this.type = type;
    this.session = session;
    this.#held = { place, releases: [] };
    abandoned.register(this, this.#held, this);
  }

  get service(): EntryService {
    return this.#held.place.service;
  }

  get path(): string {
    return this.#held.place.path;
  }

  /** Absolute, as it was named. */
  get url(): URL {
    return this.#held.place.url;
  }

  /** The directory from which relative names count: that of the entry, or the entry that is one. */
  get cwd(): URL {
    return this.url.resolve('.');
  }

  /** Whether it was opened as a directory. */
  get isDirectory(): boolean {
    return this.url.getPath().endsWith('/');
  }

  get closed(): boolean {
    return this.#released !== undefined;
  }

  /**
   * Runs one call of the application.
   * @throws IncorrectState when the entry is closed.
   */
  async perform<T>(
    object: SagaObject,
    method: string,
    options: CallOptions | undefined,
    run: (call: Call) => Promise<T>,
  ): Promise<T> {
    const operation = this.requireOpen(object, method);
    throwIfAborted(options, operation);
    const work = run({ operation, options });
    this.#underWay.add(work);
    return work.finally(() => {
      this.#underWay.delete(work);
    });
  }

  /**
   * @returns the name of the operation, for messages.
   * @throws IncorrectState when the entry is closed.
   */
  requireOpen(object: SagaObject, method: string): string {
    const operation = `${this.type}.${method}`;
    if (!this.closed) return operation;
    const url = this.url.toString();
    throw new IncorrectState(`${operation}: ${url} is closed; open it again`, { object, operation, url });
  }

  /** The place that a name means from here. The caller closes its service. */
  locate(name: UrlLike, call: Call): Promise<NamedLocation> {
    return locate(name, this.session, call, { url: this.cwd, service: this.service });
  }

  /** Another object that is open on the same entry; the lock stays here. */
  share(): OpenEntry {
    const { url, path, service } = this;
    return new OpenEntry(this.type, { url, path, service: service.share() }, this.session);
  }

  /** From now on this is open on another place. */
  async moveTo(place: NamedLocation): Promise<void> {
    const { service } = this;
    this.#held.place = place;
    await service.close();
  }

  /** Has `release` called when the entry is closed. */
  onClose(release: () => Promise<void>): void {
    this.#held.releases.unshift(release);
  }

  /**
   * Refuses further calls, and frees what the entry holds when those under way have ended; may be repeated.
   * @param timeout - Seconds to wait for them; default 0.
   */
  async close(timeout: number = NO_WAIT, options?: CallOptions): Promise<void> {
    checkTimeout(timeout);
    const busy = this.#underWay.size > 0;
    const released = (this.#released ??= this.#release());
    if (!busy) return released;
    // Nobody may be there to hear of it.
    released.catch(() => undefined);
    if (timeout === NO_WAIT) return;
    await waitFor<true>(timeout, options, `${this.type}.close`, (waiter) => {
      released.then(
        () => {
          waiter.resolve(true);
        },
        (error: unknown) => {
          waiter.reject(error as Error);
        },
      );
      return () => undefined;
    });
  }

  async #release(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    abandoned.unregister(this);
    await releaseAll(this.#held);
  }
}

async function releaseAll({ place, releases }: Held): Promise<void> {
  try {
    for (const release of releases.splice(0)) await release();
  } finally {
    await place.service.close();
  }
}
