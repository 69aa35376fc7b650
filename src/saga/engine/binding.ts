/** An object's hold on its adaptor: asks for capabilities by name and passes every call through the layers. */
import { aborted, untilAborted, type CallOptions } from '../core/call-options.js';
import { IncorrectState, NotImplemented } from '../core/exceptions.js';
import type { URL } from '../core/url.js';
import type { AdaptorManifest, AdaptorModule, Capabilities, Capability, Connection } from '../spi/adaptor.js';
import { located, type Place } from './failure.js';
import { resilient, type Attempt } from './layers/resilience.js';
import { traced } from './layers/tracing.js';

/** What a call through a binding needs to be known by. */
export interface CallKind {
  /** The SAGA operation, for example `job.run`; shown in errors and traces. */
  readonly operation: string;
  /** Whether the call may be made again after a failure without harm: queries yes, submissions no. */
  readonly repeatable?: boolean;
  /** The path that the call is about, in place of that of the service's URL; shown in errors and traces. */
  readonly path?: string;
  /**
   * Whether it moves content: it takes the time it takes, and when it is aborted it ends by itself, after it has removed
   * what would have been half a file. So it has no time limit, and its abort is waited for.
   */
  readonly transfer?: boolean;
}

/** A connection and how many bindings hold it. */
export interface SharedConnection {
  readonly connection: Connection<Capability>;
  users: number;
}

export class Binding {
  readonly manifest: AdaptorManifest;
  /** The URL of the service, as its ids carry it. */
  readonly url: URL;
  readonly #module: AdaptorModule<Capability>;
  readonly #shared: SharedConnection;
  #closed = false;

  constructor(manifest: AdaptorManifest, module: AdaptorModule<Capability>, shared: SharedConnection, url: URL) {
    this.manifest = manifest;
    this.url = url;
    this.#module = module;
    this.#shared = shared;
    shared.users += 1;
  }

  get closed(): boolean {
    return this.#closed;
  }

  offers(capability: Capability): boolean {
    return this.manifest.capabilities.includes(capability);
  }

  /**
   * Calls the adaptor: traced, retried when that is safe, limited in time and number, with errors translated.
   * @throws NotImplemented when the adaptor does not declare the capability; else what the adaptor throws.
   */
  async call<C extends Capability, T>(
    capability: C,
    kind: CallKind,
    run: (adaptor: Capabilities[C], options: CallOptions) => Promise<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const adaptor = this.using(capability, kind.operation);
    const place = this.#placeOf(kind);
    const failed = (error: unknown): never => {
      throw located(error, place, (e) => this.#module.translate(e));
    };
    // Translated within the layers, for they judge by the category, and located again outside, for they fail too.
    const attempt: Attempt<T> = (signal) => run(adaptor, { ...options, ...(signal && { signal }) }).catch(failed);
    if (kind.transfer) {
      return traced(place, () => attempt(options.signal)).catch((error: unknown) => {
        throw options.signal?.aborted ? aborted(options.signal, kind.operation) : error;
      });
    }
    const call = () => resilient(this.manifest, kind.repeatable === true, attempt, options.signal).catch(failed);
    return untilAborted(traced(place, call), options, kind.operation);
  }

  /** What the adaptor gives bit by bit; each bit is a call like any other. */
  async *iterate<C extends Capability, T>(
    capability: C,
    kind: CallKind,
    run: (adaptor: Capabilities[C], options: CallOptions) => AsyncIterable<T>,
    options: CallOptions = {},
  ): AsyncGenerator<T, void> {
    const bits = run(this.using(capability, kind.operation), options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const bit = await this.call(capability, kind, () => bits.next(), options);
        if (bit.done === true) return;
        yield bit.value;
      }
    } finally {
      await bits.return?.();
    }
  }

  /**
   * The adaptor's own interface, for calls that cannot fail or wait (watch).
   * @throws NotImplemented, and IncorrectState after `close`.
   */
  using<C extends Capability>(capability: C, operation: string): Capabilities[C] {
    if (this.#closed) {
      throw new IncorrectState(`${operation}: the service is closed; make a new one`, {
        adaptor: this.manifest.name,
        operation,
      });
    }
    if (!this.offers(capability)) {
      throw new NotImplemented(`the adaptor '${this.manifest.name}' does not offer ${capability}`, {
        adaptor: this.manifest.name,
        operation,
        url: this.url.toString(),
      });
    }
    return this.#shared.connection;
  }

  #placeOf({ operation, path }: CallKind): Place {
    const { url } = this;
    const adaptor = this.manifest.name;
    if (path === undefined) return { adaptor, operation, url };
    // Made when somebody looks: most calls are neither traced nor fail.
    return {
      adaptor,
      operation,
      get url() {
        const about = url.clone();
        about.setPath(path);
        return about;
      },
    };
  }

  /** Another hold on the same connection, with a life of its own. */
  share(): Binding {
    return new Binding(this.manifest, this.#module, this.#shared, this.url);
  }

  /** From now on all calls are refused; the last hold on the connection closes it. May be repeated. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#shared.users -= 1;
    if (this.#shared.users === 0) await this.#shared.connection.close();
  }
}
