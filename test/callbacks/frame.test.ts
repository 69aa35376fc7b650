/** Frames and messages of the wire protocol. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { directoryOf } from '../../src/callbacks/directory.js';
import { encodeFrame, FrameDecoder } from '../../src/callbacks/frame.js';
import { fromAgent, fromProcess } from '../../src/callbacks/messages.js';

const MIB = 1024 * 1024;

describe('frames', () => {
  test('have four bytes of length, big-endian, and JSON', () => {
    expect(encodeFrame({ type: 'ü' })).toEqual(Buffer.from('\0\0\0\x0d{"type":"ü"}'));
  });

  test('arrive whole, in order, however they are cut', () => {
    const message = fc.record({ type: fc.string(), value: fc.jsonValue() });
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.nat({ max: 40 })), (messages, cuts) => {
        const bytes = Buffer.concat(messages.map(encodeFrame));
        const decoder = new FrameDecoder();
        const got: unknown[] = [];
        let at = 0;
        for (const cut of cuts) {
          got.push(...decoder.push(bytes.subarray(at, at + cut)));
          at += Math.min(cut, bytes.length - at);
        }
        got.push(...decoder.push(bytes.subarray(at)));
        expect(got).toEqual(JSON.parse(JSON.stringify(messages)));
      }),
    );
  });

  test('of the longest length are taken, longer ones neither made nor taken', () => {
    const message = { type: 'x', text: 'y'.repeat(MIB - '{"type":"x","text":""}'.length) };
    expect(new FrameDecoder().push(encodeFrame(message))).toEqual([message]);
    expect(() => encodeFrame({ ...message, type: 'xx' })).toThrow(
      'a "xx" of 1048577 bytes: at most 1048576 fit into a frame',
    );
    expect(() => new FrameDecoder().push(Buffer.from([0, 0x10, 0, 1]))).toThrow('a frame of 1048577 bytes');
  });

  test.each([
    ['no length', Buffer.from([0, 0, 0, 1])],
    ['no JSON', Buffer.from('\0\0\0\x02{"')],
    ['no object', Buffer.from('\0\0\0\x02[]')],
    ['null', Buffer.from('\0\0\0\x04null')],
    ['no type', Buffer.from('\0\0\0\x02{}')],
    ['a type that is none', Buffer.from('\0\0\0\x0a{"type":1}')],
  ])('%s is an error', (_, bytes) => {
    expect(() => new FrameDecoder().push(bytes)).toThrow();
  });
});

describe('messages', () => {
  test('of an unknown type are nobody’s', () => {
    expect(fromAgent({ type: 'dance' })).toBeUndefined();
    expect(fromAgent({ type: 'hasOwnProperty' })).toBeUndefined();
    expect(fromProcess({ type: '__proto__' })).toBeUndefined();
  });

  test.each([
    { type: 'prepare', op: 1, mode: 'pause', generation: 1, deadline_ms: 1 },
    { type: 'prepare', op: -1, mode: 'stop', generation: 1, deadline_ms: 1 },
    { type: 'prepare', op: 1.5, mode: 'stop', generation: 1, deadline_ms: 1 },
    { type: 'prepare', op: 2 ** 53, mode: 'stop', generation: 1, deadline_ms: 1 },
    { type: 'abort', op: 1, reason: null },
    { type: 'welcome', v: 1, incarnation: 0, generation: 0, outcome: { op: 1, result: 'maybe', deadline_ms: 1 } },
    { type: 'welcome', v: 1, incarnation: 0, generation: 0, restart: {} },
  ])('with wrong fields are errors: %j', (message) => {
    expect(() => fromAgent(message)).toThrow(`a "${message.type}" with missing or wrong fields`);
  });

  test.each([
    { type: 'hello', v: [1], client: '', pid: 1, thread: 0, rank: 0, host: '', sdk: '' },
    { type: 'stopped', op: 1, participant: 'x', channels: [{}] },
    { type: 'rebuilt', op: 1, participants: [1], errors: [] },
  ])('of a process, too: %j', (message) => {
    expect(() => fromProcess(message)).toThrow('with missing or wrong fields');
  });
});

describe('the directory of a participant', () => {
  test.each([
    ['field', 'field'],
    ['halo exchange', 'halo%20exchange'],
    ['../../etc', '%2E.%2F..%2Fetc'],
    ['a.b', 'a.b'],
    ['.hidden', '%2Ehidden'],
    ['100%', '100%25'],
    ['ü\0', '%C3%BC%00'],
  ])('%j is %s', (name, directory) => {
    expect(directoryOf(name, '/rank')).toBe(`/rank/${directory}`);
  });

  test('names that differ have directories that differ, one below that of the rank', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (a, b) => {
        const [left, right] = [directoryOf(a, '/rank'), directoryOf(b, '/rank')];
        expect(left === right).toBe(Buffer.from(a).equals(Buffer.from(b)));
        expect(left).toMatch(/^\/rank\/[^/]+$/);
      }),
    );
  });
});
