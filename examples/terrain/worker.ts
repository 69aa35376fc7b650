/**
 * The scientific code: one of the processes that compute. Of the machinery that starts it, it knows that its rank and the
 * number of processes are in the environment; without them it is the only one. It can be checkpointed, when it is started
 * as part of a checkpointable job; otherwise it runs just the same.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';

import { checkpointing } from 'xosaga/callbacks';

import { Computation } from './computation.js';
import { fourierNumber, Strip } from './diffusion.js';
import { encode, readSurvey, SURVEY_FILE } from './grid.js';
import { Halo } from './halo.js';
import { parseCount, parseSize, scenario } from './scenario.js';
import { gather, rowsOf } from './strips.js';

/** How long a process waits for its neighbours: a busy scheduler may start them one after the other. */
const PATIENCE_SECONDS = 60;
/** How often progress is told in a run. */
const TELLINGS = 200;
/** How long a process waits at the step of `--linger`. */
const LINGER_MS = 60_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      survey: { type: 'string', default: SURVEY_FILE },
      size: { type: 'string', default: 'full' },
      steps: { type: 'string' },
      sockets: { type: 'string', default: 'sockets' },
      result: { type: 'string', default: 'final.f64' },
      // A computation that is to be interrupted must not be over before: the first time it waits at this step, for a minute.
      linger: { type: 'string' },
    },
  });
  const size = parseCount('XOSAGA_SIZE', process.env['XOSAGA_SIZE'] ?? '1', 1);
  const rank = parseCount('XOSAGA_RANK', process.env['XOSAGA_RANK'] ?? '0', 0);
  const given = values.steps === undefined ? undefined : parseCount('--steps', values.steps, 1);
  const linger = values.linger === undefined ? undefined : parseCount('--linger', values.linger, 1);
  const { grid, problem, steps } = scenario(readSurvey(values.survey), parseSize(values.size), given);
  const { rows, columns } = grid;

  const { first, end } = rowsOf(rank, size, rows);
  const strip = new Strip(grid.z.slice(first * columns, end * columns), columns);
  await mkdir(values.sockets, { recursive: true, mode: 0o700 });
  const halo = new Halo({ rank, size, columns, directory: values.sockets, patience: PATIENCE_SECONDS });
  const computation = new Computation(strip, halo, fourierNumber(problem), steps);
  checkpointing.register(computation);
  try {
    // All that has a state is there: in a restarted job each gets the one of the checkpoint.
    const restarted = await checkpointing.ready();
    if (restarted && rank === 0) console.log(`restarted ${computation.done} ${steps}`);
    await halo.open();

    const every = Math.ceil(steps / TELLINGS);
    await computation.run(async (done) => {
      if (rank === 0 && (done % every === 0 || done === steps)) console.log(`progress ${done} ${steps}`);
      if (done === linger && checkpointing.incarnation === 0) await delay(LINGER_MS);
    });
    const whole = await gather(strip, halo, rows - end);
    await halo.close();
    if (whole) await save(values.result, whole);
  } finally {
    await halo.abandon();
  }
}

/** The file gets its name when it is complete. */
async function save(file: string, z: Float64Array): Promise<void> {
  await writeFile(`${file}.part`, encode(z));
  await rename(`${file}.part`, file);
}

try {
  await main();
} catch (error) {
  console.error(`process ${process.env['XOSAGA_RANK'] ?? '0'}: ${(error as Error).message}`);
  process.exitCode = 1;
}
