import { describe, expect, test } from '@jest/globals';

import { BadParameter, IncorrectState } from '../../src/saga/core/exceptions.js';
import { ObjectType } from '../../src/saga/core/object.js';
import { IOVec, lengthOf, setLenOut } from '../../src/saga/file/iovec.js';
import { rule } from '../support/rules.js';

describe('IOVec', () => {
  rule(271, 'the length defaults to the size', () => {
    expect(new IOVec(new Uint8Array(6)).getLenIn()).toBe(6);
    expect(new IOVec(new Uint8Array(6), 4).getLenIn()).toBe(4);
    expect(new IOVec(7).getLenIn()).toBe(7);
    expect(new IOVec(-1).getLenIn()).toBe(-1);
    const part = new IOVec(8);
    part.setSize(3);
    expect(part.getLenIn()).toBe(3);
  });

  rule(271, 'a length of more than the size is BadParameter, unless the size is unset', () => {
    expect(() => new IOVec(new Uint8Array(6), 4, 0, 5)).toThrow(BadParameter);
    expect(() => new IOVec(4, undefined, 0, 5)).toThrow('lenIn 5 is more than the 4 bytes of the buffer');
    const part = new IOVec(4);
    expect(() => {
      part.setLenIn(5);
    }).toThrow(BadParameter);
    expect(() => {
      part.setLenIn(-1);
    }).toThrow('lenIn is a whole number of bytes, not -1');
    part.setLenIn(0);
    expect(part.getLenIn()).toBe(0);
    expect(new IOVec(-1, undefined, 0, 5).getLenIn()).toBe(5);
  });

  rule(272, 'a negative offset is BadParameter', () => {
    expect(() => new IOVec(new Uint8Array(6), 6, -1)).toThrow(BadParameter);
    const part = new IOVec(6);
    expect(() => {
      part.setOffset(-2);
    }).toThrow('an offset is a whole number of bytes, not -2');
    expect(part.getOffset()).toBe(0);
    part.setOffset(3);
    expect(part.getOffset()).toBe(3);
  });

  rule(273, 'before any operation lenOut is -1', () => {
    const part = new IOVec(6);
    expect(part.getLenOut()).toBe(-1);
    setLenOut(part, 4);
    expect(part.getLenOut()).toBe(4);
    setLenOut(part);
    expect(part.getLenOut()).toBe(-1);
  });

  test('without a length, what is behind the offset is transferred', () => {
    expect(lengthOf(new IOVec(6, undefined, 4))).toBe(2);
    expect(lengthOf(new IOVec(6, undefined, 6))).toBe(0);
    expect(lengthOf(new IOVec(6, undefined, 4, 5))).toBe(5);
    expect(lengthOf(new IOVec(-1, undefined, 4, 5))).toBe(5);
    expect(() => lengthOf(new IOVec(6, undefined, 7))).toThrow('the offset 7 lies behind the 6 bytes of the buffer');
    expect(() => lengthOf(new IOVec(-1))).toThrow('neither the buffer nor its lenIn tells how many bytes to transfer');
  });

  test('it is a buffer of its own type, and its clone one too', () => {
    const data = Uint8Array.of(1, 2, 3);
    const part = new IOVec(data, 3, 1, 2);
    setLenOut(part, 2);
    expect(part.getType()).toBe(ObjectType.IOVec);
    const copy = part.clone();
    expect(copy).toBeInstanceOf(IOVec);
    expect([copy.getOffset(), copy.getLenIn(), copy.getLenOut()]).toEqual([1, 2, 2]);
    expect(copy.getId()).not.toBe(part.getId());
    data[0] = 9;
    expect([...copy.getData()]).toEqual([1, 2, 3]);
  });

  test('a closed one answers nothing', () => {
    const part = new IOVec(4);
    part.close();
    const calls = [
      () => part.getOffset(),
      () => part.getLenIn(),
      () => part.getLenOut(),
      () => part.getType(),
      () => part.clone(),
      () => {
        part.setOffset(1);
      },
      () => {
        part.setLenIn(1);
      },
    ];
    for (const call of calls) expect(call).toThrow(IncorrectState);
  });
});
