import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { BadParameter } from '../../src/saga/core/exceptions.js';
import { type Falls, parseFalls, type Run, selectedBytes, selectedRuns } from '../../src/saga/file/falls.js';
import { rule } from '../support/rules.js';

/** The offsets of the selected bytes, straight from the definition. */
function naively({ from, to, stride, repetition, nested }: Falls): number[] {
  const offsets: number[] = [];
  for (let i = 0; i < repetition; i++) {
    const block: number[] = [];
    for (let at = from; at <= to; at++) block.push(at);
    const within = nested && new Set(naively(nested));
    offsets.push(...block.filter((at) => !within || within.has(at - from)).map((at) => at + i * stride));
  }
  return offsets;
}

function bytesIn(runs: Iterable<Run>): number[] {
  return [...runs].flatMap(({ offset, length }) => Array.from({ length }, (_, i) => offset + i));
}

function written({ from, to, stride, repetition, nested }: Falls): string {
  return `(${[from, to, stride, repetition].join(',')}${nested ? `,${written(nested)}` : ''})`;
}

/** A pattern that ends within `room` bytes. */
function fallsWithin(room: number, depth: number): fc.Arbitrary<Falls> {
  return fc
    .record({ length: fc.integer({ min: 1, max: room }), gap: fc.nat(7), wish: fc.integer({ min: 1, max: 6 }) })
    .chain(({ length, gap, wish }) => {
      const stride = length + gap;
      const repetition = Math.min(wish, 1 + Math.floor((room - length) / stride));
      const spare = room - (repetition - 1) * stride - length;
      const nested = depth > 0 ? fc.option(fallsWithin(length, depth - 1), { nil: undefined }) : fc.constant(undefined);
      return fc.tuple(fc.nat(spare), nested).map(([from, inner]) => ({
        from,
        to: from + length - 1,
        stride,
        repetition,
        ...(inner && { nested: inner }),
      }));
    });
}

describe('FALLS', () => {
  rule(269, 'a pattern selects the bytes that its definition names, in order, and selectedBytes counts them', () => {
    fc.assert(
      fc.property(fallsWithin(120, 3), fc.nat(1000), (falls, base) => {
        const offsets = naively(falls);
        expect(bytesIn(selectedRuns(falls))).toEqual(offsets);
        expect(bytesIn(selectedRuns(falls, base))).toEqual(offsets.map((at) => at + base));
        expect(selectedBytes(falls)).toBe(offsets.length);
      }),
    );
  });

  test('what was written is what was meant', () => {
    fc.assert(
      fc.property(fallsWithin(120, 3), fc.constantFrom('', ' ', '\t \n'), (falls, blank) => {
        expect(parseFalls(written(falls).replace(/[(),]/g, `${blank}$&${blank}`))).toEqual(falls);
      }),
    );
  });

  test('runs that touch are one', () => {
    fc.assert(
      fc.property(fallsWithin(120, 3), (falls) => {
        const runs = [...selectedRuns(falls)];
        for (const [i, run] of runs.entries()) {
          const before = runs[i - 1];
          expect(run.length).toBeGreaterThan(0);
          if (before) expect(run.offset).toBeGreaterThan(before.offset + before.length);
        }
      }),
    );
    expect([...selectedRuns(parseFalls('(4,7,4,1000000)'))]).toEqual([{ offset: 4, length: 4_000_000 }]);
    expect([...selectedRuns(parseFalls('(0,9,10,3,(0,4,5,2))'))]).toEqual([{ offset: 0, length: 30 }]);
  });

  rule(269, 'the blocks of 18 bytes, 36 apart, with every second byte of the first twelve', () => {
    const falls = parseFalls('(0,17,36,6,(0,0,2,6))');
    expect(selectedBytes(falls)).toBe(36);
    expect(bytesIn(selectedRuns(falls)).slice(0, 8)).toEqual([0, 2, 4, 6, 8, 10, 36, 38]);
  });

  test('a column of a matrix of 8-byte numbers beyond 4 GiB', () => {
    const falls = parseFalls('(6442450944,6442450951,80000,3)');
    expect([...selectedRuns(falls)].map(({ offset }) => offset)).toEqual([6442450944, 6442530944, 6442610944]);
  });

  test('the stride of a single block does not matter', () => {
    expect(selectedBytes(parseFalls('(5,14,0,1)'))).toBe(10);
  });

  rule(268, 'a bad pattern is BadParameter, and the message tells what is wrong', () => {
    const wrong: [string, string][] = [
      ['', "'(' is expected at its end"],
      ['0,1,2,3', "'(' is expected before '0'"],
      ['(0,1,2)', "',' is expected before ')'"],
      ['(0,1,2,3', "')' is expected at its end"],
      ['(0,1,2,3,)', "'(' is expected before ')'"],
      ['(0,1,2,3)(', "'(' follows its end"],
      ['(0,1,2,3,4)', "'(' is expected before '4'"],
      ['(a,1,2,3)', "'a' means nothing in it"],
      ['(-1,1,2,3)', "'-' means nothing in it"],
      ['(,1,2,3)', 'a number is expected for from'],
      ['(0,1,2,', 'a number is expected for repetition'],
      ['(5,4,9,1)', 'its blocks end (4) before they begin (5)'],
      ['(0,4,4,2)', 'blocks of 5 bytes overlap at a stride of 4'],
      ['(0,4,5,0)', 'a repetition of 0 selects nothing'],
      ['(0,4,5,1,(0,2,3,2))', 'a nested pattern of 6 bytes does not fit into a block of 5'],
      ['(0,9,10,1,(0,4,4,2))', 'blocks of 5 bytes overlap at a stride of 4'],
      ['(0,99999999999999999999,1,1)', 'to is too large'],
      ['(0,0,9007199254740991,3)', 'it reaches beyond the largest file'],
      [`${'(0,0,1,1,'.repeat(33)}(0,0,1,1)${')'.repeat(33)}`, 'it is nested more than 32 deep'],
    ];
    for (const [pattern, why] of wrong) {
      expect(() => parseFalls(pattern)).toThrow(BadParameter);
      expect(() => parseFalls(pattern)).toThrow(why);
    }
    expect(() => parseFalls('(0,1)')).toThrow('a pattern is (from,to,stride,repetition)');
    expect(() => parseFalls(5 as never)).toThrow('a pattern is text');
  });
});
