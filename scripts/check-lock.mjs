// Fails when package-lock.json would break `npm ci` elsewhere: npm leaves optional platform packages that the registry
// in use does not carry silently out of the lock, and `npm ci` then refuses it. Addresses of a registry, and what nothing
// depends on, must not be in it either.
import { readFile } from 'node:fs/promises';

const { packages } = JSON.parse(await readFile(new URL('../package-lock.json', import.meta.url), 'utf8'));

/** Whether `name`, required by the package installed at `path`, is in the lock where Node would look for it. */
function isLocked(name, path) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    if (`${folder}/node_modules/${name}`.replace(/^\//, '') in packages) return true;
    if (folder === '') return false;
  }
}

const problems = [];
for (const [path, entry] of Object.entries(packages)) {
  if (entry.resolved !== undefined && !entry.link) problems.push(`${path}: holds the address ${entry.resolved}`);
  if (entry.extraneous) problems.push(`${path}: nothing depends on it, delete the entry`);
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!isLocked(name, path)) problems.push(`${path}: optional dependency ${name} is missing`);
  }
}

for (const problem of problems) console.error(`package-lock.json: ${problem}`);
if (problems.length > 0) {
  console.error('For a missing one pin the version before, in "overrides" of package.json, and run npm install again.');
  process.exit(1);
}
console.log(`package-lock.json is complete: ${Object.keys(packages).length} packages`);
