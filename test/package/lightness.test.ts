import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE, runModule, runScript } from './built.js';

/** The packages that importing 'xosaga' may load. */
const LIGHT = ['reflect-metadata', 'tsyringe', 'tslib'];
/** Those that are loaded on first use: here they refuse to be loaded at all. */
const HEAVY = ['rxjs', 'axios', 'cockatiel', 'jsonwebtoken', 'fast-xml-parser', '@opentelemetry/api'];

describe('where no heavy package can be loaded', () => {
  let project: string;

  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'xosaga-light-'));
    const modules = join(project, 'node_modules');
    await mkdir(join(modules, 'xosaga'), { recursive: true });
    await cp(join(PACKAGE, 'package.json'), join(modules, 'xosaga', 'package.json'));
    for (const build of ['import', 'esm', 'cjs']) {
      await cp(join(PACKAGE, 'dist', build), join(modules, 'xosaga', 'dist', build), { recursive: true });
    }
    for (const name of LIGHT) await symlink(join(PACKAGE, 'node_modules', name), join(modules, name));
    for (const name of HEAVY) {
      await mkdir(join(modules, name), { recursive: true });
      await writeFile(join(modules, name, 'index.js'), `throw new Error('${name} was loaded');`);
    }
  });

  afterAll(() => rm(project, { recursive: true, force: true }));

  test('xosaga can be imported', () => {
    const type = runModule(`import * as saga from 'xosaga'; console.log(JSON.stringify(typeof saga.Job))`, project);
    expect(type).toBe('function');
  });

  test('xosaga can be required', () => {
    const type = runScript(`const saga = require('xosaga'); console.log(JSON.stringify(typeof saga.Job))`, project);
    expect(type).toBe('function');
  });

  test.each(HEAVY)('%s really cannot', (name) => {
    expect(() => runScript(`require('${name}')`, project)).toThrow(`${name} was loaded`);
  });
});

describe('with everything installed', () => {
  test('importing xosaga loads no adaptor', () => {
    const loaded = runScript(`
      require('xosaga');
      console.log(JSON.stringify(Object.keys(require.cache).filter((file) => file.includes('/adaptors/'))));
    `);
    expect(loaded).toEqual([]);
  });

  test('importing xosaga keeps no process alive and prints nothing', () => {
    const printed = runModule(`import 'xosaga'; process.on('exit', () => console.log('"at its end"'));`);
    expect(printed).toBe('at its end');
  });
});
