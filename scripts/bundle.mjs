// The CommonJS build: the modules of dist/esm in a few files, as finding and opening eighty of them would be a third of the time
// in which a program that runs one job starts. The compiler has written the declarations, and the files that are CommonJS
// in both builds.
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { rollup } from '@rollup/wasm-node';
import { root } from './root.mjs';

const FROM = `${root}dist/esm`;
const TO = `${root}dist/cjs`;

/** Puts the CommonJS form of every entry in `exports` of package.json into dist/cjs. */
export async function bundleCommonJs() {
  const written = await readdir(TO, { recursive: true });
  const modules = written.filter((path) => /\.js(\.map)?$/.test(path));
  await Promise.all(modules.map((path) => rm(join(TO, path))));

  const { exports } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));
  const entries = Object.values(exports).flatMap((entry) => entry.module?.default ?? []);
  const input = Object.fromEntries(
    entries.map((entry) => [relative(FROM, join(root, entry)).replace(/\.js$/, ''), join(root, entry)]),
  );
  // Nothing is left out: all of it is used, and what rollup takes for calls without effect (4.68: a `close()` that only
  // closes what a private field holds) can be one that has one.
  const bundle = await rollup({ input, external: isForeign, plugins: [withSourceMaps], onLog: fail, treeshake: false });
  await bundle.write({
    dir: TO,
    format: 'cjs',
    exports: 'named',
    chunkFileNames: 'chunks/[name].js',
    manualChunks: (id) => (/\/saga\/(core|spi)\//.test(id) ? 'core' : undefined),
    sourcemap: true,
    esModule: true,
  });
  await bundle.close();
}

/** Packages, what comes with Node, and the files that stay as they are. */
function isForeign(id) {
  return !/^[./]/.test(id) || id.endsWith('.cjs');
}

/** Lets the map of the result lead to the TypeScript, through the maps of the compiler. */
const withSourceMaps = {
  name: 'with-source-maps',
  async load(id) {
    const [code, map] = await Promise.all([readFile(id, 'utf8'), readFile(`${id}.map`, 'utf8')]);
    return { code, map: JSON.parse(map) };
  },
};

/** A bundle with warnings is not one to be published. */
function fail(level, log) {
  if (level === 'warn') throw new Error(`rollup: ${log.message}`);
}
