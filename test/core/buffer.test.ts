import { Buffer as NodeBuffer } from 'node:buffer';

import { describe, expect, test } from '@jest/globals';

import { Buffer, bytesOf, readInto } from '../../src/saga/core/buffer.js';
import { BadParameter, DoesNotExist, IncorrectState, NoSuccess } from '../../src/saga/core/exceptions.js';
import { ObjectType } from '../../src/saga/core/object.js';
import { rule } from '../support/rules.js';

/** A read that has these bytes to give. */
function source(...bytes: number[]): (memory: Uint8Array) => Promise<number> {
  return (memory) => {
    const given = bytes.slice(0, memory.length);
    memory.set(given);
    return Promise.resolve(given.length);
  };
}

describe('Buffer', () => {
  rule(44, 'with data the memory is the application’s, else the implementation’s', () => {
    const data = Uint8Array.of(1, 2, 3);
    const given = new Buffer(data, 3);
    expect(given.getData()).toBe(data);
    expect(given.getSize()).toBe(3);

    const sized = new Buffer(4);
    expect(sized.getSize()).toBe(4);
    expect([...sized.getData()]).toEqual([0, 0, 0, 0]);
    expect(sized.getData()).toBe(sized.getData());

    expect(new Buffer().getSize()).toBe(-1);
    expect(new Buffer(-1).getSize()).toBe(-1);
    expect(new Buffer(0).getData()).toHaveLength(0);
  });

  test('data without a size is used whole, and with one up to there', async () => {
    const data = NodeBuffer.from('abcdef');
    expect(new Buffer(data).getSize()).toBe(6);
    const part = new Buffer(data, 2);
    expect(part.getSize()).toBe(2);
    await readInto(part, undefined, source(0x41, 0x42, 0x43));
    expect(data.toString()).toBe('ABcdef');
  });

  rule(45, 'a negative size with data is BadParameter', () => {
    expect(() => new Buffer(new Uint8Array(3), -1)).toThrow(BadParameter);
    expect(() => new Buffer(new Uint8Array(3), -7)).toThrow('a size is a whole number of bytes, not -7');
  });

  test('sizes and data that make no sense', () => {
    expect(() => new Buffer(new Uint8Array(3), 4)).toThrow('the size 4 is more than the 3 bytes of the data');
    expect(() => new Buffer(-2)).toThrow(BadParameter);
    expect(() => new Buffer(1.5)).toThrow(BadParameter);
    expect(() => new Buffer(NaN)).toThrow(BadParameter);
    expect(() => new Buffer(3, 3)).toThrow('it goes with data only');
    expect(() => new Buffer('text' as never)).toThrow('encode a string first');
    expect(() => new Buffer(new Float64Array(1) as never)).toThrow('data is given as a Uint8Array');
    expect(() => new Buffer(Number.MAX_SAFE_INTEGER).getData()).toThrow(NoSuccess);
  });

  rule(46, 'an unset size is -1 until a read has filled the buffer', async () => {
    const buffer = new Buffer();
    const failed = readInto(buffer, 8, () => Promise.reject(new NoSuccess('no')));
    await expect(failed).rejects.toThrow('no');
    expect(buffer.getSize()).toBe(-1);

    await expect(readInto(buffer, 8, source(1, 2))).resolves.toBe(2);
    expect(buffer.getSize()).toBe(8);
    // The whole allocation, though the read was short.
    expect([...buffer.getData()]).toEqual([1, 2, 0, 0, 0, 0, 0, 0]);
  });

  rule(47, 'without a size there is no data before the first successful read', async () => {
    const buffer = new Buffer();
    expect(() => buffer.getData()).toThrow(DoesNotExist);
    expect(() => buffer.getData()).toThrow('read something into it, or set its size');
    await readInto(buffer, 1, source(7));
    expect([...buffer.getData()]).toEqual([7]);
  });

  rule(48, 'setSize makes it the implementation’s, setData the application’s', () => {
    const data = Uint8Array.of(1, 2);
    const buffer = new Buffer(data);
    buffer.setSize(5);
    expect(buffer.getSize()).toBe(5);
    expect([...buffer.getData()]).toEqual([0, 0, 0, 0, 0]);
    expect([...data]).toEqual([1, 2]);
    buffer.setSize();
    expect(buffer.getSize()).toBe(-1);
    expect(() => {
      buffer.setSize(-2);
    }).toThrow(BadParameter);
    buffer.setData(data, 2);
    expect(buffer.getData()).toBe(data);
  });

  rule(49, 'after close every method but close throws IncorrectState', () => {
    const buffer = new Buffer(Uint8Array.of(1));
    buffer.close();
    const calls: (() => unknown)[] = [
      () => buffer.getSize(),
      () => buffer.getData(),
      () => {
        buffer.setSize(1);
      },
      () => {
        buffer.setData(Uint8Array.of(1), 1);
      },
      () => buffer.clone(),
      () => buffer.getId(),
      () => buffer.getType(),
      () => buffer.getSession(),
    ];
    for (const call of calls) expect(call).toThrow(IncorrectState);
    expect(calls[0]).toThrow('the buffer is closed; make a new one');
    expect(() => {
      buffer.close();
      buffer.close(-1);
    }).not.toThrow();
  });

  test('a buffer that is closed while it is read into stays closed', async () => {
    const buffer = new Buffer();
    const read = readInto(buffer, 1, () => {
      buffer.close();
      return Promise.resolve(1);
    });
    await expect(read).rejects.toThrow(IncorrectState);
    expect(() => buffer.getSize()).toThrow(IncorrectState);
  });

  rule(50, 'close frees our memory and leaves the application’s alone', async () => {
    const data = Uint8Array.of(1, 2, 3);
    const given = new Buffer(data);
    given.close();
    expect([...data]).toEqual([1, 2, 3]);

    const own = new Buffer(16);
    const memory = own.getData();
    own.close();
    await expect(readInto(own, 1, source(1))).rejects.toThrow(IncorrectState);
    expect([...memory]).toEqual(Array<number>(16).fill(0));
  });

  rule(51, 'setData equals making the buffer anew', () => {
    const data = Uint8Array.of(1, 2, 3);
    const buffer = new Buffer(9);
    buffer.setData(data, 2);
    const anew = new Buffer(data, 2);
    expect([buffer.getSize(), ...buffer.getData()]).toEqual([anew.getSize(), ...anew.getData()]);
    expect(() => {
      buffer.setData(data, -1);
    }).toThrow(BadParameter);
    expect(() => {
      buffer.setData(data, 4);
    }).toThrow(BadParameter);
    expect(buffer.getSize()).toBe(2);
  });

  test('a clone has its own bytes and the same manager', () => {
    const data = Uint8Array.of(1, 2);
    const clone = new Buffer(data).clone();
    clone.getData()[0] = 9;
    expect([...data]).toEqual([1, 2]);

    const unset = new Buffer().clone();
    expect(unset.getSize()).toBe(-1);
    expect(new Buffer(3).clone().getSize()).toBe(3);
    expect(clone.getType()).toBe(ObjectType.Buffer);
  });

  test('reads use the size of the buffer, or less', async () => {
    const plain = new Uint8Array(4);
    await expect(readInto(plain, -1, source(1, 2, 3, 4, 5))).resolves.toBe(4);
    await expect(readInto(plain, 1, source(9, 9))).resolves.toBe(1);
    expect([...plain]).toEqual([9, 2, 3, 4]);
    await expect(readInto(plain, 5, source())).rejects.toThrow("5 bytes don't fit into a buffer of 4");
    await expect(readInto(new Buffer(), -1, source())).rejects.toThrow('how many bytes to read');
    expect(bytesOf(plain)).toBe(plain);
    expect(() => bytesOf('x' as never)).toThrow(BadParameter);
  });
});
