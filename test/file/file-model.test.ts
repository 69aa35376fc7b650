/** Random calls on a File, none of them waited for, compared with an array of bytes and a number. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readFile } from 'node:fs/promises';

import * as saga from '../../src/index.js';
import { parseFalls, selectedRuns } from '../../src/saga/file/falls.js';
import { scratch } from '../support/scratch.js';

const { Flags, SeekMode } = saga;
const directory = scratch();

/** A file as it should be. */
class ModelFile {
  bytes: number[] = [];
  pointer = 0;

  at(offsets: readonly number[]): number[] {
    return offsets.filter((offset) => offset < this.bytes.length).map((offset) => this.bytes[offset] ?? -1);
  }

  put(offsets: readonly number[], values: readonly number[]): void {
    for (const [i, offset] of offsets.entries()) {
      while (this.bytes.length <= offset) this.bytes.push(0);
      this.bytes[offset] = values[i] ?? -1;
    }
  }

  /** The places from the pointer on. */
  next(count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.pointer + i);
  }
}

/** A call of the library, and what it should give; both come from one description. */
interface Step {
  real(file: saga.File): Promise<unknown>;
  model(file: ModelFile): unknown;
  toString(): string;
}

const DATA = fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 9 });
const PATTERN = fc
  .record({ from: fc.nat(9), length: fc.integer({ min: 1, max: 4 }), gap: fc.nat(4), repetition: fc.nat(3) })
  .map(({ from, length, gap, repetition }) => `(${from},${from + length - 1},${length + gap},${repetition + 1})`);

const seek = fc
  .record({ offset: fc.integer({ min: -9, max: 30 }), whence: fc.constantFrom(1 as const, 2 as const, 3 as const) })
  .map(({ offset, whence }): Step => ({
    toString: () => `seek(${offset}, ${whence})`,
    real: (file) => file.seek(offset, whence).catch((error: unknown) => (error as saga.SagaException).code),
    model: (file) => {
      const to = offset + { 1: 0, 2: file.pointer, 3: file.bytes.length }[whence];
      if (to < 0) return 'NoSuccess';
      return (file.pointer = to);
    },
  }));

const read = fc.nat(12).map((length): Step => ({
  toString: () => `read(${length})`,
  real: async (file) => {
    const memory = new Uint8Array(length);
    return [...memory.subarray(0, await file.read(memory))];
  },
  model: (file) => {
    const found = file.at(file.next(length));
    file.pointer += found.length;
    return found;
  },
}));

const write = DATA.map((data): Step => ({
  toString: () => `write([${data.join()}])`,
  real: (file) => file.write(Uint8Array.from(data)),
  model: (file) => {
    file.put(file.next(data.length), data);
    file.pointer += data.length;
    return data.length;
  },
}));

const readV = fc.array(fc.nat(5), { maxLength: 3 }).map((lengths): Step => ({
  toString: () => `readV(${lengths.join()})`,
  real: async (file) => {
    const parts = lengths.map((length) => new saga.IOVec(length));
    await file.readV(parts);
    return parts.map((part) => [...part.getData().subarray(0, part.getLenOut())]);
  },
  model: (file) =>
    lengths.map((length) => {
      const found = file.at(file.next(length));
      file.pointer += found.length;
      return found;
    }),
}));

const writeV = fc.array(DATA, { maxLength: 3 }).map((parts): Step => ({
  toString: () => `writeV(${JSON.stringify(parts)})`,
  real: (file) => file.writeV(parts.map((data) => new saga.IOVec(Uint8Array.from(data)))),
  model: (file) => {
    for (const data of parts) {
      file.put(file.next(data.length), data);
      file.pointer += data.length;
    }
  },
}));

function offsetsOf(pattern: string, base: number): number[] {
  const runs = [...selectedRuns(parseFalls(pattern), base)];
  return runs.flatMap(({ offset, length }) => Array.from({ length }, (_, i) => offset + i));
}

const readP = PATTERN.map((pattern): Step => ({
  toString: () => `readP(${pattern})`,
  real: async (file) => {
    const buffer = new saga.Buffer();
    const count = await file.readP(pattern, buffer);
    return [...buffer.getData().subarray(0, count)];
  },
  model: (file) => {
    const offsets = offsetsOf(pattern, file.pointer).filter((offset) => offset < file.bytes.length);
    file.pointer = (offsets.at(-1) ?? file.pointer - 1) + 1;
    return file.at(offsets);
  },
}));

const writeP = fc.tuple(PATTERN, fc.integer({ min: 1, max: 255 })).map(([pattern, value]): Step => ({
  toString: () => `writeP(${pattern}, ${value})`,
  real: async (file) => file.writeP(pattern, new Uint8Array(offsetsOf(pattern, 0).length).fill(value)),
  model: (file) => {
    const offsets = offsetsOf(pattern, file.pointer);
    file.put(
      offsets,
      offsets.map(() => value),
    );
    file.pointer = (offsets.at(-1) ?? 0) + 1;
    return offsets.length;
  },
}));

const STEPS = fc.array(fc.oneof(seek, read, write, readV, writeV, readP, writeP), { maxLength: 30, size: 'max' });

describe('random calls on a file', () => {
  test('give, one after the other, what they give on a model, and leave its content', async () => {
    await fc.assert(
      fc.asyncProperty(STEPS, async (steps) => {
        await using file = await saga.File.create(
          directory.at('file'),
          Flags.ReadWrite | Flags.Create | Flags.Truncate,
        );
        const model = new ModelFile();
        const expected = steps.map((step) => step.model(model));
        expect(await Promise.all(steps.map((step) => step.real(file)))).toEqual(expected);
        expect(await file.seek(0, SeekMode.Current)).toBe(model.pointer);
        expect(await file.getSize()).toBe(model.bytes.length);
        expect([...(await readFile(directory.at('file')))]).toEqual(model.bytes);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});
