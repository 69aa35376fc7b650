/** Hillshade: how the terrain looks from above with the sun in one place, as maps show relief. */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- the loops stay inside the arrays */
import type { Grid } from './grid.js';

/** Towards the sun: in the upper left of the picture, as maps have it (northwest), 45 degrees above the horizon. */
const SUN = { right: -0.5, down: -0.5, up: Math.SQRT1_2 };

/**
 * The light that a matt surface reflects (Lambert's law), 0 black to 255 white, a byte a cell, row by row. Level ground is
 * 180. Slopes are taken by central differences, one-sided at the edges.
 */
export function hillshade(grid: Grid): Uint8Array {
  const { rows, columns, spacing, z } = grid;
  const shade = new Uint8Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    const above = Math.max(i - 1, 0);
    const below = Math.min(i + 1, rows - 1);
    for (let j = 0; j < columns; j++) {
      const left = Math.max(j - 1, 0);
      const right = Math.min(j + 1, columns - 1);
      const toRight = (z[i * columns + right]! - z[i * columns + left]!) / ((right - left) * spacing);
      const toBelow = (z[below * columns + j]! - z[above * columns + j]!) / ((below - above) * spacing);
      // The surface looks towards (-toRight, -toBelow, 1).
      const towardsSun = SUN.up - SUN.right * toRight - SUN.down * toBelow;
      const light = towardsSun / Math.sqrt(1 + toRight * toRight + toBelow * toBelow);
      shade[i * columns + j] = Math.round(255 * Math.max(0, light));
    }
  }
  return shade;
}
