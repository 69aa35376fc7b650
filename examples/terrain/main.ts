/**
 * Submits the terrain computation as jobs of several numbers of processes, shows how they get on, and compares what they
 * computed. Run it with --help for the options.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import * as saga from 'xosaga';

import { fourierNumber, YEAR } from './diffusion.js';
import { decode, type Grid, readSurvey, relief, SURVEY_FILE, volume } from './grid.js';
import { hillshade } from './hillshade.js';
import { HELP, type Options, parseOptions } from './options.js';
import { png } from './png.js';
import { Display } from './progress.js';
import { scenario } from './scenario.js';
import { rowsOf } from './strips.js';
import { resultFile, type Run, runWorkers } from './submit.js';

/** By how much of it rounding may change the volume. */
const VOLUME_TOLERANCE = 1e-10;

/** What is known after a run. */
interface Outcome {
  readonly processes: number;
  readonly final: Grid;
  readonly sha256: string;
  /** From submission to the end. */
  readonly seconds: number;
}

/** Submits, waits, and checks the result against the terrain at the start. */
async function compute(
  service: saga.JobService,
  run: Run,
  start: Grid,
  display: Display,
  signal: AbortSignal,
): Promise<Outcome> {
  const { processes } = run;
  display.line();
  display.line(processes === 1 ? '1 process' : `${processes} processes`);
  await mkdir(run.directory);
  const submitted = performance.now();
  const id = await runWorkers(service, run, display, signal);
  const seconds = (performance.now() - submitted) / 1000;

  const bytes = await readFile(resultFile(run));
  const final = { ...start, z: decode(bytes) };
  if (final.z.length !== start.z.length) throw new Error(`${resultFile(run)} has not the size of the grid`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const change = volumeChange(start, final);
  display.line(`  job       ${id}`);
  display.line(`  time      ${seconds.toFixed(2)} s`);
  display.line(`  volume    changed by ${change.toExponential(1)} of it, allowed ${VOLUME_TOLERANCE}`);
  display.line(`  sha256    ${sha256}`);
  if (!(change <= VOLUME_TOLERANCE)) throw new Error('the volume was not conserved');
  return { processes, final, sha256, seconds };
}

/** By which part of itself the volume changed. */
function volumeChange(before: Grid, after: Grid): number {
  // The difference of two sums would be lost in their rounding, the sum of the differences is not.
  const gained = before.z.map((value, i) => (after.z[i] ?? Number.NaN) - value);
  return Math.abs(volume({ ...before, z: gained })) / volume(before);
}

/** All of it; resolves to whether the results are identical. */
async function main(options: Options, display: Display, signal: AbortSignal): Promise<boolean> {
  const survey = readSurvey(SURVEY_FILE);
  const { grid, problem, steps } = scenario(survey, options.size, options.steps);
  const fourier = fourierNumber(problem);
  for (const processes of options.processes) rowsOf(0, processes, grid.rows); // throws when there are too many
  const years = problem.timeStep / YEAR;
  await using service = await saga.JobService.create(options.url, { signal });
  const results = await resultDirectory(options.out);
  display.line(survey.name);
  display.line(`  source    ${survey.source}`);
  display.line(`  grid      ${grid.rows} x ${grid.columns} cells of ${grid.spacing} m`);
  display.line(`  equation  dz/dt = K laplacian z, K = ${problem.diffusivity.toExponential(3)} m2/s`);
  display.line(
    `  time      ${steps} steps of ${years} years: ${steps * years} years; K dt / dx2 = ${fourier.toFixed(3)}`,
  );
  display.line(`  results   ${results}`);
  await picture(join(results, 'before.png'), grid);

  const args = ['--survey', SURVEY_FILE, '--size', options.size, '--steps', String(steps)];
  const outcomes: Outcome[] = [];
  for (const processes of options.processes) {
    const run = { processes, directory: join(results, `processes-${processes}`), args };
    outcomes.push(await compute(service, run, grid, display, signal));
  }

  const [first, ...others] = outcomes;
  if (!first) return false;
  await picture(join(results, 'after.png'), first.final);
  display.line();
  display.line(`relief      ${heights(grid)} before, ${heights(first.final)} after`);
  for (const { processes, seconds } of others) {
    display.line(`speed       ${(first.seconds / seconds).toFixed(2)} x with ${processes} processes`);
  }
  display.line(`pictures    ${join(results, 'before.png')}`);
  display.line(`            ${join(results, 'after.png')}`);
  const identical = others.every(({ sha256 }) => sha256 === first.sha256);
  display.line(identical ? `verdict: identical ${first.sha256}` : 'verdict: DIFFERENT');
  return identical;
}

/** The directory for the results. It must be empty: nothing of anybody's is overwritten. */
async function resultDirectory(out: string | undefined): Promise<string> {
  if (out === undefined) return mkdtemp(join(tmpdir(), 'xosaga-terrain-'));
  const directory = resolve(out);
  await mkdir(directory, { recursive: true });
  if ((await readdir(directory)).length > 0) throw new Error(`${directory} is not empty: choose another --out`);
  return directory;
}

async function picture(file: string, grid: Grid): Promise<void> {
  await writeFile(file, png(hillshade(grid), grid.columns, grid.rows));
}

function heights(grid: Grid): string {
  const { lowest, highest } = relief(grid);
  return `${lowest.toFixed(1)} to ${highest.toFixed(1)} m`;
}

const interrupted = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  // The second one ends this process at once, as it does without a listener.
  process.once(name, () => {
    interrupted.abort(new Error(name));
  });
}
const display = new Display(process.stdout);
try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) display.line(HELP);
  else process.exitCode = (await main(options, display, interrupted.signal)) ? 0 : 1;
} catch (error) {
  // getMessage() puts the category of a SAGA error before its message.
  const reason = saga.SagaException.is(error) ? error.getMessage() : (error as Error).message;
  console.error(`terrain: ${reason}`);
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}
