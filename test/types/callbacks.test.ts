import { describe, expect, test } from '@jest/globals';
import type { Observable } from 'rxjs';

import type {
  AnyTask,
  Callback,
  Context,
  Job,
  JobState,
  Metric,
  MetricEvent,
  Monitorable,
  Task,
  TaskState,
} from '../../src/index.js';
import type { CallbackLike } from '../../src/saga/core/callback.js';
import type { Same } from '../support/types.js';

describe('callbacks', () => {
  test('are functions or objects, synchronous or not', () => {
    const callbacks: CallbackLike[] = [
      () => true,
      () => Promise.resolve(false),
      (_mt, metric) => metric.value === 'Done',
      { cb: (_mt, _metric, context) => context.type !== 'Unknown' },
    ];
    expect(callbacks).toHaveLength(4);
  });

  test('with a forgotten return do not compile', () => {
    const told: string[] = [];
    // @ts-expect-error -- returns nothing: the callback would silently be removed after its first call
    const forgetful: CallbackLike = (_mt, metric) => {
      told.push(metric.value);
    };
    // @ts-expect-error -- resolves to nothing
    const late: CallbackLike = async () => {
      await Promise.resolve();
    };
    const half: Callback = {
      // @ts-expect-error -- returns nothing in one case
      cb: (_mt: unknown, metric: Metric) => {
        if (metric.value === 'Done') return false;
      },
    };
    expect([forgetful, late, half]).toHaveLength(3);
  });

  test('get the metric and the context typed', () => {
    const proof: Same<Parameters<Callback['cb']>, [mt: Monitorable, metric: Metric, ctx: Context]> = true;
    expect(proof).toBe(true);
  });
});

describe('tasks', () => {
  test('have the states of their class', () => {
    const proofs: [
      Same<Awaited<ReturnType<Task<number>['getState']>>, TaskState>,
      Same<Awaited<ReturnType<Job['getState']>>, JobState>,
      Same<Job['state$'], Observable<JobState>>,
      Same<ReturnType<Job['observe']>, Observable<MetricEvent>>,
      Same<Awaited<ReturnType<Task<number>['getResult']>>, number>,
      Same<Awaited<ReturnType<Job['toPromise']>>, void>,
    ] = [true, true, true, true, true, true];
    expect(proofs).not.toContain(false);
  });

  test('of all results, jobs too, are any task', () => {
    const accept = (task: AnyTask): AnyTask => task;
    const uses: [(job: Job) => AnyTask, (task: Task<string>) => AnyTask] = [accept, accept];
    expect(uses).toHaveLength(2);
  });

  test('are not thenable', () => {
    const proof: Same<'then' extends keyof Task<number> ? true : false, false> = true;
    expect(proof).toBe(true);
  });
});
