// Runs before `npm start`, `npm test` and `npm run bench`, so that each works alone on a fresh clone: installs the packages
// of the lock when they are not there, and builds when a source is newer than the build. With --test it looks for the
// system packages that the tests need, too. It imports nothing but Node.
import { spawnSync } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { ensureSystemPackages } from './apt.mjs';
import { root } from './root.mjs';

function run(what, command, args) {
  console.log(`xosaga: ${what}`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

const readLock = async (path) => {
  try {
    return JSON.parse(await readFile(`${root}${path}`, 'utf8')).packages;
  } catch {
    return undefined;
  }
};

/** Whether node_modules holds what package-lock.json names; npm keeps its own lock of what it installed. */
async function isInstalled() {
  const [wanted, installed] = await Promise.all([
    readLock('package-lock.json'),
    readLock('node_modules/.package-lock.json'),
  ]);
  if (wanted === undefined || installed === undefined) return false;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

/** The time of the newest change below a path, in milliseconds; a folder changes when a file in it comes or goes. */
async function newestChange(path) {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  const inside = await Promise.all((await readdir(path)).map((name) => newestChange(`${path}/${name}`)));
  return Math.max(stats.mtimeMs, ...inside);
}

async function isBuilt() {
  const sources = ['src', 'examples', 'package.json', 'scripts'];
  const configurations = (await readdir(root)).filter((name) => /^tsconfig.*\.json$/.test(name));
  const [built, ...changes] = await Promise.all(
    ['dist/.built', ...sources, ...configurations].map((path) => newestChange(`${root}${path}`)),
  );
  return built > Math.max(...changes);
}

if (!(await isInstalled())) {
  // npm tells its scripts where it is; on Windows `npm` alone is no program that can be spawned.
  const [command, ...args] = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  run('installing the packages of package-lock.json (npm ci)', command, [...args, 'ci', '--no-audit', '--no-fund']);
}
if (!(await isBuilt())) run('building dist', process.execPath, [`${root}scripts/build.mjs`]);
if (process.argv.includes('--test')) ensureSystemPackages();
