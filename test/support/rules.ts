import { test } from '@jest/globals';

/**
 * A test of behavioural rules of the specification: jest's `test` with the number of the rule in its title, by which
 * `scripts/conformance.mjs` finds which rule is tested where. The numbers stand in `test/rules/*.json`.
 *
 * @param rules - The number of the rule, or the numbers of several that one test proves together.
 * @param title - What is proved, in a few words.
 * @param fn - The test.
 * @param timeout - Milliseconds, as for jest's `test`.
 */
export function rule(
  rules: number | readonly number[],
  title: string,
  fn: () => void | Promise<void>,
  timeout?: number,
): void {
  const numbers = typeof rules === 'number' ? [rules] : rules;
  test(`rule ${numbers.join(', ')}: ${title}`, fn, timeout);
}
