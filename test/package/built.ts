import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The folder of the package: in it, the package can name itself, as its users do. */
export const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));

const run = (type: 'module' | 'commonjs', source: string, cwd: string): unknown =>
  JSON.parse(
    execFileSync(process.execPath, [`--input-type=${type}`, '--eval', source], {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
    }),
  );

/** Runs an ES module against the built package, in a process of its own, and gives what it printed as JSON. */
export const runModule = (source: string, cwd = PACKAGE): unknown => run('module', source, cwd);

/** Runs a CommonJS program, as {@link runModule}. */
export const runScript = (source: string, cwd = PACKAGE): unknown => run('commonjs', source, cwd);
