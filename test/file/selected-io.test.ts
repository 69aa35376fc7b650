import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

import * as saga from '../../src/index.js';
import { parseFalls, selectedRuns } from '../../src/saga/file/falls.js';
import { rule } from '../support/rules.js';
import { scratch } from '../support/scratch.js';

const { Flags, SeekMode } = saga;
const directory = scratch();

/** Byte i of the file is `i % 251`: no two places near each other have the same. */
async function opened(size: number, flags?: number): Promise<saga.File> {
  await writeFile(directory.at('file'), Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251)));
  return saga.File.create(directory.at('file'), flags);
}

function offsetsOf(pattern: string): number[] {
  return [...selectedRuns(parseFalls(pattern))].flatMap(({ offset, length }) =>
    Array.from({ length }, (_, i) => offset + i),
  );
}

/** Patterns within 600 bytes. */
const PATTERNS = fc
  .record({ from: fc.nat(20), length: fc.integer({ min: 1, max: 9 }), gap: fc.nat(9), repetition: fc.nat(19) })
  .chain(({ from, length, gap, repetition }) =>
    fc.record({ width: fc.integer({ min: 1, max: length }), nested: fc.boolean() }).map(({ width, nested }) => {
      const outer = [from, from + length - 1, length + gap, repetition + 1].join(',');
      return `(${outer}${nested ? `,(0,${width - 1},${width},1)` : ''})`;
    }),
  );

describe('pattern I/O', () => {
  rule(269, 'reads what the pattern selects from the pointer on, up to the end of the file', async () => {
    await fc.assert(
      fc.asyncProperty(PATTERNS, fc.nat(50), fc.nat(400), async (pattern, pointer, size) => {
        await using file = await opened(size);
        const there = offsetsOf(pattern)
          .map((at) => at + pointer)
          .filter((at) => at < size);
        const buffer = new saga.Buffer();
        await file.seek(pointer);
        expect(await file.readP(pattern, buffer)).toBe(there.length);
        expect([...buffer.getData().subarray(0, there.length)]).toEqual(there.map((at) => at % 251));
        expect(buffer.getSize()).toBe(await file.sizeP(pattern));
        expect(await file.seek(0, SeekMode.Current)).toBe((there.at(-1) ?? pointer - 1) + 1);
      }),
      { numRuns: 50 },
    );
  });

  rule(269, 'writes there, and nowhere else', async () => {
    await fc.assert(
      fc.asyncProperty(PATTERNS, fc.nat(50), fc.nat(400), async (pattern, pointer, size) => {
        await using file = await opened(size, Flags.ReadWrite);
        const offsets = offsetsOf(pattern).map((at) => at + pointer);
        const end = (offsets.at(-1) ?? 0) + 1;
        const expected = Array.from({ length: Math.max(size, end) }, (_, i) => (i < size ? i % 251 : 0));
        for (const at of offsets) expected[at] = 255;
        await file.seek(pointer);
        expect(await file.writeP(pattern, Buffer.alloc(offsets.length + 5, 255))).toBe(offsets.length);
        expect([...(await readFile(directory.at('file')))]).toEqual(expected);
        expect(await file.seek(0, SeekMode.Current)).toBe(end);
      }),
      { numRuns: 50 },
    );
  });

  test('blocks that are far from each other, and longer than what is read at once', async () => {
    const size = 2_500_000;
    await using file = await opened(size);
    for (const pattern of ['(1,3,200000,13)', '(0,1199999,1200001,3)', '(7,7,3,500000)', '(0,9999,26400,100)']) {
      const expected = Buffer.alloc(await file.sizeP(pattern));
      let length = 0;
      for (const run of selectedRuns(parseFalls(pattern))) {
        for (let at = run.offset; at < Math.min(run.offset + run.length, size); at++) expected[length++] = at % 251;
      }
      const memory = Buffer.alloc(expected.length);
      await file.seek(0);
      expect(await file.readP(pattern, memory)).toBe(length);
      expect(memory.equals(expected)).toBe(true);
    }
  });

  rule(268, 'a bad pattern is BadParameter', async () => {
    await using file = await opened(10, Flags.ReadWrite);
    for (const call of [
      () => file.sizeP('(1,2'),
      () => file.readP('(1,2', Buffer.alloc(9)),
      () => file.writeP('(1,2', Buffer.alloc(9)),
    ]) {
      await expect(call()).rejects.toThrow(saga.BadParameter);
      await expect(call()).rejects.toThrow("'(1,2' is no pattern");
    }
  });

  test('a buffer that is too small is BadParameter, and nothing is written', async () => {
    await using file = await opened(10, Flags.ReadWrite);
    await expect(file.readP('(0,0,2,4)', Buffer.alloc(3))).rejects.toThrow("4 bytes don't fit into a buffer of 3");
    await expect(file.writeP('(0,0,2,4)', Buffer.alloc(3))).rejects.toThrow(
      '4 bytes are to be written, and the buffer has 3',
    );
    expect([...(await readFile(directory.at('file')))]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

describe('extended I/O', () => {
  rule(267, 'sizes and modes are told without asking anybody', async () => {
    await using file = await opened(10);
    const calls: unknown[] = [];
    const { subscribe, unsubscribe } = await import('node:diagnostics_channel');
    const seen = (message: unknown): void => {
      calls.push(message);
    };
    subscribe('tracing:xosaga:call:start', seen);
    expect(await file.modesE()).toEqual(['partial', 'subarray', 'digest']);
    expect(await file.sizeE('subarray', '4;10x10;2x2;3x3')).toBe(36);
    expect(await file.sizeE('digest', 'md5')).toBe(16);
    expect(await file.sizeP('(0,3,8,4)')).toBe(16);
    expect(calls).toEqual([]);
    await file.getSize();
    unsubscribe('tracing:xosaga:call:start', seen);
    expect(calls).toHaveLength(1);
  });

  test('partial reads and writes a range, wherever the pointer is', async () => {
    await using file = await opened(20, Flags.ReadWrite);
    await file.seek(7);
    const memory = Buffer.alloc(4);
    expect(await file.readE('partial', '10,4', memory)).toBe(4);
    expect([...memory]).toEqual([10, 11, 12, 13]);
    expect(await file.readE('partial', '18,4', memory)).toBe(2);
    expect(await file.readE('partial', '40,4', memory)).toBe(0);
    expect(await file.writeE('partial', '2,3', Buffer.from('abc'))).toBe(3);
    expect(await file.writeE('partial', '2,0', Buffer.alloc(0))).toBe(0);
    expect((await readFile(directory.at('file'))).toString('latin1', 1, 6)).toBe('\x01abc\x05');
    expect(await file.seek(0, SeekMode.Current)).toBe(7);
  });

  test('subarray reads and writes a part of an array', async () => {
    await using file = await opened(60, Flags.ReadWrite);
    const block = new saga.Buffer();
    // Rows 1 and 2, columns 3 and 4 of an array of 5 rows and 6 columns of 2 bytes.
    expect(await file.readE('subarray', '2;5x6;1x3;2x2', block)).toBe(8);
    expect([...block.getData()]).toEqual([18, 19, 20, 21, 30, 31, 32, 33]);
    expect(await file.writeE('subarray', '2;5x6;0x5;5x1', Buffer.alloc(10, 'x'))).toBe(10);
    const after = await readFile(directory.at('file'));
    expect([...after.keys()].filter((i) => after[i] === 0x78)).toEqual([10, 11, 22, 23, 34, 35, 46, 47, 58, 59]);
  });

  test('digest tells what the file holds', async () => {
    await using file = await opened(3_000_000, Flags.ReadWrite);
    const content = await readFile(directory.at('file'));
    for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
      const buffer = new saga.Buffer();
      await file.readE('digest', algorithm, buffer);
      expect(Buffer.from(buffer.getData()).equals(createHash(algorithm).update(content).digest())).toBe(true);
    }
    const part = Buffer.alloc(32);
    expect(await file.readE('digest', 'sha256,1000,2000', part)).toBe(32);
    expect(part.equals(createHash('sha256').update(content.subarray(1000, 3000)).digest())).toBe(true);
    await expect(file.writeE('digest', 'sha256', part)).rejects.toThrow("nothing is written by the mode 'digest'");
  });

  rule(268, 'an unknown mode and a bad specification are BadParameter', async () => {
    await using file = await opened(10, Flags.ReadWrite);
    for (const [emode, spec] of [
      ['gzip', ''],
      ['partial', '1'],
    ] as const) {
      await expect(file.sizeE(emode, spec)).rejects.toThrow(saga.BadParameter);
      await expect(file.readE(emode, spec, new saga.Buffer())).rejects.toThrow(saga.BadParameter);
      await expect(file.writeE(emode, spec, Buffer.alloc(4))).rejects.toThrow(saga.BadParameter);
    }
    await expect(file.readE('partial', '0,4', Buffer.alloc(3))).rejects.toThrow(saga.BadParameter);
    await expect(file.writeE('partial', '0,4', Buffer.alloc(3))).rejects.toThrow(saga.BadParameter);
  });
});
