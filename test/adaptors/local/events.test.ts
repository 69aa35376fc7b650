import { describe, expect, test } from '@jest/globals';

import { applyRecord, isSettled, type JobLog } from '../../../src/adaptors/local/events.js';

/** What the journal says of job 1. */
function logOf(...lines: string[]): JobLog {
  const logs = new Map<number, JobLog>();
  for (const line of lines) applyRecord(logs, line);
  return logs.get(1) ?? {};
}

const START = 'start 1 10.5 4711 99';
const NEVER = 'never 1 10.6 gone';
const KEEPER = { by: 'keeper', time: '10.5', keeper: { pid: 4711, start: '99' } };

describe('the journal of events', () => {
  test('tells of a job from its claim to its end', () => {
    const log = logOf(START, 'run 1 10.7 4712', 'end 1 11 exit 3 0 0.25 2048 no%20luck%FF');
    expect(log.claim).toEqual(KEEPER);
    expect(log.run).toEqual({ time: '10.7', group: 4712 });
    expect(log.end).toEqual({
      time: '11',
      kind: 'exit',
      value: '3',
      rank: 0,
      cpu: 0.25,
      rss: 2048,
      text: 'no luck\udcff',
    });
  });

  test('knows that a usage is unknown and that a text is none', () => {
    expect(logOf('end 1 11 canceled 15 0 - - -').end).toMatchObject({ cpu: undefined, rss: undefined, text: '' });
    expect(logOf('end 1 11 exit 1 0 - - %2D').end).toMatchObject({ text: '-' });
  });

  test('knows which limit ended a job', () => {
    expect(logOf('end 1 11 limit memory 0 - - -').end).toMatchObject({ kind: 'limit', value: 'memory' });
  });

  test('knows which way the files did not go', () => {
    expect(logOf('end 1 11 staging out 0 - - no%20disk').end).toMatchObject({
      kind: 'staging',
      value: 'out',
      text: 'no disk',
    });
  });

  test('knows what a job waits for, until its processes run', () => {
    expect(logOf(START, 'phase 1 11 pending', 'phase 1 12 staging_in').phase).toBe('staging_in');
    expect(logOf(START, 'phase 1 11 pending', 'run 1 12 4712').phase).toBeUndefined();
    expect(logOf(START, 'run 1 12 4712', 'phase 1 13 staging_out', 'run 1 12 4712').phase).toBe('staging_out');
  });

  test('takes a job for held when its keeper has answered the last hold', () => {
    expect(logOf('hold 1 10')).toEqual({ hold: true, isHeld: false });
    expect(logOf('hold 1 10', START, 'phase 1 11 held')).toMatchObject({ hold: true, isHeld: true });
    expect(logOf('hold 1 10', START, 'phase 1 11 held', 'hold 1 12').isHeld).toBe(false);
    expect(logOf('hold 1 10', START, 'phase 1 11 held', 'release 1 12')).toMatchObject({ hold: false, isHeld: false });
    expect(logOf(START, 'phase 1 11 held', 'phase 1 12 pending').isHeld).toBe(false);
  });

  test('knows that a job was pruned', () => {
    expect(logOf(START, 'end 1 11 exit 0 0 - - -', 'pruned 1 12')).toMatchObject({ pruned: true });
    expect(logOf('pruned 2 12').pruned).toBeUndefined();
  });

  test('counts the first claim, whoever made it', () => {
    expect(logOf(START, NEVER).claim).toEqual(KEEPER);
    expect(logOf(NEVER, START).claim).toEqual({ by: 'nobody', time: '10.6', reason: 'gone' });
    expect(logOf(START, 'start 1 10.5 4713 99').claim).toEqual(KEEPER);
  });

  test('counts the first end', () => {
    expect(logOf('lost 1 12', 'end 1 13 exit 0 0 - - -').end).toEqual({ kind: 'lost', time: '12' });
    expect(logOf('end 1 13 exit 0 0 - - -', 'lost 1 14').end).toMatchObject({ kind: 'exit' });
  });

  test('counts the last run, as a torn one is written again', () => {
    expect(logOf('run 1 10 12', 'run 1 11 4712').run).toEqual({ time: '11', group: 4712 });
  });

  test('knows what was stopped last', () => {
    expect(logOf('suspend 1 10').suspended).toBe(true);
    expect(logOf('suspend 1 10', 'resume 1 11').suspended).toBe(false);
  });

  test('is settled by an end and by a claim for nobody', () => {
    expect(isSettled(logOf(START, 'run 1 10 12'))).toBe(false);
    expect(isSettled(logOf(NEVER))).toBe(true);
    expect(isSettled(logOf('lost 1 10'))).toBe(true);
    expect(isSettled({})).toBe(false);
  });

  test.each([
    ['torn', 'start 1 10.5 4711'],
    ['torn', 'never 1 10.6'],
    ['torn', 'end 1 11 exit 0 0 0.1 2048'],
    ['torn', 'run 1 10.7'],
    ['torn', 'lost 1'],
    ['too long', 'lost 1 10 x'],
    ['too long', 'start 1 10.5 4711 99 x'],
    ['with an empty word', 'start 1 10.5  99'],
    ['with an empty word', 'never 1 10.5 '],
    ['of no job', 'lost 0 10'],
    ['of no job', 'lost x 10'],
    ['of no job', 'lost 1.5 10'],
    ['of another word', 'ended 1 10'],
    ['of another end', 'end 1 11 vanished 0 0 - - -'],
    ['of another limit', 'end 1 11 limit patience 0 - - -'],
    ['of another way', 'end 1 11 staging up 0 - - x'],
    ['of another phase', 'phase 1 11 waiting'],
    ['torn', 'phase 1 11'],
    ['torn', 'hold 1'],
    ['too long', 'pruned 1 11 x'],
    ['of another limit', 'end 1 11 limit toString 0 - - -'],
    ['that would signal everybody', 'run 1 10 1'],
    ['that would signal ourselves', 'run 1 10 0'],
    ['without words', ''],
  ])('passes over a record %s: %s', (_, line) => {
    const logs = new Map<number, JobLog>();
    expect(applyRecord(logs, line)).toBeUndefined();
    expect(logs.get(1) ?? {}).toEqual({});
  });

  test('tells whose record it was', () => {
    const logs = new Map<number, JobLog>();
    expect(applyRecord(logs, 'lost 17 10')).toBe(17);
    expect(applyRecord(logs, 'lost 17 11')).toBeUndefined();
  });
});
