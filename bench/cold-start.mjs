/**
 * Cold start: the time from before a process is started to what it has reached by then, each in processes of its own,
 * one after the other in turn. Prints the medians.
 *
 *     node cold-start.mjs RUNS
 *
 * The clock is the monotonic one, which all processes of a machine share.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { median } from './statistics.mjs';

const run = promisify(execFile);

const PROGRAMS = { floor: './cold-floor.cjs', esm: './cold-esm.mjs', cjs: './cold-cjs.cjs' };

/**
 * @param {string} program
 * @returns {Promise<{ imported: number, done: number, exit: number }>} milliseconds since the process was started
 */
async function coldStart(program) {
  const start = process.hrtime.bigint();
  const { stdout } = await run(process.execPath, [fileURLToPath(new URL(program, import.meta.url))]);
  const exit = process.hrtime.bigint();
  const { imported, done } = JSON.parse(stdout);
  const since = (/** @type {bigint} */ time) => Number(time - start) / 1e6;
  return { imported: since(BigInt(imported)), done: since(BigInt(done)), exit: since(exit) };
}

/** @type {Record<string, Awaited<ReturnType<typeof coldStart>>[]>} */
const results = { floor: [], esm: [], cjs: [] };
// Once beforehand: files come into the cache of the system, and the launcher is compiled. A machine does that once.
for (const program of Object.values(PROGRAMS)) await coldStart(program);
for (let left = Number(process.argv[2]); left > 0; left--) {
  for (const [name, program] of Object.entries(PROGRAMS)) results[name]?.push(await coldStart(program));
}

/** @type {Record<string, number>} */
const medians = {};
for (const [name, runs] of Object.entries(results)) {
  medians[`${name}Imported`] = median(runs.map((r) => r.imported));
  medians[`${name}Done`] = median(runs.map((r) => r.done));
  medians[`${name}Exit`] = median(runs.map((r) => r.exit));
}
console.log(JSON.stringify(medians));
