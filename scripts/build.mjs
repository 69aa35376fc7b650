// Builds the package: dist/esm and dist/cjs from src, then dist/examples against the built package, as a user would.
import { existsSync } from 'node:fs';
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { bundleCommonJs } from './bundle.mjs';
import { makeDoors } from './doors.mjs';
import { root } from './root.mjs';
import { tsc } from './tsc.mjs';

try {
  await rm(`${root}dist`, { recursive: true, force: true });
  await Promise.all([tsc('tsconfig.build.json'), tsc('tsconfig.cjs.json')]);
  await mkdir(`${root}dist/cjs`, { recursive: true });
  await writeFile(`${root}dist/cjs/package.json`, '{ "type": "commonjs" }\n');
  await bundleCommonJs();
  await makeDoors();
  if (existsSync(`${root}dist/esm/cli/main.js`)) await chmod(`${root}dist/esm/cli/main.js`, 0o755);

  await tsc('tsconfig.examples.json');
  // Data stand beside the program in both places, so that `new URL('./data.json', import.meta.url)` finds them.
  await cp(`${root}examples`, `${root}dist/examples`, {
    recursive: true,
    filter: (path) => !['.ts', '.md'].includes(extname(path)),
  });

  // scripts/prepare.mjs compares this with the sources.
  await writeFile(`${root}dist/.built`, '');
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
