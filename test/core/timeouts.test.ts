import { describe, expect, test } from '@jest/globals';

import { Buffer } from '../../src/saga/core/buffer.js';
import { BadParameter, IncorrectState } from '../../src/saga/core/exceptions.js';
import { rule } from '../support/rules.js';

describe('closing a buffer', () => {
  rule(27, 'takes every timeout, and none; everything is free when it returns', () => {
    for (const timeout of [undefined, 0, -1, -7.5, 2.5, Infinity]) {
      const buffer = new Buffer(4);
      buffer.close(timeout);
      expect(() => buffer.getData()).toThrow(IncorrectState);
    }
  });

  test('a timeout that is no number is refused, and the buffer stays open', () => {
    const buffer = new Buffer(4);
    for (const timeout of [NaN, '1', null]) {
      const close = (): void => {
        buffer.close(timeout as number);
      };
      expect(close).toThrow(BadParameter);
      expect(close).toThrow('a timeout is a number of seconds');
    }
    expect(buffer.getSize()).toBe(4);
  });
});
