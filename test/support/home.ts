/** A private XOSAGA_HOME and working directory for the tests of one file, removed at its end. */
import { afterAll, beforeAll } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Call at the top of a test file; the paths are there when its tests run.
 * @param slots - How many processes run at a time: by default more than any test starts, whatever the machine has.
 */
export function privateHome(slots = 64): { readonly home: string; readonly directory: string } {
  const paths = { home: '', directory: '' };
  const before = { ...process.env };
  beforeAll(async () => {
    paths.directory = await mkdtemp(join(tmpdir(), 'xosaga-test-'));
    paths.home = join(paths.directory, 'home');
    process.env['XOSAGA_HOME'] = paths.home;
    process.env['XOSAGA_SLOTS'] = String(slots);
  });
  afterAll(async () => {
    for (const name of ['XOSAGA_HOME', 'XOSAGA_SLOTS']) {
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before[name];
    }
    await rm(paths.directory, { recursive: true, force: true });
  });
  return paths;
}
