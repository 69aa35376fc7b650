/**
 * Dependency injection: the only file that knows tsyringe. One container for the library, one child a session.
 *
 * Factories and `Symbol.for` tokens only: no decorators, no metadata, nothing that a bundler could break.
 */
import 'reflect-metadata';
import { container, instanceCachingFactory, type DependencyContainer, type InjectionToken } from 'tsyringe';

import { sessionKey, type Session } from '../core/session.js';
import type { AdaptorManifest } from '../spi/adaptor.js';
import { applicationAdaptors } from './application-adaptors.js';
import { BUILT_INS } from './built-ins.js';
import { Engine } from './engine.js';
import { AdaptorRegistry } from './registry.js';

const REGISTRY: InjectionToken<AdaptorRegistry> = Symbol.for('xosaga.AdaptorRegistry');
const SESSION: InjectionToken<Session> = Symbol.for('xosaga.Session');
const ENGINE: InjectionToken<Engine> = Symbol.for('xosaga.Engine');

const library = container.createChildContainer();
library.register(REGISTRY, {
  useFactory: instanceCachingFactory(() => new AdaptorRegistry(BUILT_INS, () => applicationAdaptors())),
});

const containers = new WeakMap<object, DependencyContainer>();

/** The engine that serves the objects of `session`, and of all its shallow copies. */
export function engineFor(session: Session): Engine {
  const key = sessionKey(session);
  let child = containers.get(key);
  if (!child) {
    child = library.createChildContainer();
    child.register(SESSION, { useValue: session });
    child.register(ENGINE, {
      useFactory: instanceCachingFactory((c) => new Engine(c.resolve(REGISTRY), c.resolve(SESSION))),
    });
    containers.set(key, child);
  }
  return child.resolve(ENGINE);
}

/**
 * Makes a third party's adaptor known to the whole process; see docs/adaptors.md.
 * @throws BadParameter for a manifest that does not fit, AlreadyExists for a name in use.
 */
export function registerAdaptor(manifest: AdaptorManifest): void {
  library.resolve(REGISTRY).register(manifest);
}

/** The manifests of all known adaptors: name, schemes, capabilities, honoured attributes. */
export function listAdaptors(): Promise<AdaptorManifest[]> {
  return library.resolve(REGISTRY).all();
}
