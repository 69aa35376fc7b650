/**
 * Submits the terrain computation as jobs of several numbers of processes, and once more as a job that is killed and started
 * again from a checkpoint; shows how they get on, and compares what they computed. Run it with --help for the options.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import * as saga from 'xosaga';

import { fourierNumber, YEAR } from './diffusion.js';
import { decode, type Grid, readSurvey, relief, SURVEY_FILE, volume } from './grid.js';
import { hillshade } from './hillshade.js';
import { type Interruption, runInterrupted } from './interrupted.js';
import { HELP, type Options, parseOptions } from './options.js';
import { png } from './png.js';
import { Display } from './progress.js';
import { scenario } from './scenario.js';
import { rowsOf } from './strips.js';
import { resultFile, type Run, runWorkers } from './submit.js';

/** By how much of it rounding may change the volume. */
const VOLUME_TOLERANCE = 1e-10;

/** What is known after a run. */
interface Outcome extends Result {
  readonly processes: number;
  /** From submission to the end. */
  readonly seconds: number;
}

/** Where the jobs are submitted, and how. */
interface Surroundings {
  readonly service: saga.JobService;
  /** Its jobs run under a checkpointer. */
  readonly cprService: saga.CPRJobService;
  /** The terrain at the start. */
  readonly start: Grid;
  readonly display: Display;
  readonly signal: AbortSignal;
}

/** Runs the job undisturbed. */
async function compute(run: Run, { service, start, display, signal }: Surroundings): Promise<Outcome> {
  const { processes } = run;
  display.line();
  display.line(countOf(processes));
  await mkdir(run.directory);
  const submitted = performance.now();
  const id = await runWorkers(service, run, display, signal);
  const seconds = (performance.now() - submitted) / 1000;
  display.line(`  job       ${id}`);
  display.line(`  time      ${seconds.toFixed(2)} s`);
  return { processes, seconds, ...(await readResult(run, start, display)) };
}

/** Runs the job, kills it, and starts it again from its checkpoint. */
async function interrupt(
  run: Run,
  { cprService, start, display, signal }: Surroundings,
): Promise<Interruption & Result> {
  display.line();
  display.line(`${countOf(run.processes)}, checkpointed, killed and restarted`);
  await mkdir(run.directory);
  const interruption = await runInterrupted(cprService, run, display, signal);
  display.line(`  job       ${interruption.id}`);
  return { ...interruption, ...(await readResult(run, start, display)) };
}

interface Result {
  readonly final: Grid;
  readonly sha256: string;
}

/** Reads the result and checks it against the terrain at the start. */
async function readResult(run: Run, start: Grid, display: Display): Promise<Result> {
  const bytes = await readFile(resultFile(run));
  const final = { ...start, z: decode(bytes) };
  if (final.z.length !== start.z.length) throw new Error(`${resultFile(run)} has not the size of the grid`);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const change = volumeChange(start, final);
  display.line(`  volume    changed by ${change.toExponential(1)} of it, allowed ${VOLUME_TOLERANCE}`);
  display.line(`  sha256    ${sha256}`);
  if (!(change <= VOLUME_TOLERANCE)) throw new Error('the volume was not conserved');
  return { final, sha256 };
}

function countOf(processes: number): string {
  return processes === 1 ? '1 process' : `${processes} processes`;
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
  // On a machine with fewer cores the processes take turns; a local service would else refuse what it has no slots for.
  const largest = Math.max(...options.processes);
  if (largest > availableParallelism()) process.env['XOSAGA_SLOTS'] ??= String(largest);
  await using service = await saga.JobService.create(options.url, { signal });
  await using cprService = await saga.CPRJobService.create(options.url, { signal });
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

  const args = ['--survey', SURVEY_FILE, '--size', options.size];
  const surroundings = { service, cprService, start: grid, display, signal };
  const outcomes: Outcome[] = [];
  for (const processes of options.processes) {
    const directory = join(results, `processes-${processes}`);
    outcomes.push(await compute({ processes, steps, directory, args }, surroundings));
  }
  const disturbed = await interrupt(
    { processes: largest, steps, directory: join(results, 'interrupted'), args },
    surroundings,
  );

  const [first, ...others] = outcomes;
  if (!first) return false;
  await picture(join(results, 'after.png'), first.final);
  display.line();
  display.line(`relief      ${heights(grid)} before, ${heights(first.final)} after`);
  for (const { processes, seconds } of others) {
    display.line(`speed       ${(first.seconds / seconds).toFixed(2)} x with ${processes} processes`);
  }
  const { killedAt, restartedFrom } = disturbed;
  display.line(`restart     killed after step ${killedAt}, went on from step ${restartedFrom} of ${steps}`);
  display.line(`pictures    ${join(results, 'before.png')}`);
  display.line(`            ${join(results, 'after.png')}`);
  const identical = [...others, disturbed].every(({ sha256 }) => sha256 === first.sha256);
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
