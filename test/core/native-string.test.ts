import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { BadParameter } from '../../src/saga/core/exceptions.js';
import { decodeNative, encodeNative } from '../../src/saga/core/native-string.js';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

describe('native strings', () => {
  test.each([
    ['', []],
    ['plain', [0x70, 0x6c, 0x61, 0x69, 0x6e]],
    ['é€𝄞', [0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9d, 0x84, 0x9e]],
    ['\ufeffa', [0xef, 0xbb, 0xbf, 0x61]],
    ['\udcff', [0xff]],
    ['a\udc80b', [0x61, 0x80, 0x62]],
    // Overlong, a surrogate, beyond U+10FFFF, cut off: not UTF-8, so byte by byte.
    ['\udcc0\udcaf', [0xc0, 0xaf]],
    ['\udced\udca0\udc80', [0xed, 0xa0, 0x80]],
    ['\udcf4\udc90\udc80\udc80', [0xf4, 0x90, 0x80, 0x80]],
    ['\udce0\udc9f\udcbf', [0xe0, 0x9f, 0xbf]],
    ['\udcf0\udc8f\udcbf\udcbf', [0xf0, 0x8f, 0xbf, 0xbf]],
    ['é\udce2\udc82', [0xc3, 0xa9, 0xe2, 0x82]],
    ['\udcf0\udc9d\udc84x', [0xf0, 0x9d, 0x84, 0x78]],
  ])('%j', (text, values) => {
    expect(decodeNative(bytes(...values))).toBe(text);
    expect([...encodeNative(text)]).toEqual(values);
  });

  test('every byte string survives', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => {
        const native = raw.filter((byte) => byte !== 0);
        expect([...encodeNative(decodeNative(native))]).toEqual([...native]);
      }),
      { numRuns: 2000 },
    );
  });

  test('every well-formed text is its UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-composite' }), (text) => {
        fc.pre(!text.includes('\0'));
        expect([...encodeNative(text)]).toEqual([...new TextEncoder().encode(text)]);
        expect(decodeNative(encodeNative(text))).toBe(text);
      }),
    );
  });

  test('a part of a larger memory is decoded alone', () => {
    expect(decodeNative(bytes(0x61, 0xff, 0x62, 0x63).subarray(1, 3))).toBe('\udcffb');
  });

  test('the result does not share the pool of Buffers', () => {
    expect(encodeNative('a\udcff').buffer.byteLength).toBe(2);
  });

  test('a NUL is refused with the name of what holds it', () => {
    expect(() => encodeNative('a\0b', 'argument 2')).toThrow(BadParameter);
    expect(() => encodeNative('a\0b', 'argument 2')).toThrow('argument 2 holds a NUL character');
  });

  test.each(['\ud800', 'a\udfffb', '\udc7f', '\udd00', '\ud83d'])('%j stands for no bytes', (text) => {
    expect(() => encodeNative(text)).toThrow(BadParameter);
    expect(() => encodeNative(text)).toThrow('half a surrogate pair');
  });
});
