/** Outside of a checkpointable job everything is harmless; and what can be no participant is refused anywhere. */
import { describe, expect, test } from '@jest/globals';
import { checkpointing, CheckpointVeto, NotUnderCheckpointer } from '../../src/callbacks/index.js';
import type { CheckpointParticipant } from '../../src/callbacks/index.js';

describe('outside of a checkpointable job', () => {
  test('participants are registered, and nothing happens to them', async () => {
    const registration = checkpointing.register({ name: 'field', stop: () => {} });
    expect(registration.active).toBe(true);
    expect(await checkpointing.ready()).toBe(false);
    expect(await checkpointing.criticalSection(() => 1)).toBe(1);
    await registration.unregister();
    await registration.unregister();
    expect(registration.active).toBe(false);
    expect(checkpointing.connected).toBe(false);
    expect(checkpointing.generation).toBe(0);
    expect(checkpointing.incarnation).toBe(0);
    expect(checkpointing.last).toBeUndefined();
  });

  test.each([
    ['checkpointing.request()', () => checkpointing.request()],
    ['checkpointing.publish()', () => checkpointing.publish('a', 'b')],
    ['checkpointing.resolve()', () => checkpointing.resolve('a')],
  ])('%s says that there is no checkpointer', async (what, call) => {
    const called = call();
    await expect(called).rejects.toThrow(NotUnderCheckpointer);
    await expect(called).rejects.toThrow(
      `${what}: this process is not part of a checkpointable job (XOSAGA_CKPT_SOCKET is not set); submit it with a checkpointer, or do without checkpoints here`,
    );
  });
});

describe('what can be no participant', () => {
  test.each<[string, unknown, string]>([
    ['no name', { stop: () => {} }, 'a participant needs a name, a string'],
    ['an empty name', { name: '', stop: () => {} }, 'must not be empty'],
    [
      'a name that no directory can have',
      { name: '\u00fc'.repeat(40), stop: () => {} },
      'the name of a participant must not be empty or take more than 200 bytes as the name of a directory',
    ],
    [
      'no callback',
      { name: 'field', resumeCP: () => {} },
      '"field" has none of the callbacks stop, checkpoint, resumeCp, rebuild, resumeRst',
    ],
    ['a callback that is none', { name: 'field', stop: true }, 'stop of "field" must be a function'],
    [
      'a priority that is none',
      { name: 'field', priority: NaN, stop: () => {} },
      'the priority of "field" must be a finite number',
    ],
    [
      'no time at all',
      { name: 'field', deadline: 0, stop: () => {} },
      'the deadline of "field" must be a number of seconds above 0, not 0',
    ],
  ])('%s', (_, participant, message) => {
    expect(() => checkpointing.register(participant as CheckpointParticipant)).toThrow(message);
  });

  test('a name that is taken', async () => {
    await using _registration = checkpointing.register({ name: 'twice', stop: () => {} });
    expect(() => checkpointing.register({ name: 'twice', stop: () => {} })).toThrow(
      'a participant named "twice" is registered already; names are unique',
    );
  });

  test('a mode of a request that is none', async () => {
    await expect(checkpointing.request({ mode: 'pause' as never })).rejects.toThrow(
      "mode must be 'continue' or 'stop', not 'pause'",
    );
  });

  test('a deadline of a request that is none', async () => {
    await expect(checkpointing.request({ deadline: -1 })).rejects.toThrow(
      'deadline must be a number of seconds above 0, not -1',
    );
  });
});

describe('CheckpointVeto', () => {
  test('is recognised across copies of the library', () => {
    const veto = new CheckpointVeto('busy', { retryAfter: 2, cause: 'why' });
    expect(CheckpointVeto.is(veto)).toBe(true);
    expect(CheckpointVeto.is(new Error('busy'))).toBe(false);
    expect(veto).toMatchObject({ name: 'CheckpointVeto', message: 'busy', retryAfter: 2, cause: 'why' });
    expect(new CheckpointVeto('busy')).not.toHaveProperty('cause');
  });
});
