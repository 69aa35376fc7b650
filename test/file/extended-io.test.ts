import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { BadParameter } from '../../src/saga/core/exceptions.js';
import { extendedModes, parseExtended } from '../../src/saga/file/extended-io.js';
import { rule } from '../support/rules.js';

function offsets(emode: string, spec: string): number[] {
  const extended = parseExtended(emode, spec);
  if (extended.kind !== 'selection') throw new Error('no selection');
  return [...extended.runs()].flatMap(({ offset, length }) => Array.from({ length }, (_, i) => offset + i));
}

/** An array with a part of it. */
const PARTS = fc.record({
  element: fc.integer({ min: 1, max: 4 }),
  dimensions: fc.array(
    fc
      .integer({ min: 1, max: 5 })
      .chain((extent) =>
        fc
          .integer({ min: 0, max: extent - 1 })
          .chain((start) => fc.integer({ min: 1, max: extent - start }).map((count) => ({ extent, start, count }))),
      ),
    { minLength: 1, maxLength: 4 },
  ),
});

describe('the modes of extended I/O', () => {
  test('they have names', () => {
    expect(extendedModes()).toEqual(['partial', 'subarray', 'digest']);
  });

  test('partial is a range', () => {
    expect(parseExtended('partial', '5000000000,16').size).toBe(16);
    expect(offsets('partial', ' 7 , 3 ')).toEqual([7, 8, 9]);
    expect(offsets('partial', '7,0')).toEqual([]);
  });

  test('subarray selects the elements whose indices are in range', () => {
    fc.assert(
      fc.property(PARTS, ({ element, dimensions }) => {
        const join = (key: 'extent' | 'start' | 'count') => dimensions.map((d) => d[key]).join('x');
        const spec = [element, join('extent'), join('start'), join('count')].join(';');
        // The index of every element of the array, counted as an odometer counts.
        const all = dimensions.reduce((product, { extent }) => product * extent, 1);
        const expected: number[] = [];
        for (let n = 0; n < all; n++) {
          let rest = n;
          const inside = dimensions
            .toReversed()
            .map(({ extent, start, count }) => {
              const index = rest % extent;
              rest = Math.floor(rest / extent);
              return index >= start && index < start + count;
            })
            .every(Boolean);
          if (inside) for (let byte = 0; byte < element; byte++) expected.push(n * element + byte);
        }
        expect(offsets('subarray', spec)).toEqual(expected);
        expect(parseExtended('subarray', spec).size).toBe(expected.length);
      }),
    );
  });

  test('digest is of a known size', () => {
    expect(parseExtended('digest', 'sha256')).toMatchObject({ size: 32, offset: 0, length: Infinity });
    expect(parseExtended('digest', 'md5,10,20')).toMatchObject({ size: 16, offset: 10, length: 20 });
  });

  rule(268, 'an unknown mode and a bad specification are BadParameter, and the message tells the form', () => {
    const wrong: [string, string, string][] = [
      ['gzip', '', "there is no mode 'gzip' of extended I/O; the modes are partial, subarray, digest"],
      ['toString', '', "there is no mode 'toString'"],
      ['partial', '', "'' is no number of bytes or elements; give OFFSET,LENGTH"],
      ['partial', '1', 'it has two numbers'],
      ['partial', '1,2,3', 'it has two numbers'],
      ['partial', '-1,2', "'-1' is no number"],
      ['partial', '1e3,2', "'1e3' is no number"],
      ['partial', '9007199254740991,9007199254740991', 'it reaches beyond the largest file'],
      ['digest', 'rot13', "'rot13' is no known algorithm"],
      ['digest', 'md5,1', 'a range has two numbers'],
      ['subarray', '8;10', 'it has four fields'],
      ['subarray', '0;10;0;1', 'ELEMENT is the size of one element'],
      ['subarray', '1x1;10;0;1', 'ELEMENT is the size of one element'],
      ['subarray', '1;10;0x0;1', 'as many numbers as there are dimensions'],
      ['subarray', '1;10;5;6', 'dimension 1 ends at 10'],
      ['subarray', '1;10;5;0', 'COUNT has no zeros'],
      ['subarray', '8;9007199254740991;0;1', 'it reaches beyond the largest file'],
      ['subarray', `1;${Array(33).fill(1).join('x')};0;1`, 'more than 32 dimensions'],
    ];
    for (const [emode, spec, why] of wrong) {
      expect(() => parseExtended(emode, spec)).toThrow(BadParameter);
      expect(() => parseExtended(emode, spec)).toThrow(why);
    }
    expect(() => parseExtended('partial', undefined as never)).toThrow(BadParameter);
  });
});
