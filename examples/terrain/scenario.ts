/** What is computed: how fine, how long, with which diffusivity. The submitting side and the workers agree on it by name. */
import { type Problem, YEAR } from './diffusion.js';
import { type Grid, refine, type Survey } from './grid.js';

/** K, in m2/s: 0.005 m2 a year, within what is measured on soil-mantled slopes (0.001 to 0.01 m2 a year). */
const DIFFUSIVITY = 0.005 / YEAR;

const SCENARIOS = {
  /** Half a metre a cell, 10 to 15 s of one core. */
  full: { refinement: 20, timeStep: 10 * YEAR, steps: 2000 },
  /** Five metres a cell, a fraction of a second: for tests and a first look. */
  small: { refinement: 2, timeStep: 200 * YEAR, steps: 100 },
} as const;

export type Size = keyof typeof SCENARIOS;
export const SIZES = Object.keys(SCENARIOS) as readonly Size[];

export interface Scenario {
  /** The terrain at the start. */
  readonly grid: Grid;
  readonly problem: Problem;
  readonly steps: number;
}

/** The scenario of that name on the survey; `steps` replaces the number of time steps. */
export function scenario(survey: Survey, size: Size, steps: number = SCENARIOS[size].steps): Scenario {
  const { refinement, timeStep } = SCENARIOS[size];
  const grid = refine(survey, refinement);
  return { grid, problem: { diffusivity: DIFFUSIVITY, spacing: grid.spacing, timeStep }, steps };
}

/** The size of that name. */
export function parseSize(name: string): Size {
  const size = SIZES.find((known) => known === name);
  if (size === undefined) throw new RangeError(`size is one of ${SIZES.join(', ')}, not '${name}'`);
  return size;
}

/** A whole number of at least `least`. */
export function parseCount(what: string, text: string, least: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= least)) throw new RangeError(`${what} is a whole number from ${least} on, not '${text}'`);
  return count;
}
