/** An object's hold on its adaptor: asks for capabilities by name and passes every call through the layers. */
import { untilAborted, type CallOptions } from '../core/call-options.js';
import { NotImplemented } from '../core/exceptions.js';
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

export class Binding {
  readonly manifest: AdaptorManifest;
  /** The URL that the service was made for. */
  readonly url: URL;
  readonly #module: AdaptorModule<Capability>;
  readonly #connection: Connection<Capability>;
  #holders = 1;

  constructor(
    manifest: AdaptorManifest,
    module: AdaptorModule<Capability>,
    connection: Connection<Capability>,
    url: URL,
  ) {
    this.manifest = manifest;
    this.url = url;
    this.#module = module;
    this.#connection = connection;
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

  /** The adaptor's own interface, for calls that cannot fail or wait (watch). */
  using<C extends Capability>(capability: C, operation: string): Capabilities[C] {
    if (!this.offers(capability)) {
      throw new NotImplemented(`the adaptor '${this.manifest.name}' does not offer ${capability}`, {
        adaptor: this.manifest.name,
        operation,
        url: this.url.toString(),
      });
    }
    return this.#connection;
  }

  /** One more object uses the connection; each calls `close` once, and the last one closes it. */
  retain(): this {
    this.#holders += 1;
    return this;
  }

  async close(): Promise<void> {
    this.#holders -= 1;
    if (this.#holders === 0) await this.#connection.close();
  }
}
