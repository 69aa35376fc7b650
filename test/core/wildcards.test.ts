import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { BadParameter } from '../../src/saga/core/exceptions.js';
import { wildcards, type WildcardOptions } from '../../src/saga/core/wildcards.js';

function matching(pattern: string, texts: readonly string[], options?: WildcardOptions): string[] {
  return texts.filter(wildcards(pattern, options));
}

describe('wildcards', () => {
  test.each<[pattern: string, matches: string[], others: string[]]>([
    ['', [''], ['a']],
    ['plain', ['plain'], ['Plain', 'plain2', 'xplain', '']],
    ['*', ['', 'a', 'a/b', '.hidden'], []],
    ['a*', ['a', 'ab', 'a*'], ['', 'ba']],
    ['*a*b*', ['ab', 'xaybz', 'aabb'], ['ba', 'a']],
    ['**', ['', 'x'], []],
    ['?', ['a', '𝄞', '/'], ['', 'ab']],
    ['[a-c]x', ['ax', 'cx'], ['dx', 'x', 'Ax']],
    ['[!a-c]', ['d', '-'], ['a', 'c', '']],
    ['[^a]', ['b'], ['a']],
    ['[]a]', [']', 'a'], ['b', '[]a]']],
    ['[!]]', ['a'], [']']],
    ['[a-]', ['a', '-'], ['b']],
    ['[-a]', ['a', '-'], ['b']],
    ['[\\]]', [']'], ['\\']],
    ['[+-\\]]', ['+', 'Z', ']'], ['^', 'a']],
    ['{a,bc}d', ['ad', 'bcd'], ['abcd', 'd', '{a,bc}d']],
    ['{a,}b', ['ab', 'b'], ['aab']],
    ['{x{1,2},y*}', ['x1', 'x2', 'y', 'yz'], ['x', 'x12']],
    ['{a}', ['a'], ['{a}']],
    ['a,b', ['a,b'], ['a', 'b']],
    ['\\*\\{\\\\', ['*{\\'], ['x{\\']],
    ['a]', ['a]'], ['a']],
    ['é[α-ω]', ['éβ'], ['éb']],
    ['\udcff?', ['\udcff\udc80'], ['\udcff']],
  ])('%j', (pattern, matches, others) => {
    expect(matching(pattern, [...matches, ...others])).toEqual(matches);
  });

  test.each([
    ['[', "a '[' is not closed"],
    ['[]', "a '[' is not closed"],
    ['[!]', "a '[' is not closed"],
    ['[z-a]', "the range 'z-a' is reversed"],
    ['[[:alpha:]]', 'character classes'],
    ['{a,b', "a '{' is not closed"],
    ['{a,{b}', "a '{' is not closed"],
    ['a}', "a '}' closes nothing"],
    ['{}', "'{}' holds no alternative"],
    ['a\\', 'the backslash at the end'],
    ['[\\', 'the backslash at the end'],
  ])('%j is malformed', (pattern, reason) => {
    expect(() => wildcards(pattern)).toThrow(BadParameter);
    expect(() => wildcards(pattern)).toThrow(`malformed pattern '${pattern}': ${reason}`);
  });

  test('in paths nothing but a slash matches a slash', () => {
    const paths = ['a', 'a/b', 'a/b/c', 'a/'];
    expect(matching('*', paths, { path: true })).toEqual(['a']);
    expect(matching('a/*', paths, { path: true })).toEqual(['a/b', 'a/']);
    expect(matching('a?b', paths, { path: true })).toEqual([]);
    expect(matching('a[!x]b', paths, { path: true })).toEqual([]);
    expect(matching('{a/b,x}/c', paths, { path: true })).toEqual(['a/b/c']);
  });

  test('a leading dot must be written where that is asked for', () => {
    const names = ['.a', 'a', 'a.', '.a/.b', 'x/.b'];
    const options = { path: true, explicitDot: true };
    expect(matching('*', names, options)).toEqual(['a', 'a.']);
    expect(matching('*.a', names, options)).toEqual([]);
    expect(matching('?a', names, options)).toEqual([]);
    expect(matching('[.]a', names, options)).toEqual([]);
    expect(matching('.*', names, options)).toEqual(['.a']);
    expect(matching('{.,x}*', names, options)).toEqual(['.a']);
    expect(matching('*/.*', names, options)).toEqual(['x/.b']);
    expect(matching('*', ['x/.b', '.x'], { explicitDot: true })).toEqual(['x/.b']);
  });

  test('no pattern takes for ever', () => {
    const text = 'a'.repeat(2000);
    expect(wildcards('*a'.repeat(200) + 'b')(text)).toBe(false);
    expect(wildcards('{a,a*}'.repeat(200) + 'b')(text)).toBe(false);
    expect(wildcards('{'.repeat(20_000) + 'a' + '}'.repeat(20_000))('a')).toBe(true);
  });

  test('a quoted text matches itself and nothing else', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        const match = wildcards(text.replace(/./gsu, '\\$&'));
        expect(match(text)).toBe(true);
        expect(match(other)).toBe(text === other);
      }),
    );
  });

  test('stars and question marks do what a regular expression of dots does', () => {
    const words = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    fc.assert(
      fc.property(words, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }), (pattern, text) => {
        const model = new RegExp(`^${pattern.replace(/\*+/g, '.*').replaceAll('?', '.')}$`);
        expect(wildcards(pattern)(text)).toBe(model.test(text));
      }),
      { numRuns: 1000 },
    );
  });

  test('patterns of stars alone are as all others', () => {
    const words = fc.string({ unit: fc.constantFrom('a', 'b', '*', '.'), minLength: 1, maxLength: 8 });
    const texts = fc.string({ unit: fc.constantFrom('a', 'b', '.', 'ü', '/'), maxLength: 8 });
    fc.assert(
      fc.property(words, texts, fc.boolean(), fc.boolean(), (pattern, text, explicitDot, path) => {
        const options = { explicitDot, path };
        // Braces around it change nothing but the way it is matched.
        expect(wildcards(pattern, options)(text)).toBe(wildcards(`{${pattern}}`, options)(text));
      }),
      { numRuns: 2000 },
    );
  });
});
