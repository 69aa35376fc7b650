/** From what the rounds gave to what is told: medians, comparisons, and whether a goal is met. */
import { median } from './statistics.mjs';

/**
 * @typedef {object} Result
 * @property {string} what
 * @property {string} unit
 * @property {number} value median of the rounds
 * @property {number} [base] median of the rounds
 * @property {number} [comparison] median of the comparisons within each round, which a change of the machine's speed between
 * rounds does not touch
 * @property {'ratio' | 'difference'} [compare]
 * @property {import('./figures.mjs').Goal} [goal]
 * @property {boolean} [met]
 */

/**
 * @param {import('./figures.mjs').Row} row
 * @param {readonly import('./rounds.mjs').Round[]} rounds
 * @returns {Result}
 */
export function resultOf({ what, unit, value, base, compare, goal }, rounds) {
  const values = rounds.map((round) => numberIn(round, value));
  /** @type {Result} */
  const result = { what, unit, value: median(values) };
  if (base) {
    const bases = rounds.map((round) => numberIn(round, base));
    result.base = median(bases);
    if (compare) {
      result.compare = compare;
      result.comparison = median(
        values.map((v, i) => (compare === 'ratio' ? v / (bases[i] ?? NaN) : v - (bases[i] ?? NaN))),
      );
    }
  }
  const reached = goal?.of === 'value' ? result.value : result.comparison;
  if (!goal || reached === undefined) return result;
  return { ...result, goal, met: goal.at === 'least' ? reached >= goal.limit : reached <= goal.limit };
}

/**
 * @param {import('./rounds.mjs').Round} round
 * @param {[probe: string, number: string]} place
 * @returns {number}
 */
function numberIn(round, [probe, number]) {
  const found = round[probe]?.[number];
  if (found === undefined) throw new Error(`the probe '${probe}' gave no '${number}'`);
  return found;
}
