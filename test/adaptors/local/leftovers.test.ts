import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeTemporaries } from '../../../src/adaptors/local/leftovers.js';

const ID = 'abcdefghijkl.1';
let cwd = '';
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'xosaga-leftovers-'));
  mkdirSync(join(cwd, 'd'));
});
afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

/** What is left of the temporary file of one copy to `target`, made in `folder`. */
function left(target: string, folder: string): string[] {
  writeFileSync(join(folder, `.xosaga-${ID}-in1`), '');
  const description = { executable: 'x', fileTransfer: [`/dev/null > ${target}`] };
  removeTemporaries(ID, { n: 1, created: '1', cwd, description });
  return readdirSync(folder).filter((name) => name.startsWith('.xosaga-'));
}

test('a temporary file is removed beside its target', () => {
  expect(left('target', cwd)).toEqual([]);
  expect(left(`${cwd}/d/target`, join(cwd, 'd'))).toEqual([]);
});

test('a temporary file is removed beside what a link leads to, there or not', () => {
  symlinkSync('d/real', join(cwd, 'relative'));
  symlinkSync(join(cwd, 'd/real'), join(cwd, 'straight'));
  symlinkSync('relative', join(cwd, 'twice'));
  for (const target of ['relative', 'straight', 'twice']) expect(left(target, join(cwd, 'd'))).toEqual([]);
  writeFileSync(join(cwd, 'd/real'), '');
  expect(left('twice', join(cwd, 'd'))).toEqual([]);
});

test('links in a circle are followed to an end', () => {
  symlinkSync('b', join(cwd, 'a'));
  symlinkSync('a', join(cwd, 'b'));
  expect(left('a', join(cwd, 'd'))).toEqual([`.xosaga-${ID}-in1`]);
});
