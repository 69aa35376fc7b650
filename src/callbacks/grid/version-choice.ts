/** Which version a job is restarted from. */
import { SagaException } from '../../saga/core/exceptions.js';
import type { Version, VersionStore } from './version-store.js';

export interface VersionChoice {
  /** Undefined: from the beginning. */
  readonly version: Version | undefined;
  /** Newer versions that could not be used, and why. */
  readonly damaged: readonly string[];
}

/**
 * @param generation - The version, 0 for the beginning; default the newest that is whole, or the beginning when there is none.
 * @throws DoesNotExist without such a version, NoSuccess naming what is damaged in it.
 */
export async function chooseVersion(store: VersionStore, generation: number | undefined): Promise<VersionChoice> {
  if (generation === 0) return { version: undefined, damaged: [] };
  if (generation !== undefined) return { version: await store.open(generation), damaged: [] };
  const damaged: string[] = [];
  for (const candidate of (await store.list()).reverse()) {
    try {
      return { version: await store.open(candidate), damaged };
    } catch (error) {
      if (!SagaException.is(error)) throw error;
      damaged.push(error.message);
    }
  }
  return { version: undefined, damaged };
}
