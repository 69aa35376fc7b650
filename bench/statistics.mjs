/** What is told of many measurements. */

/**
 * @param {readonly number[]} values
 * @param {number} part for example 0.95
 * @returns {number} the smallest value that is not exceeded by this part of all (nearest rank)
 */
export function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? NaN;
}

/**
 * @param {readonly number[]} values
 * @returns {number} the value in the middle; of an even number of values, between the two in the middle
 */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}
