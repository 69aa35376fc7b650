/** Late binding: which adaptor serves a URL in a session, tried in order, with the errors of those that could not. */
import { debuglog } from 'node:util';

import { untilAborted, type CallOptions } from '../core/call-options.js';
import { isContextOfType } from '../core/context.js';
import { mostSpecificFirst, type SagaException } from '../core/exceptions.js';
import { contextsOf, type Session } from '../core/session.js';
import { URL } from '../core/url.js';
import type { AdaptorEnvironment, AdaptorManifest, Capability } from '../spi/adaptor.js';
import type { Checkpointer } from '../spi/checkpointer.js';
import { Binding } from './binding.js';
import { chooseCheckpointer } from './checkpointers.js';
import { combined, located } from './failure.js';
import type { AdaptorRegistry } from './registry.js';

const debug = debuglog('xosaga');

export class Engine {
  readonly #registry: AdaptorRegistry;
  readonly #session: Session;

  constructor(registry: AdaptorRegistry, session: Session) {
    this.#registry = registry;
    this.#session = session;
  }

  /**
   * Connects to the backend behind `url` through the first adaptor that offers `capability` and can reach it.
   * @throws the most specific error of the adaptors that were tried; its `lower` holds all of them.
   */
  async bind(capability: Capability, url: URL, options: CallOptions = {}): Promise<Binding> {
    const manifests = await this.#registry.serving(url.getScheme(), capability);
    const errors: SagaException[] = [];
    for (const manifest of manifests) {
      try {
        return await untilAborted(this.#connect(manifest, url, options), options);
      } catch (error) {
        errors.push(located(error, { adaptor: manifest.name, operation: 'connect', url }));
        if (options.signal?.aborted) break;
      }
    }
    throw combined(mostSpecificFirst(errors));
  }

  async #connect(manifest: AdaptorManifest, url: URL, options: CallOptions): Promise<Binding> {
    const module = await manifest.load();
    const types = manifest.contexts ?? [];
    const environment: AdaptorEnvironment = {
      contexts: () => contextsOf(this.#session).filter((c) => types.some((type) => isContextOfType(c, type))),
      checkpointer: async (name, requirements) =>
        this.#checkpointer(chooseCheckpointer(await this.#registry.all(), name, requirements)),
      log: (message: string) => {
        debug('%s: %s', manifest.name, message);
      },
    };
    const connection = await module.connect(url, environment, options).catch((error: unknown) => {
      throw located(error, { adaptor: manifest.name, operation: 'connect', url }, (e) => module.translate(e));
    });
    return new Binding(manifest, module, { connection, users: 0 }, connection.serviceUrl ?? url);
  }

  /** A checkpointer is an adaptor whose scheme is its name. */
  async #checkpointer(manifest: AdaptorManifest): Promise<Checkpointer> {
    const binding = await this.#connect(manifest, new URL(`${manifest.name}:/`), {});
    return binding.using('checkpointer', 'checkpointer');
  }
}
