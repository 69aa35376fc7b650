/**
 * A process that does one thing with files through the API, and beside it as the platform does it, in turn. Prints the
 * medians in milliseconds, and by how many megabytes the process grew.
 *
 *     node files.mjs list|iterate|find|copy|tree|remove COUNT
 *
 * COUNT is that of files; for `copy` that of MiB. All is on the file system of XOSAGA_HOME.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as saga from 'xosaga';
import { median } from './statistics.mjs';

const RUNS = 5;
const MIB = 1024 * 1024;
const { Recursive } = saga.Flags;

const [what = '', countText = ''] = process.argv.slice(2);
const count = Number(countText);
const home = process.env['XOSAGA_HOME'] ?? '';
await mkdir(home, { recursive: true });
const place = await mkdtemp(join(home, 'files-'));
const [source, target] = [join(place, 'source'), join(place, 'target')];

/**
 * One thing done in two ways.
 * @typedef {object} Subject
 * @property {() => Promise<unknown>} xosaga
 * @property {() => unknown} base
 * @property {() => unknown} [before] each run
 */

/** @type {Record<string, () => Promise<Subject>>} */
const SUBJECTS = {
  async list() {
    makeFiles(source, count, 0);
    const directory = await saga.Directory.create(`file://${source}`);
    return { xosaga: () => directory.list(), base: () => readdir(source, { withFileTypes: true }) };
  },
  async iterate() {
    makeFiles(source, count, 0);
    const directory = await saga.Directory.create(`file://${source}`);
    const iterate = async () => {
      let files = 0;
      for await (const { kind } of directory) if (kind === 'file') files += 1;
      return files;
    };
    return { xosaga: iterate, base: () => readdir(source, { withFileTypes: true }) };
  },
  async find() {
    makeTree(0);
    const directory = await saga.Directory.create(`file://${source}`);
    const base = () => execFileSync('find', [source, '-name', '*99'], { maxBuffer: 100 * MIB });
    return { xosaga: () => directory.find('*99'), base };
  },
  async copy() {
    await makeLargeFile();
    const file = await saga.NSEntry.create(`file://${source}`);
    const base = () => execFileSync('cp', [source, target]);
    return { xosaga: () => file.copy(target), base, before: clean };
  },
  async tree() {
    makeTree(4000);
    const directory = await saga.Directory.create(`file://${source}`);
    const base = () => execFileSync('cp', ['-r', source, target]);
    return { xosaga: () => directory.copy(target, Recursive), base, before: clean };
  },
  async remove() {
    makeTree(4000);
    const directory = await saga.Directory.create(`file://${place}`);
    const base = () => execFileSync('rm', ['-r', target]);
    const before = () => execFileSync('cp', ['-r', source, target]);
    return { xosaga: () => directory.remove('target', Recursive), base, before };
  },
};

/** What both ways make is removed, and the disk has nothing more to do. */
function clean() {
  execFileSync('rm', ['-rf', target]);
  execFileSync('sync', ['-f', place]);
}

/** 100 files a directory. */
function makeTree(/** @type {number} */ size) {
  mkdirSync(source);
  for (let i = 0; i < count / 100; i++) makeFiles(join(source, `directory${String(i)}`), 100, size);
}

function makeFiles(/** @type {string} */ directory, /** @type {number} */ files, /** @type {number} */ size) {
  mkdirSync(directory);
  const content = Buffer.alloc(size, 'x');
  for (let i = 0; i < files; i++) writeFileSync(join(directory, `file${String(i)}`), content);
}

async function makeLargeFile() {
  const file = await open(source, 'w');
  for (let i = 0; i < count; i++) await file.write(Buffer.alloc(MIB, `${String(i)} `));
  await file.close();
}

async function timed(/** @type {() => unknown} */ work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const { xosaga, base, before } = (await SUBJECTS[what]?.()) ?? { xosaga: undefined, base: undefined };
if (!xosaga) throw new Error(`there is nothing named '${what}'`);
/** @type {{ xosaga: number[], base: number[] }} */
const times = { xosaga: [], base: [] };
// Once beforehand: code is compiled, files come into the cache of the system.
for (const way of [base, xosaga]) {
  await before?.();
  await way();
}
const sizeBefore = process.resourceUsage().maxRSS;
for (let run = 0; run < RUNS; run++) {
  for (const [name, way] of run % 2 === 0
    ? [
        ['base', base],
        ['xosaga', xosaga],
      ]
    : [
        ['xosaga', xosaga],
        ['base', base],
      ]) {
    await before?.();
    times[name].push(await timed(way));
  }
}
const grown = (process.resourceUsage().maxRSS - sizeBefore) / 1024;
console.log(JSON.stringify({ xosaga: median(times.xosaga), base: median(times.base), grown }));
