import { describe, expect, test } from '@jest/globals';

import { applyRecord, type JobLog } from '../../../src/adaptors/local/events.js';
import { observationOf } from '../../../src/adaptors/local/observation.js';
import type { JobObservation, JobSpec } from '../../../src/saga/spi/job.js';

const HEADER = { layout: 1, host: 'here', boot: 'b', epochAtBoot: 1000, submitter: { pid: 1, start: '1' } } as const;

/** What is told of a job after these records. */
function told(
  records: readonly string[],
  more: { processes?: number; refusal?: string; limits?: JobSpec } = {},
): JobObservation {
  const logs = new Map<number, JobLog>();
  for (const record of records) applyRecord(logs, record);
  const description = {
    executable: 'x',
    ...more.limits,
    ...(more.processes !== undefined && { numberOfProcesses: more.processes }),
  };
  return observationOf(HEADER, { n: 1, created: '1', cwd: '/work', description }, logs.get(1) ?? {}, more.refusal);
}

const START = 'start 1 2 4711 99';
const RUN = 'run 1 3 4712';

describe('what is told of a job', () => {
  test.each([
    [[], 'Running', 'PENDING'],
    [[START], 'Running', 'STARTING'],
    [['phase 1 2 pending'], 'Running', 'PENDING'],
    [[START, 'phase 1 2 pending'], 'Running', 'PENDING'],
    [[START, 'phase 1 2 held'], 'Running', 'HELD'],
    [[START, 'phase 1 2 held', 'release 1 3'], 'Running', 'PENDING'],
    [[START, 'phase 1 2 held', 'release 1 3', 'hold 1 4'], 'Running', 'HELD'],
    [['hold 1 2'], 'Running', 'HELD'],
    [['hold 1 2', 'release 1 3'], 'Running', 'PENDING'],
    [[START, 'phase 1 2 staging_in'], 'Running', 'STAGING_IN'],
    [[START, 'phase 1 2 staging_in', RUN], 'Running', 'RUNNING'],
    [[START, RUN], 'Running', 'RUNNING'],
    [[START, RUN, 'phase 1 4 staging_out'], 'Running', 'STAGING_OUT'],
    [[START, RUN, 'suspend 1 4', 'phase 1 5 staging_out'], 'Running', 'STAGING_OUT'],
    [[START, RUN, 'end 1 6 staging out 0 - - x'], 'Failed', 'STAGING_FAILED'],
    [[START, RUN, 'suspend 1 4'], 'Suspended', 'SUSPENDED'],
    [[START, RUN, 'suspend 1 4', 'resume 1 5'], 'Running', 'RUNNING'],
    [[START, RUN, 'end 1 6 exit 0 0 0.5 2048 -'], 'Done', 'EXITED'],
    [[START, RUN, 'end 1 6 exit 2 0 0.5 2048 -'], 'Failed', 'EXITED'],
    [[START, RUN, 'end 1 6 signal 9 0 0.5 2048 -'], 'Failed', 'SIGNALED'],
    [[START, 'end 1 6 failed ENOENT 0 - - x'], 'Failed', 'NOT_STARTED'],
    [[START, RUN, 'end 1 6 canceled 15 0 - - -'], 'Canceled', 'CANCELED'],
    [[START, RUN, 'end 1 6 limit wall 0 - - -'], 'Failed', 'LIMITED'],
    [[START, RUN, 'lost 1 6'], 'Failed', 'LOST'],
    [['never 1 6 canceled'], 'Canceled', 'CANCELED'],
    [['never 1 6 gone'], 'Failed', 'NEVER_STARTED'],
  ])('%j: %s, %s', (records, state, detail) => {
    expect(told(records)).toMatchObject({ state, detail, executionHosts: ['here'], workingDirectory: '/work' });
  });

  test('has dates as far as they are known', () => {
    expect(told([])).not.toHaveProperty('finished');
    expect(told([START])).not.toHaveProperty('started');
    expect(told([START, RUN, 'end 1 6.5 exit 0 0 0.5 2048 -'])).toMatchObject({
      created: new Date(1_001_000),
      started: new Date(1_003_000),
      finished: new Date(1_006_500),
    });
    expect(told(['never 1 6 gone'])).toMatchObject({ finished: new Date(1_006_000) });
    expect(told([START, 'lost 1 7'])).toMatchObject({ finished: new Date(1_007_000) });
  });

  test('has what was used, and nothing where that is unknown', () => {
    expect(told([START, RUN, 'end 1 6 exit 0 0 0.5 2048 -'])).toMatchObject({ cpuTime: 0.5, memoryUse: 2 });
    const unknown = told([START, RUN, 'end 1 6 exit 0 0 - - -']);
    expect(unknown).not.toHaveProperty('cpuTime');
    expect(unknown).not.toHaveProperty('memoryUse');
  });

  test.each([
    ['end 1 6 exit 2 0 - - -', 1, 'exit code 2'],
    ['end 1 6 exit 2 3 - - -', 4, 'process 3: exit code 2'],
    ['end 1 6 signal 11 0 - - -', 1, 'killed by SIGSEGV (11)'],
    ['end 1 6 signal 63 1 - - -', 2, 'process 1: killed by signal 63'],
    ['end 1 6 staging in 0 - - no%20disk', 1, 'its files could not be brought in: no disk'],
    ['end 1 6 staging out 0 - - no%20disk', 1, 'its results could not be brought out: no disk'],
    ['end 1 6 failed ENOENT 0 - - cannot%20execute', 1, 'could not be started: cannot execute'],
  ])('names the reason of a failure: %s', (end, processes, failure) => {
    expect(told([START, RUN, end], { processes }).failure).toBe(failure);
  });

  test.each([
    ['wall', { wallTimeLimit: 60 }, 'exceeded the wall time limit of 60 s'],
    ['cpu', { totalCPUTime: 2 }, 'exceeded the CPU time limit of 2 s'],
    ['memory', { totalPhysicalMemory: 0.5 }, 'exceeded the memory limit of 0.5 MB'],
    ['wall', {}, 'exceeded the wall time limit'],
  ])('names the limit that was exceeded: %s %j', (name, limits, failure) => {
    const observation = told([START, RUN, `end 1 6 limit ${name} 0 - - too%20much`], { limits });
    expect(observation).toMatchObject({ failure, stderrTail: 'too much' });
    expect(observation).not.toHaveProperty('termsig');
    expect(observation).not.toHaveProperty('exitCode');
  });

  test('says that an outcome is unknown, and why', () => {
    expect(told([START, 'lost 1 6']).failure).toMatch(/^outcome unknown: .*was killed, or the machine was restarted$/);
  });

  test('says why a job never started', () => {
    expect(told(['never 1 6 gone']).failure).toMatch(/^never started: its submitter ended/);
    expect(told(['never 1 6 gone'], { refusal: 'disk full' }).failure).toBe('never started: disk full');
  });

  test('has an exit code, a signal and the end of standard error where they belong', () => {
    expect(told(['end 1 6 exit 2 0 - - no%20luck'])).toMatchObject({ exitCode: 2, stderrTail: 'no luck' });
    expect(told(['end 1 6 exit 2 0 - - -'])).not.toHaveProperty('stderrTail');
    expect(told(['end 1 6 exit 2 0 - - -'])).not.toHaveProperty('termsig');
    expect(told(['end 1 6 signal 9 0 - - -'])).toMatchObject({ termsig: 9 });
    expect(told(['end 1 6 signal 9 0 - - -'])).not.toHaveProperty('exitCode');
    expect(told(['end 1 6 canceled 9 0 - - -'])).toMatchObject({ termsig: 9 });
  });
});
