/** Runs the probes of a figure: round after round, each in a process of its own, on state of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * What one round gave: by probe, its numbers.
 * @typedef {Record<string, Record<string, number>>} Round
 */

/** The first job under a new XOSAGA_HOME, which compiles the launcher; no other figure is to pay for that. */
const FRESH = { name: 'fresh', command: ['latency.mjs', 'jobs', '0'] };

/**
 * @param {import('./figures.mjs').Figure} figure
 * @param {number} rounds
 * @param {string} directory below which each round gets an XOSAGA_HOME
 * @returns {Promise<Round[]>}
 */
export async function measure(figure, rounds, directory) {
  const results = [];
  for (let round = 0; round < rounds; round++) {
    const home = await mkdtemp(join(directory, 'xosaga-bench-'));
    try {
      // Forwards and backwards in turn: a machine that becomes slower or faster favours none.
      const probes = round % 2 === 0 ? figure.probes : [...figure.probes].reverse();
      /** @type {Round} */
      const result = {};
      for (const probe of [FRESH, ...probes]) result[probe.name] = await runProbe(probe, home);
      results.push(result);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  }
  return results;
}

/**
 * @param {import('./figures.mjs').Probe} probe
 * @param {string} home
 * @returns {Promise<Record<string, number>>}
 */
async function runProbe({ command: [script = '', ...args], flags = [], launcher = 'native' }, home) {
  const environment = { ...process.env, XOSAGA_HOME: home, XOSAGA_LAUNCHER: launcher };
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await run(process.execPath, [...flags, path, ...args], { env: environment });
  return JSON.parse(stdout);
}
