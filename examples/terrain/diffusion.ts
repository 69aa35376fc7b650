/**
 * Hillslope diffusion: soil creeps downhill at a rate proportional to the slope, and the terrain follows
 *
 *     dz/dt = K laplacian z        z elevation (m), K diffusivity (m2/s), t time (s)
 *
 * (Culling 1960). Explicit in time, finite volumes in space: every cell keeps account of what crosses its four faces, and
 * each face is computed once for both of its cells. What one cell loses its neighbour gains, so the volume
 * stays; the outer faces are closed.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- the loops stay inside the arrays; a check a cell would
   cost as much as the physics */

/** A Julian year, in seconds. */
export const YEAR = 365.25 * 86_400;

/** What there is to be computed, in SI units. */
export interface Problem {
  /** Diffusivity K, in m2/s. */
  readonly diffusivity: number;
  /** Width of a cell, in m. */
  readonly spacing: number;
  /** Length of a time step, in s. */
  readonly timeStep: number;
}

/** The largest Fourier number K dt / dx2 with which the explicit scheme is stable in two dimensions. */
export const STABLE = 0.25;

/**
 * The Fourier number K dt / dx2: the part of a difference in elevation that crosses a face in one step.
 * @throws RangeError when steps of that length would blow up.
 */
export function fourierNumber({ diffusivity, spacing, timeStep }: Problem): number {
  const fourier = (diffusivity * timeStep) / (spacing * spacing);
  if (!(fourier > 0 && fourier <= STABLE)) {
    const longest = (STABLE * spacing * spacing) / diffusivity / YEAR;
    throw new RangeError(
      `a time step of ${timeStep / YEAR} years is not stable: it must be above 0 and at most ${longest.toPrecision(4)}`,
    );
  }
  return fourier;
}

/** Consecutive rows of a grid: all of it, or the part of one process. */
export class Strip {
  readonly rows: number;
  readonly #crossed: Float64Array;

  /** The strip works on `z`, row by row, in place. */
  constructor(
    readonly z: Float64Array,
    readonly columns: number,
  ) {
    this.rows = z.length / columns;
    if (!Number.isInteger(this.rows) || this.rows < 1) {
      throw new RangeError(`${z.length} elevations do not make rows of ${columns}`);
    }
    this.#crossed = new Float64Array(columns);
  }

  /** A view of one row. */
  row(index: number): Float64Array {
    return this.z.subarray(index * this.columns, (index + 1) * this.columns);
  }

  /**
   * One time step. `above` and `below` are the neighbouring rows of other strips as they were before the step; undefined
   * where the grid ends.
   *
   * A face between two strips is computed on both sides, from the same numbers in the same order: the result does not
   * depend on how the grid is cut, to the last bit.
   */
  step(fourier: number, above: Float64Array | undefined, below: Float64Array | undefined): void {
    const { z, columns, rows } = this;
    // What crosses the upper faces of the row at hand. It was computed with the row before, whose elevations are new by now.
    const crossed = this.#crossed;
    if (above) for (let j = 0; j < columns; j++) crossed[j] = fourier * (above[j]! - z[j]!);
    else crossed.fill(0);

    for (let i = 0; i < rows - 1; i++) stepRow(z, i * columns, columns, z, (i + 1) * columns, crossed, fourier);
    const last = (rows - 1) * columns;
    if (below) stepRow(z, last, columns, below, 0, crossed, fourier);
    // Nothing crosses a closed face, as between a cell and itself.
    else stepRow(z, last, columns, z, last, crossed, fourier);
  }
}

/**
 * Steps the row at `start`, with the row below it at `next` of `under`. `crossed` holds what comes in through the upper
 * faces and gets what goes out through the lower ones.
 */
function stepRow(
  z: Float64Array,
  start: number,
  columns: number,
  under: Float64Array,
  next: number,
  crossed: Float64Array,
  fourier: number,
): void {
  let here = z[start]!;
  let fromLeft = 0;
  for (let j = 0; j < columns - 1; j++) {
    const right = z[start + j + 1]!;
    const toRight = fourier * (here - right);
    const toBelow = fourier * (here - under[next + j]!);
    z[start + j] = here + (fromLeft - toRight + (crossed[j]! - toBelow));
    crossed[j] = toBelow;
    fromLeft = toRight;
    here = right;
  }
  const j = columns - 1;
  const toBelow = fourier * (here - under[next + j]!);
  z[start + j] = here + (fromLeft + (crossed[j]! - toBelow));
  crossed[j] = toBelow;
}
