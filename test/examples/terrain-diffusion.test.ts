import { describe, expect, test } from '@jest/globals';

import { fourierNumber, STABLE, Strip, YEAR } from '../../examples/terrain/diffusion.js';
import { volume } from '../../examples/terrain/grid.js';

/** The textbook form: the laplacian of a cell from its neighbours, mirrored at the edges. */
function naiveStep(z: Float64Array, rows: number, columns: number, fourier: number): Float64Array {
  const at = (i: number, j: number) =>
    z[Math.min(Math.max(i, 0), rows - 1) * columns + Math.min(Math.max(j, 0), columns - 1)]!;
  return z.map((here, k) => {
    const i = Math.floor(k / columns);
    const j = k % columns;
    return here + fourier * (at(i - 1, j) + at(i + 1, j) + at(i, j - 1) + at(i, j + 1) - 4 * here);
  });
}

/** Hills that are the same on every run. */
function hills(rows: number, columns: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, k) => 100 + ((k * 7919) % 101) / 7);
}

function diffused(z: Float64Array, columns: number, fourier: number, steps: number): Float64Array {
  const strip = new Strip(z.slice(), columns);
  for (let i = 0; i < steps; i++) strip.step(fourier, undefined, undefined);
  return strip.z;
}

function transposed(z: Float64Array, columns: number): Float64Array {
  const rows = z.length / columns;
  return z.map((_, k) => z[(k % rows) * columns + Math.floor(k / rows)]!);
}

describe('one strip', () => {
  test.each([
    [13, 17],
    [1, 9],
    [9, 1],
    [2, 2],
  ])('a grid of %d x %d follows the textbook form', (rows, columns) => {
    let expected = hills(rows, columns);
    const strip = new Strip(expected.slice(), columns);
    for (let i = 0; i < 25; i++) {
      expected = naiveStep(expected, rows, columns, 0.2);
      strip.step(0.2, undefined, undefined);
    }
    const worst = Math.max(...strip.z.map((value, k) => Math.abs(value - expected[k]!)));
    expect(worst).toBeLessThan(1e-11);
    expect(strip.z).not.toEqual(hills(rows, columns));
  });

  test('the volume stays exactly where the arithmetic is exact', () => {
    // Whole numbers and a quarter: ten steps need 20 bits behind the point, and nothing is rounded.
    const z = Float64Array.from({ length: 12 * 10 }, (_, k) => (k * 37) % 64);
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
    expect(sum(diffused(z, 10, 0.25, 10))).toBe(sum(z));
  });

  test('rounding changes the volume by less than 1e-13 of it', () => {
    const z = hills(40, 50);
    const before = volume({ rows: 40, columns: 50, spacing: 2, z });
    const after = volume({ rows: 40, columns: 50, spacing: 2, z: diffused(z, 50, 0.2, 500) });
    expect(Math.abs(after / before - 1)).toBeLessThan(1e-13);
  });

  test('mirrored and turned terrain gives the mirrored and turned result, to the last bit', () => {
    const columns = 11;
    const z = hills(8, columns);
    const result = diffused(z, columns, 0.19, 30);
    expect(diffused(z.slice().reverse(), columns, 0.19, 30)).toEqual(result.slice().reverse());
    expect(diffused(transposed(z, columns), 8, 0.19, 30)).toEqual(transposed(result, columns));
  });

  test('a wave along the rows decays as the theory of the scheme has it', () => {
    const columns = 32;
    const wave = (j: number) => Math.cos((Math.PI * (j + 0.5)) / columns);
    const z = Float64Array.from({ length: 3 * columns }, (_, k) => wave(k % columns));
    const decay = (1 - 4 * 0.2 * Math.sin(Math.PI / (2 * columns)) ** 2) ** 200;
    const result = diffused(z, columns, 0.2, 200);
    expect(Math.max(...result.map((value, k) => Math.abs(value - decay * z[k]!)))).toBeLessThan(1e-13);
    expect(decay).toBeLessThan(0.8);
  });

  test('level ground stays level, and nothing gets higher than it was', () => {
    expect(diffused(new Float64Array(20).fill(7.3), 5, 0.25, 10)).toEqual(new Float64Array(20).fill(7.3));
    const z = hills(9, 9);
    expect(Math.max(...diffused(z, 9, STABLE, 10))).toBeLessThanOrEqual(Math.max(...z));
  });

  test('elevations that make no whole rows are refused', () => {
    expect(() => new Strip(new Float64Array(7), 3)).toThrow('7 elevations do not make rows of 3');
    expect(() => new Strip(new Float64Array(0), 3)).toThrow('0 elevations do not make rows of 3');
  });
});

describe('the Fourier number', () => {
  const problem = { diffusivity: 0.01 / YEAR, spacing: 2, timeStep: 50 * YEAR };

  test('is K dt / dx2', () => {
    expect(fourierNumber(problem)).toBeCloseTo(0.125, 12);
  });

  test('a step that would blow up is refused with the longest that would not', () => {
    expect(() => fourierNumber({ ...problem, timeStep: 101 * YEAR })).toThrow('at most 100.0');
    expect(() => fourierNumber({ ...problem, timeStep: 0 })).toThrow('not stable');
    expect(() => fourierNumber({ ...problem, timeStep: Number.NaN })).toThrow(RangeError);
  });
});
