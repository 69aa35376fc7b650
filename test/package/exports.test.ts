import { describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PACKAGE, runModule, runScript } from './built.js';

const { exports } = JSON.parse(await readFile(join(PACKAGE, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
};

/** 'xosaga', 'xosaga/adaptors/local', ... without the package.json. */
const subpaths = Object.keys(exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => path.replace('.', 'xosaga'));

describe('what package.json exports', () => {
  test.each(subpaths)('%s has the same names for import and for require', (subpath) => {
    const names = 'console.log(JSON.stringify(Object.keys(loaded).filter((name) => name !== "module.exports").sort()))';
    const imported = runModule(`import * as loaded from '${subpath}'; ${names}`);
    const required = runScript(`const loaded = require('${subpath}'); ${names}`);
    expect(imported).toEqual(required);
    expect(imported).not.toEqual([]);
  });

  test('the version can be read', () => {
    const version = runScript(`console.log(JSON.stringify(require('xosaga/package.json').version))`);
    expect(version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test('nothing else can be imported', () => {
    expect(() => runScript(`require('xosaga/dist/cjs/index.js')`)).toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe('one process', () => {
  test('has one copy of the library, imported and required', () => {
    const same = runModule(`
      import { createRequire } from 'node:module';
      import * as imported from 'xosaga';
      const required = createRequire(import.meta.url)('${PACKAGE}');
      console.log(JSON.stringify(Object.keys(required).filter((name) => imported[name] !== required[name])));
    `);
    expect(same).toEqual([]);
  });

  // As with a bundle beside an installed package, or two versions.
  test('with two copies: errors of one are errors of the other', () => {
    const result = runModule(`
      import { createRequire } from 'node:module';
      import * as esm from '${PACKAGE}/dist/esm/index.js';
      const cjs = createRequire(import.meta.url)('${PACKAGE}');
      const error = new cjs.BadParameter('detail');
      console.log(JSON.stringify({
        sameClass: error instanceof esm.BadParameter,
        ours: esm.SagaException.is(error),
        category: error.code,
        back: cjs.SagaException.is(new esm.DoesNotExist('detail')),
        foreign: esm.SagaException.is(new Error('detail')),
      }));
    `);
    expect(result).toEqual({ sameClass: false, ours: true, category: 'BadParameter', back: true, foreign: false });
  });
});

// A bundler that takes a call for one without effect drops it, and nothing but the leak shows it.
test('the bundle closes what it opens', () => {
  const left = runModule(`
    import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { join } from 'node:path';
    import { Directory, Flags } from 'xosaga';
    const place = mkdtempSync(join(tmpdir(), 'xosaga-test-'));
    const dir = await Directory.create(place);
    const round = async () => {
      await dir.makeDir('a/b', Flags.CreateParents);
      await dir.copy('a', 'c', Flags.Recursive);
      await dir.copy('a', 'c/missing/d', Flags.Recursive).catch(() => undefined);
      await dir.list();
      for await (const entry of dir) if (entry) break;
      await dir.remove('{a,c}', Flags.Recursive);
    };
    // Linux and macOS show the open files of a process.
    const open = () => readdirSync('/dev/fd').length;
    await round();
    const before = open();
    for (let i = 0; i < 20; i++) await round();
    const after = open();
    rmSync(place, { recursive: true });
    console.log(JSON.stringify(after - before));
  `);
  expect(left).toBeLessThan(10);
});

test('the bundle tells which directory had too many files open, and leaves nothing', () => {
  const result = runModule(`
    import { execFileSync } from 'node:child_process';
    const program = \`
      import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
      import { tmpdir } from 'node:os';
      import { join } from 'node:path';
      import { Directory, Flags } from 'xosaga';
      const place = mkdtempSync(join(tmpdir(), 'xosaga-test-'));
      const dir = await Directory.create(place);
      await dir.makeDir('a/' + 'd/'.repeat(40), Flags.CreateParents);
      const { code, message } = await dir.copy('a', 'b', Flags.Recursive).catch((error) => error);
      const left = readdirSync(place);
      rmSync(place, { recursive: true });
      console.log(JSON.stringify({ code, message, left }));
    \`;
    const shell = 'ulimit -n 64; exec "$0" --input-type=module --eval "$1"';
    process.stdout.write(execFileSync('sh', ['-c', shell, process.execPath, program]));
  `);
  expect(result).toMatchObject({ code: 'NoSuccess', left: ['a'] });
  expect((result as { message: string }).message).toMatch(/^(listing|copying) '.*\/a\/d.*EMFILE.*ulimit -n$/);
  expect((result as { message: string }).message).not.toContain('/proc/');
});
