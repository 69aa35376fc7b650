import { describe, expect, test } from '@jest/globals';

import { parseConfig } from '../../src/callbacks/grid/config.js';
import { flawInDrain } from '../../src/callbacks/grid/drain-proof.js';
import { socketPath } from '../../src/callbacks/grid/socket-path.js';
import type { ChannelDrain } from '../../src/callbacks/participant.js';

const LEAST = { layout: 1, job: 'j', checkpoints: '/c' };
const parse = (fields: object): unknown => parseConfig(JSON.stringify({ ...LEAST, ...fields }), 'config.json');

describe('config.json', () => {
  test('needs a job and a directory; the rest has defaults', () => {
    expect(parse({ deadlines: { stop: 5 } })).toEqual({
      job: 'j',
      checkpoints: '/c',
      unit: '0',
      takeOver: false,
      replicationLevel: 1,
      copies: [],
      keepCheckpoints: 2,
      processes: 0,
      deadlines: { stop: 5, save: 600, resume: 60, rebuild: 600 },
      units: ['0'],
    });
  });

  test('of a unit that does not decide has no units', () => {
    expect(parse({ unit: '1', coordinator: { address: '/a' } })).toMatchObject({ units: undefined });
  });

  test.each<[string, object]>([
    ['layout must be 1', { layout: 0 }],
    ['has layout 2, this xosaga knows 1: upgrade', { layout: 2 }],
    ['job must be the id of a job', { job: 'a b' }],
    ['checkpoints must be an absolute path', { checkpoints: 'here' }],
    ['unit must be a name of letters, digits, ".", "_" and "-"', { unit: '../0' }],
    ['takeOver must be true or false', { takeOver: 1 }],
    ['replicationLevel must be a number from 1 to 16', { replicationLevel: 17 }],
    ['copies must be a list of absolute paths', { copies: '/c' }],
    ['keepCheckpoints must be a number from 1 on', { keepCheckpoints: 0 }],
    ['processes must be a number from 0 on', { processes: -1 }],
    ['deadlines must be seconds above 0', { deadlines: { stop: 0 } }],
    ['keeper must be the pid and start of a process', { keeper: { pid: -1, start: '1' } }],
    ['units must be the names of all units, this one among them', { units: ['1'] }],
    ['coordinator must be left out where units is given', { units: ['0'], coordinator: { unix: '/s' } }],
    ['listen must be {"unix": path}', { listen: { unix: 'here' } }],
    ['listen must be', { listen: { unix: '/s', directory: '/d' } }],
    ['listen must be', { listen: { host: 'n1' } }],
    ['coordinator must be', { coordinator: { host: 'n1', port: 0 } }],
    ['secret must be an absolute path', { secret: 'mine' }],
  ])('%s', (message, fields) => {
    expect(() => parse(fields)).toThrow(`config.json${message.startsWith('has') ? ' ' : ': '}${message}`);
  });

  test.each(['', '[]', '{'])('%p is none', (text) => {
    expect(() => parseConfig(text, 'config.json')).toThrow(/^config\.json is no JSON/);
  });
});

describe('the proof of a drain', () => {
  const flow = (messages: number, digest = '') => ({ messages, bytes: messages, digest });
  const end = (name: string, sent: number, received: number, more: object = {}): ChannelDrain => ({
    id: 'c',
    end: name,
    sent: flow(sent),
    received: flow(received),
    ...more,
  });

  test.each<[string | undefined, ChannelDrain[]]>([
    [undefined, []],
    [undefined, [end('0', 3, 2), end('1', 2, 3)]],
    [undefined, [end('0', 3, 2, { outside: true })]],
    ['channel "c": only end "0" was reported', [end('0', 0, 0)]],
    ['channel "c": end "0" was reported once too often', [end('0', 0, 0), end('0', 0, 0)]],
    ['channel "c": end "2" was reported once too often', [end('0', 0, 0), end('1', 0, 0), end('2', 0, 0)]],
    [
      'channel "c": end "1" has sent 2 messages (2 bytes), end "0" has received 1 messages (1 bytes)',
      [end('0', 3, 1), end('1', 2, 3)],
    ],
    [
      'channel "c": end "0" has sent 3 messages (3 bytes), end "1" has received 3 messages (3 bytes), not the same ones',
      [end('0', 3, 2), end('1', 2, 3, { received: flow(3, 'other') })],
    ],
  ])('%p', (flaw, reports) => {
    expect(flawInDrain(reports)).toBe(flaw);
  });
});

test('the path of a socket follows from the directory, and fits', () => {
  expect(socketPath('/home/ada/.xosaga/checkpoint/j')).toBe('/home/ada/.xosaga/checkpoint/j/socket');
  const long = `/${'x'.repeat(200)}`;
  expect(Buffer.byteLength(socketPath(long))).toBeLessThanOrEqual(103);
  expect(socketPath(long)).toBe(socketPath(long));
  expect(socketPath(long)).not.toBe(socketPath(`${long}y`));
});
