/** An object's hold on its adaptor: asks for capabilities by name and passes every call through the layers. */
import { untilAborted, type CallOptions } from '../core/call-options.js';
import { IncorrectState, NotImplemented } from '../core/exceptions.js';
import type { URL } from '../core/url.js';
import type { AdaptorManifest, AdaptorModule, Capabilities, Capability, Connection } from '../spi/adaptor.js';
import { located } from './failure.js';
import { resilient, type Attempt } from './layers/resilience.js';
import { traced } from './layers/tracing.js';

/** What a call through a binding needs to be known by. */
export interface CallKind {
  /** The SAGA operation, for example `job.run`; shown in errors and traces. */
  readonly operation: string;
  /** Whether the call may be made again after a failure without harm: queries yes, submissions no. */
  readonly repeatable?: boolean;
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
    const place = { adaptor: this.manifest.name, operation: kind.operation, url: this.url };
    const failed = (error: unknown): never => {
      throw located(error, place, (e) => this.#module.translate(e));
    };
    // Translated within the layers, for they judge by the category, and located again outside, for they fail too.
    const attempt: Attempt<T> = (signal) => run(adaptor, { ...options, ...(signal && { signal }) }).catch(failed);
    const call = () => resilient(this.manifest, kind.repeatable === true, attempt, options.signal).catch(failed);
    return untilAborted(traced(place, call), options, kind.operation);
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
