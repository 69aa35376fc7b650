/** The command line of the submitting side. */
import { parseArgs } from 'node:util';

import { parseCount, parseSize, type Size, SIZES } from './scenario.js';

export const HELP = `Smooths Maunga Whau, a volcanic cone in Auckland, by 20000 years of hillslope diffusion: the same
computation as jobs of several numbers of processes, and once more with the largest number as a job that is checkpointed in
the middle, killed and restarted. All results must be identical to the last bit.

usage: terrain [options] [URL]

  URL                 job service to submit to; default: this machine
  --processes N,M,..  numbers of processes to compare, at least two; default: 1,2
  --size SIZE         ${SIZES.join(' or ')}; default: full, 10 to 15 s of one core
  --steps N           number of time steps instead of that of the size
  --out DIR           a new or empty directory for the results; default: one under the system's temporary directory
  --help              this text

The last line is "verdict: identical <sha256>" (exit code 0) or "verdict: DIFFERENT" (exit code 1).`;

export interface Options {
  readonly help: boolean;
  /** Empty: this machine. */
  readonly url: string;
  readonly processes: readonly number[];
  readonly size: Size;
  /** Undefined: as the size has it. */
  readonly steps: number | undefined;
  /** Undefined: a fresh temporary directory. */
  readonly out: string | undefined;
}

/** Reads the command line; throws with what is wrong about it. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      processes: { type: 'string', default: '1,2' },
      size: { type: 'string', default: 'full' },
      steps: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (positionals.length > 1) throw new RangeError(`one URL is taken, not ${positionals.length}`);
  const processes = values.processes.split(',').map((text) => parseCount('--processes', text, 1));
  if (new Set(processes).size !== processes.length || processes.length < 2) {
    throw new RangeError(`--processes takes two or more different numbers to compare, not '${values.processes}'`);
  }
  return {
    help: values.help,
    url: positionals[0] ?? '',
    processes,
    size: parseSize(values.size),
    steps: values.steps === undefined ? undefined : parseCount('--steps', values.steps, 1),
    out: values.out,
  };
}
