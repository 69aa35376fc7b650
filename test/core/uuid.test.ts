import { describe, expect, test } from '@jest/globals';

import { BadParameter } from '../../src/saga/core/exceptions.js';
import { UUID } from '../../src/saga/core/uuid.js';

const LOW = '00000000-0000-4000-8000-00000000000a';
const HIGH = 'ffffffff-ffff-4fff-bfff-ffffffffffff';

describe('UUID', () => {
  test('a new one is random', () => {
    const [one, other] = [new UUID(), new UUID()];
    expect(one.toString()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(one.toString()).not.toBe(other.toString());
    expect(one.compare(other)).not.toBe(0);
  });

  test('of text is canonical', () => {
    expect(new UUID(LOW.toUpperCase()).toString()).toBe(LOW);
    expect(JSON.stringify(new UUID(LOW))).toBe(`"${LOW}"`);
  });

  test('compares as text', () => {
    expect(new UUID(LOW).compare(new UUID(LOW.toUpperCase()))).toBe(0);
    expect(new UUID(LOW).compare(new UUID(HIGH))).toBeLessThan(0);
    expect(new UUID(HIGH).compare(new UUID(LOW))).toBeGreaterThan(0);
  });

  test.each(['', 'x', LOW.slice(1), `${LOW} `, LOW.replace('a', 'g')])('%j is none', (text) => {
    expect(() => new UUID(text)).toThrow(BadParameter);
    expect(() => new UUID(text)).toThrow('is not a UUID; write it like 123e4567');
  });
});
