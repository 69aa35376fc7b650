/** A private XOSAGA_HOME and working directory for the tests of one file, removed at its end. */
import { afterAll, beforeAll } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Call at the top of a test file; the paths are there when its tests run. */
export function privateHome(): { readonly home: string; readonly directory: string } {
  const paths = { home: '', directory: '' };
  const before = process.env['XOSAGA_HOME'];
  beforeAll(async () => {
    paths.directory = await mkdtemp(join(tmpdir(), 'xosaga-test-'));
    paths.home = join(paths.directory, 'home');
    process.env['XOSAGA_HOME'] = paths.home;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env['XOSAGA_HOME'];
    else process.env['XOSAGA_HOME'] = before;
    await rm(paths.directory, { recursive: true, force: true });
  });
  return paths;
}
