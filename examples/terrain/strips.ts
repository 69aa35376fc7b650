/**
 * One grid on several processes: each has a strip of consecutive rows, and before every step neighbours give each other
 * the rows at which their strips meet (the halo).
 */
import type { Strip } from './diffusion.js';

/** The way to one neighbouring strip: rows arrive in the order in which they were sent. */
export interface Neighbour {
  /** Sends a row; it may be overwritten when the promise resolves. */
  send(row: Float64Array): Promise<void>;
  /** Waits for the next row. */
  receive(into: Float64Array): Promise<void>;
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

/** Does `steps` time steps on a strip; `onStep` hears the number of steps done. */
export async function diffuse(
  strip: Strip,
  { above, below }: Neighbours,
  fourier: number,
  steps: number,
  onStep: (done: number) => void = () => undefined,
): Promise<void> {
  const haloAbove = above && new Float64Array(strip.columns);
  const haloBelow = below && new Float64Array(strip.columns);
  const first = strip.row(0);
  const last = strip.row(strip.rows - 1);
  for (let done = 1; done <= steps; done++) {
    // All at once: a neighbour that sends before it receives must not have to wait for us to do the opposite.
    const exchange: Promise<void>[] = [];
    if (above && haloAbove) exchange.push(above.send(first), above.receive(haloAbove));
    if (below && haloBelow) exchange.push(below.send(last), below.receive(haloBelow));
    if (exchange.length > 0) await Promise.all(exchange);
    strip.step(fourier, haloAbove, haloBelow);
    onStep(done);
  }
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
    const row = new Float64Array(columns);
    for (let i = 0; i < rest; i++) {
      await below?.receive(row);
      await above.send(row);
    }
    return undefined;
  }
  const whole = new Float64Array((rows + rest) * columns);
  whole.set(strip.z);
  for (let i = rows; i < rows + rest; i++) await below?.receive(whole.subarray(i * columns, (i + 1) * columns));
  return whole;
}
