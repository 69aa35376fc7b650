// The TypeScript blocks of README.md and docs/ are checked as the programs of a user, against the built package; those
// fenced as "```ts run" are run, too. A block is a whole module: what it uses stands in it.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './root.mjs';
import { tsc } from './tsc.mjs';

const SOURCES = 'dist/docs';
const FENCE = /^```ts( run)?\n(.*?)^```$/gms;
/** Named imports that silently replace what the platform calls so. */
const SHADOWING = /import\s*{[^}]*\b(URL|Buffer|File|Storage)\b[^}]*}\s*from\s*'xosaga'/;

async function pages() {
  const inDocs = (await readdir(`${root}docs`, { recursive: true })).filter((name) => name.endsWith('.md'));
  return ['README.md', ...inDocs.filter((name) => !name.startsWith('api/')).map((name) => `docs/${name}`)].sort();
}

/** The blocks of a page; each is padded with empty lines, so that the compiler names lines of the page. */
async function blocksOf(page) {
  const text = await readFile(`${root}${page}`, 'utf8').catch(() => '');
  return [...text.matchAll(FENCE)].map(({ 1: run, 2: code, index }) => {
    const line = text.slice(0, index).split('\n').length;
    return { page, line, code: '\n'.repeat(line) + code, run: run !== undefined };
  });
}

const fileOf = ({ page, line }) => `${page.replaceAll(/[^a-z0-9]+/gi, '-')}-${line}`;

/** Runs one compiled block in an empty folder with a state of its own; gives what went wrong. */
async function failureOf(block) {
  const folder = await mkdtemp(join(tmpdir(), 'xosaga-docs-'));
  try {
    await promisify(execFile)(process.execPath, [`${root}${SOURCES}/js/${fileOf(block)}.js`], {
      cwd: folder,
      env: { ...process.env, XOSAGA_HOME: join(folder, 'home') },
      timeout: 60_000,
    });
    return undefined;
  } catch (error) {
    return `${block.page}:${block.line}: ${error.message}\n${error.stdout}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

await rm(`${root}${SOURCES}`, { recursive: true, force: true });
await mkdir(`${root}${SOURCES}`, { recursive: true });

const blocks = (await Promise.all((await pages()).map(blocksOf))).flat();
const problems = blocks
  .filter(({ code }) => SHADOWING.test(code))
  .map(({ page, line }) => `${page}:${line}: shadows the platform's own: import * as saga from 'xosaga'`);

for (const block of blocks) {
  // Some blocks import nothing, and yet are modules.
  await writeFile(`${root}${SOURCES}/${fileOf(block)}.ts`, `${block.code}export {};\n`);
}
const configuration = {
  extends: '../../tsconfig.examples.json',
  compilerOptions: { rootDir: '.', outDir: 'js', sourceMap: false, inlineSources: false, noUnusedLocals: false },
  include: ['*.ts'],
};
await writeFile(`${root}${SOURCES}/tsconfig.json`, JSON.stringify(configuration));

try {
  if (blocks.length > 0) await tsc(`${SOURCES}/tsconfig.json`);
  for (const block of blocks.filter(({ run }) => run)) {
    const failure = await failureOf(block);
    if (failure !== undefined) problems.push(failure);
  }
} catch (error) {
  problems.push(error.message);
}

for (const problem of problems) console.error(problem);
console.log(`${blocks.length} blocks checked, ${blocks.filter(({ run }) => run).length} of them run`);
process.exitCode = problems.length > 0 ? 1 : 0;
