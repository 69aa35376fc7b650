/** Elevation grids: the survey as it was digitised, and the finer grid that is computed on. */
import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { fileURLToPath } from 'node:url';

/** A regular grid of elevations. */
export interface Grid {
  readonly rows: number;
  readonly columns: number;
  /** Distance between neighbouring points, in metres. */
  readonly spacing: number;
  /** Elevations in metres, row by row. */
  readonly z: Float64Array;
}

/** A grid with the words that go with the data. */
export interface Survey extends Grid {
  readonly name: string;
  readonly source: string;
}

/** The file that comes with the example; the build puts it beside the compiled program, too. */
export const SURVEY_FILE: string = fileURLToPath(new URL('./maunga-whau.json', import.meta.url));

/** Reads a survey and checks it. */
export function readSurvey(file: string): Survey {
  const { name, source, rows, columns, cellSizeMetres, elevation } = JSON.parse(readFileSync(file, 'utf8')) as {
    name: string;
    source: string;
    rows: number;
    columns: number;
    cellSizeMetres: number;
    elevation: number[];
  };
  const z = Float64Array.from(elevation);
  if (z.length !== rows * columns || !(cellSizeMetres > 0) || !z.every((value) => Number.isFinite(value))) {
    throw new Error(`${file} is not a survey of ${rows} x ${columns} elevations`);
  }
  return { name, source, rows, columns, spacing: cellSizeMetres, z };
}

/**
 * Puts `factor - 1` points between any two points of the grid, on Catmull-Rom cubics, first along the rows, then along
 * the columns. The given points keep their values to the last bit, and the same grid comes out on every machine:
 * nothing but IEEE additions and products, in one order.
 */
export function refine(grid: Grid, factor: number): Grid {
  const { rows, columns } = grid;
  if (!Number.isInteger(factor) || factor < 1) throw new RangeError(`factor is a positive integer, not ${factor}`);
  if (rows < 2 || columns < 2) throw new RangeError('a grid of at least 2 x 2 points is needed');
  const fineRows = (rows - 1) * factor + 1;
  const fineColumns = (columns - 1) * factor + 1;

  const wide = new Float64Array(rows * fineColumns);
  for (let row = 0; row < rows; row++) {
    refineLine(grid.z, row * columns, 1, columns, wide, row * fineColumns, 1, factor);
  }
  const z = new Float64Array(fineRows * fineColumns);
  for (let column = 0; column < fineColumns; column++) {
    refineLine(wide, column, fineColumns, rows, z, column, fineColumns, factor);
  }
  return { rows: fineRows, columns: fineColumns, spacing: grid.spacing / factor, z };
}

/** Refines `count` values of `from`, `step` apart, into `to`. */
function refineLine(
  from: Float64Array,
  fromStart: number,
  fromStep: number,
  count: number,
  to: Float64Array,
  toStart: number,
  toStep: number,
  factor: number,
): void {
  const at = (i: number): number => from[fromStart + i * fromStep] ?? Number.NaN;
  // Beyond an end the line goes on straight.
  const point = (i: number): number =>
    i < 0 ? 2 * at(0) - at(1) : i >= count ? 2 * at(count - 1) - at(count - 2) : at(i);
  for (let i = 0; i < count - 1; i++) {
    const p0 = point(i - 1);
    const p1 = point(i);
    const p2 = point(i + 1);
    const p3 = point(i + 2);
    for (let k = 0; k < factor; k++) {
      const t = k / factor;
      const cubic = 3 * (p1 - p2) + (p3 - p0);
      const square = 2 * p0 - 5 * p1 + 4 * p2 - p3;
      to[toStart + (i * factor + k) * toStep] = p1 + 0.5 * t * (p2 - p0 + t * (square + t * cubic));
    }
  }
  to[toStart + (count - 1) * factor * toStep] = at(count - 1);
}

/** The volume between the terrain and sea level, in cubic metres, summed with compensation (Neumaier). */
export function volume(grid: Grid): number {
  let sum = 0;
  let lost = 0;
  for (const value of grid.z) {
    const next = sum + value;
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
    sum = next;
  }
  return (sum + lost) * grid.spacing * grid.spacing;
}

/** Lowest and highest elevation, in metres. */
export function relief(grid: Grid): { lowest: number; highest: number } {
  let lowest = Infinity;
  let highest = -Infinity;
  for (const value of grid.z) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return { lowest, highest };
}

/** The elevations as little-endian float64, row-major: the form in which results are kept and compared. */
export function encode(z: Float64Array): Buffer {
  const bytes = Buffer.from(z.slice().buffer);
  return endianness() === 'LE' ? bytes : bytes.swap64();
}

/** The inverse of `encode`. */
export function decode(bytes: Uint8Array): Float64Array {
  const copy = Buffer.from(new Uint8Array(bytes).buffer);
  if (endianness() === 'BE') copy.swap64();
  return new Float64Array(copy.buffer, copy.byteOffset, copy.byteLength / Float64Array.BYTES_PER_ELEMENT);
}
