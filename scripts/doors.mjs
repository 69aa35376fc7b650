// The doors of the package for `import` in Node: modules that hand out what dist/cjs holds.
//
// One copy of the library in a process, however it is imported: adaptors are registered once, errors are of one class. And
// Node loads eighty files much faster as CommonJS than as ES modules. Bundlers take the ES modules of dist/esm, by the
// condition "module" in package.json; they cannot follow `createRequire`.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { root } from './root.mjs';

const require = createRequire(import.meta.url);

/** Writes the file that the condition "import" of each entry in `exports` names. */
export async function makeDoors() {
  const { exports } = JSON.parse(await readFile(`${root}package.json`, 'utf8'));
  for (const entry of Object.values(exports)) {
    if (entry.import === undefined) continue;
    const [door, library] = [join(root, entry.import.default), join(root, entry.require.default)];
    await mkdir(dirname(door), { recursive: true });
    await writeFile(door, doorTo(relative(dirname(door), library), Object.keys(require(library))));
  }
}

/** `createRequire` and not `import`: for that Node would first search all files for the names that they export. */
function doorTo(library, names) {
  return `import { createRequire } from 'node:module';

export const { ${names.join(', ')} } = createRequire(import.meta.url)('${library}');
`;
}
