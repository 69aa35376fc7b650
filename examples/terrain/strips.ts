/**
 * One grid on several processes: each has a strip of consecutive rows, and before every step neighbours give each other
 * the rows at which their strips meet (the halo).
 */
import type { Strip } from './diffusion.js';

/** The way to one neighbouring strip: rows arrive in the order in which they were sent. */
export interface Neighbour {
  /** Sends a copy of the row, as it is now; resolves when there is room for the next one. */
  send(row: Float64Array): Promise<void>;
  /** Waits for the next row. */
  receive(): Promise<Float64Array>;
}

/** The strips before and after; undefined at the ends of the grid. */
export interface Neighbours {
  readonly above: Neighbour | undefined;
  readonly below: Neighbour | undefined;
}

/** The rows of process `rank` of `size`: `first` up to, but not including, `end`. Sizes differ by one row at most. */
export function rowsOf(rank: number, size: number, rows: number): { first: number; end: number } {
  if (!(size >= 1 && size <= rows)) {
    throw new RangeError(`${rows} rows can be split over 1 to ${rows} processes, not ${size}`);
  }
  return { first: Math.floor((rank * rows) / size), end: Math.floor(((rank + 1) * rows) / size) };
}

/**
 * Brings all strips to the process that has the first one: every process sends its rows upwards and then passes on what comes
 * from below. Resolves to the whole grid there and to undefined elsewhere.
 * @param rest how many rows of the grid lie below this strip
 */
export async function gather(
  strip: Strip,
  { above, below }: Neighbours,
  rest: number,
): Promise<Float64Array | undefined> {
  const { columns, rows } = strip;
  if (above) {
    for (let i = 0; i < rows; i++) await above.send(strip.row(i));
    for (let i = 0; below && i < rest; i++) await above.send(await below.receive());
    return undefined;
  }
  const whole = new Float64Array((rows + rest) * columns);
  whole.set(strip.z);
  for (let i = rows; below && i < rows + rest; i++) whole.set(await below.receive(), i * columns);
  return whole;
}
