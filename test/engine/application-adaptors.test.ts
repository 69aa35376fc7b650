import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { applicationAdaptors } from '../../src/saga/engine/application-adaptors.js';

let application: string;
beforeAll(async () => {
  application = await mkdtemp(join(tmpdir(), 'xosaga-application-'));
  for (const [name, source] of [
    ['good', `exports.manifest = { name: 'good', spi: 1, schemes: ['good'] };`],
    ['empty', `exports.other = 1;`],
    ['broken', `throw new Error('at load');`],
  ] as const) {
    const folder = join(application, 'node_modules', name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'index.js'), source);
  }
  await mkdir(join(application, 'bin'));
  await writeFile(join(application, 'bin', 'main.js'), '');
});
afterAll(() => rm(application, { recursive: true, force: true }));

/** The adaptors of an application with this package.json. */
async function named(content: unknown): Promise<string[]> {
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  await writeFile(join(application, 'package.json'), text);
  return applicationAdaptors(join(application, 'bin', 'main.js')).map((m) => m.name);
}

describe('adaptors named in the package.json of the application', () => {
  test('are loaded from there', async () => {
    expect(await named({ xosaga: { adaptors: ['good'] } })).toEqual(['good']);
    expect(await named({})).toEqual([]);
    expect(await named('not json')).toEqual([]);
    expect(applicationAdaptors(join(application, 'no-such-script.js'))).toEqual([]);
  });

  test.each<[unknown, RegExp, string]>([
    [['missing'], /'missing', named in .*package.json, cannot be loaded; npm install missing/, 'NoSuccess'],
    [['broken'], /'broken'.* cannot be loaded/, 'NoSuccess'],
    [['empty'], /'empty'.* exports no 'manifest'/, 'BadParameter'],
    ['good', /must be a list of package names/, 'BadParameter'],
    [[1], /must be a list of package names/, 'BadParameter'],
  ])('%j is refused', async (adaptors, message, code) => {
    const error = await named({ xosaga: { adaptors } }).catch((e: unknown) => e);
    expect(saga.SagaException.is(error) && error.code).toBe(code);
    expect((error as Error).message).toMatch(message);
  });
});
