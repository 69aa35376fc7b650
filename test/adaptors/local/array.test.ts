import { describe, expect, test } from '@jest/globals';

import { arrayObservation } from '../../../src/adaptors/local/array-observation.js';
import { parseArray, taskOf, withIndex, withoutIndex } from '../../../src/adaptors/local/array.js';
import type { JobObservation } from '../../../src/saga/spi/job.js';

describe('the indices of an array', () => {
  test.each([
    ['0-3', [0, 1, 2, 3], undefined],
    ['1-9:2', [1, 3, 5, 7, 9], undefined],
    ['1-8:3', [1, 4, 7], undefined],
    ['1,3,5-7', [1, 3, 5, 6, 7], undefined],
    ['7,5-6,5,1', [1, 5, 6, 7], undefined],
    ['0', [0], undefined],
    ['007', [7], undefined],
    ['999999999', [999_999_999], undefined],
    ['0-99%10', Array.from({ length: 100 }, (_, i) => i), 10],
    ['1,2%1', [1, 2], 1],
    ['1-4%4', [1, 2, 3, 4], undefined],
    ['1-4%100', [1, 2, 3, 4], undefined],
  ])('are read from %s', (text, indices, atOnce) => {
    expect(parseArray(text)).toEqual({ indices, atOnce });
  });

  test('may be ten thousand, and no more', () => {
    expect(parseArray('0-9999').indices).toHaveLength(10_000);
    expect(() => parseArray('0-10000')).toThrow(
      "Array '0-10000' has more than the 10000 tasks that a local array can have",
    );
    // What would take for ever to count is not counted.
    expect(() => parseArray('0-999999999')).toThrow(/10000/);
  });

  test.each([
    '',
    ' ',
    'x',
    '-1',
    '1-',
    '-',
    '1-2-3',
    '3-1',
    '1-9:0',
    '1-9:',
    '5:2',
    '1,',
    ',1',
    '1,,2',
    '1 2',
    '1, 2',
    '1.5',
    '0x10',
    '1-9%',
    '1-9%0',
    '1-9%x',
    '1-9%1%2',
    '%5',
    '1000000000',
    '1-9%1000000000',
  ])('are not read from %j', (text) => {
    expect(() => parseArray(text)).toThrow(`Array '${text}' is no list of indices; write '0-99', '1-9:2'`);
  });
});

describe('a task', () => {
  test('has its index in the names of its files and in its environment', () => {
    const spec = {
      executable: '%a',
      arguments: ['%a'],
      environment: ['A=%a'],
      workingDirectory: 'run%a',
      input: '%a.in',
      output: '%a-%a.out',
      error: '100%%.%a',
      fileTransfer: ['in%20%a > x', 'y%a < z'],
      array: '1-9%2',
      name: 'n',
    };
    expect(taskOf(spec, 7)).toEqual({
      executable: '%a',
      arguments: ['%a'],
      environment: ['A=%a', 'XOSAGA_ARRAY_TASK_ID=7'],
      workingDirectory: 'run7',
      input: '7.in',
      output: '7-7.out',
      error: '100%.7',
      fileTransfer: ['in%207 > x', 'y7 < z'],
      name: 'n',
    });
    expect(taskOf({ executable: 'x', array: '0' }, 0)).toEqual({
      executable: 'x',
      environment: ['XOSAGA_ARRAY_TASK_ID=0'],
    });
  });

  test.each([
    ['%a', '12'],
    ['%%a', '%a'],
    ['%%%a', '%12'],
    ['%b%', '%b%'],
    ['%A', '%A'],
  ])('reads %s as %s', (text, expected) => {
    expect(withIndex(text, '12')).toBe(expected);
    expect(withIndex(withoutIndex(text), '12')).toBe(text);
  });
});

describe('an array as a whole', () => {
  const COMMON = { executionHosts: ['here'] };
  const whole = (...tasks: JobObservation[]): JobObservation =>
    arrayObservation(
      COMMON,
      tasks.map((seen, i) => ({ index: 10 * (i + 1), seen })),
    );
  const going = (detail: string, state: 'Running' | 'Suspended' = 'Running'): JobObservation => ({ state, detail });
  const done = { state: 'Done', detail: 'EXITED', exitCode: 0 } as const;
  const failed = { state: 'Failed', detail: 'EXITED', exitCode: 3, failure: 'exit code 3', stderrTail: 'no' } as const;
  const canceled = { state: 'Canceled', detail: 'CANCELED' } as const;

  test.each([
    [[going('PENDING'), going('HELD')], 'Running', 'PENDING'],
    [[going('HELD'), done], 'Running', 'HELD'],
    [[going('STARTING'), going('RUNNING'), failed, canceled], 'Running', 'RUNNING'],
    [[going('STAGING_OUT'), going('PENDING')], 'Running', 'STAGING_OUT'],
    [[going('SUSPENDED', 'Suspended'), going('PENDING'), done], 'Suspended', 'SUSPENDED'],
    [[going('SUSPENDED', 'Suspended'), going('RUNNING')], 'Running', 'RUNNING'],
    [[done, done], 'Done', 'EXITED'],
    [[done, failed], 'Failed', 'EXITED'],
    [[failed, canceled, done], 'Canceled', 'CANCELED'],
  ])('%j is %s, %s', (tasks, state, detail) => {
    expect(whole(...(tasks as JobObservation[]))).toMatchObject({ ...COMMON, state, detail });
  });

  test('names the tasks that failed, and the reason of the first', () => {
    expect(whole(done, failed, { ...failed, failure: 'exit code 4' })).toMatchObject({
      failure: '2 of its 3 tasks failed: 20, 30; task 20: exit code 3',
      stderrTail: 'no',
    });
    const { failure } = whole(...Array.from({ length: 12 }, () => failed));
    expect(failure).toBe(
      '12 of its 12 tasks failed: 10, 20, 30, 40, 50, 60, 70, 80, 90, 100 and 2 more; task 10: exit code 3',
    );
  });

  test('lasts from the first start to the last end, and has no exit code', () => {
    const at = (seconds: number): Date => new Date(seconds * 1000);
    const first = { ...done, started: at(1), finished: at(9), cpuTime: 1.5 };
    const second = { ...done, started: at(2), finished: at(5), cpuTime: 2 };
    const seen = whole(second, first);
    expect(seen).toMatchObject({ started: at(1), finished: at(9), cpuTime: 3.5 });
    expect(seen).not.toHaveProperty('exitCode');
    expect(whole(first, going('PENDING'))).toMatchObject({ started: at(1) });
    expect(whole(first, going('PENDING'))).not.toHaveProperty('finished');
  });
});
