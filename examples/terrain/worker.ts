/**
 * The scientific code: one of the processes that compute. It knows nothing of the machinery that starts it, but that its
 * rank and the number of processes are in the environment; without them it is the only one.
 */
import { rename, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

import { fourierNumber, Strip } from './diffusion.js';
import { encode, readSurvey, SURVEY_FILE } from './grid.js';
import { Halo } from './halo.js';
import { parseCount, parseSize, scenario } from './scenario.js';
import { diffuse, gather, rowsOf } from './strips.js';

/** How long a process waits for its neighbours: a busy scheduler may start them one after the other. */
const PATIENCE_SECONDS = 60;
/** How often progress is told in a run. */
const TELLINGS = 200;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      survey: { type: 'string', default: SURVEY_FILE },
      size: { type: 'string', default: 'full' },
      steps: { type: 'string' },
      sockets: { type: 'string', default: '.' },
      result: { type: 'string', default: 'final.f64' },
    },
  });
  const size = parseCount('XOSAGA_SIZE', process.env['XOSAGA_SIZE'] ?? '1', 1);
  const rank = parseCount('XOSAGA_RANK', process.env['XOSAGA_RANK'] ?? '0', 0);
  const given = values.steps === undefined ? undefined : parseCount('--steps', values.steps, 1);
  const { grid, problem, steps } = scenario(readSurvey(values.survey), parseSize(values.size), given);
  const { rows, columns } = grid;
  const fourier = fourierNumber(problem);

  const { first, end } = rowsOf(rank, size, rows);
  const strip = new Strip(grid.z.slice(first * columns, end * columns), columns);
  const halo = await Halo.open(
    { rank, size, columns, steps },
    { directory: values.sockets, patience: PATIENCE_SECONDS },
  );
  try {
    const every = Math.ceil(steps / TELLINGS);
    await diffuse(strip, halo, fourier, steps, (done) => {
      if (rank === 0 && (done % every === 0 || done === steps)) console.log(`progress ${done} ${steps}`);
    });
    const whole = await gather(strip, halo, rows - end);
    await halo.close();
    if (whole) await save(values.result, whole);
  } finally {
    halo.destroy();
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
