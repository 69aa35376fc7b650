/** A directory of its own for each test, removed after it. */
import { afterEach, beforeEach } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Call at the top of a test file; `path` is there when a test runs. */
export function scratch(): { readonly path: string; at(...names: string[]): string } {
  const directory = {
    path: '',
    /** The path of an entry in it. */
    at: (...names: string[]) => join(directory.path, ...names),
  };
  beforeEach(async () => {
    directory.path = await mkdtemp(join(tmpdir(), 'xosaga-test-'));
  });
  afterEach(() => rm(directory.path, { recursive: true, force: true }));
  return directory;
}
