import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';

import { splitCommandLine } from '../../src/saga/job/command-line.js';

describe('splitCommandLine', () => {
  test.each([
    ['', []],
    ['  a  b\tc\n', ['a', 'b', 'c']],
    [`'a b' "c d" e\\ f`, ['a b', 'c d', 'e f']],
    [`'' ""`, ['', '']],
    [`a'b'"c"d`, ['abcd']],
    [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
    [`'a\\'`, ['a\\']],
    ['a\\\nb', ['ab']],
    ['$HOME *.c ~ `id` > f', ['$HOME', '*.c', '~', '`id`', '>', 'f']],
  ])('%j', (line, words) => {
    expect(splitCommandLine(line)).toEqual(words);
  });

  test.each(["'a", '"a', '"a\\"', 'a\\'])('%j is refused', (line) => {
    expect(() => splitCommandLine(line)).toThrow(/not closed|ends with a backslash/);
  });

  test('words quoted in any way that sh understands come back', () => {
    const word = fc.string({
      unit: fc.constantFrom('a', ' ', "'", '"', '\\', '\n', '$', '*', '`', '\t'),
      maxLength: 8,
    });
    const single = (s: string): string => `'${s.replaceAll("'", String.raw`'\''`)}'`;
    const double = (s: string): string => `"${s.replaceAll(/[$`"\\]/g, String.raw`\$&`)}"`;
    fc.assert(
      fc.property(fc.array(fc.tuple(word, fc.constantFrom(single, double))), (words) => {
        const line = words.map(([text, quote]) => quote(text)).join(' ');
        expect(splitCommandLine(line)).toEqual(words.map(([text]) => text));
      }),
    );
  });

  test('splits as /bin/sh does', () => {
    const unit = fc.constantFrom('a', 'b', ' ', "'", '"', '\\', '\n', '\t', '-');
    const samples = fc.sample(fc.string({ unit, maxLength: 12 }), { numRuns: 400, seed: 20090701 });
    const closed = samples.filter((line) => !/^\s*$/.test(line) && isSplittable(line));
    // One shell for all: each line prints its words, NUL-separated, and a mark.
    const script = closed.map((line) => `printf '%s\\0' ${line}\nprintf '\\001'`).join('\n');
    const printed = execFileSync('/bin/sh', ['-c', script]).toString().split('\u0001').slice(0, -1);
    const expected = printed.map((words) => words.split('\0').slice(0, -1));
    expect(closed.length).toBeGreaterThan(50);
    expect(closed.map(splitCommandLine)).toEqual(expected);
  });
});

/** A line break outside quotes would end the command of sh; such lines are for the table above. */
function isSplittable(line: string): boolean {
  try {
    splitCommandLine(line);
  } catch {
    return false;
  }
  return !line.includes('\n') && splitCommandLine(line).length > 0;
}
