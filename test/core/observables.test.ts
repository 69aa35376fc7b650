import { describe, expect, jest, test } from '@jest/globals';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';

import { NoSuccess } from '../../src/saga/core/exceptions.js';
import { Metric, type MetricEvent } from '../../src/saga/core/metric.js';
import { Task, TaskState } from '../../src/saga/core/task.js';

const FINAL: ReadonlySet<TaskState> = new Set([TaskState.Done, TaskState.Canceled, TaskState.Failed]);

class Simulation extends Task<void> {
  readonly residual: Metric;
  watches = 0;

  constructor(residual = new Metric('sim.residual', 'of the solver', 'ReadOnly', '1', 'Float', '1')) {
    super({ states: TaskState, final: FINAL, stateMetric: 'task.state', metrics: [residual] });
    this.residual = residual;
  }

  move(state: TaskState): void {
    this.moveTo(state);
  }

  giveUp(): void {
    this.abandon(new NoSuccess('closed'));
  }

  clone(): this {
    throw new NoSuccess('not needed here');
  }

  protected start(): Promise<void> {
    return Promise.resolve();
  }

  protected abort(): Promise<void> {
    return Promise.resolve();
  }

  protected override watch(): () => void {
    this.watches++;
    return () => {
      this.watches--;
    };
  }
}

const values = (events: MetricEvent[]): string[] => events.map(({ value }) => value);

describe('state$', () => {
  test('replays the present state, gives the changes and completes after the last', async () => {
    const task = new Simulation();
    const early = lastValueFrom(task.state$.pipe(toArray()));
    await task.run();
    const late = lastValueFrom(task.state$.pipe(toArray()));
    task.move(TaskState.Done);
    await expect(early).resolves.toEqual([TaskState.New, TaskState.Running, TaskState.Done]);
    await expect(late).resolves.toEqual([TaskState.Running, TaskState.Done]);
    await expect(lastValueFrom(task.state$.pipe(toArray()))).resolves.toEqual([TaskState.Done]);
  });

  test('completes, and does not error, when the task fails', async () => {
    const task = new Simulation();
    await task.run();
    const states = lastValueFrom(task.state$);
    task.move(TaskState.Failed);
    await expect(states).resolves.toBe(TaskState.Failed);
  });

  test('the task is watched while it is subscribed to', async () => {
    const task = new Simulation();
    await task.run();
    const subscription = task.state$.subscribe();
    expect(task.watches).toBe(1);
    subscription.unsubscribe();
    expect(task.watches).toBe(0);
    await expect(firstValueFrom(task.state$)).resolves.toBe(TaskState.Running);
    expect(task.watches).toBe(0);
  });

  test('an unsubscribed observer is told no more', async () => {
    const task = new Simulation();
    await task.run();
    const told = jest.fn();
    task.state$.subscribe(told).unsubscribe();
    task.move(TaskState.Done);
    expect(told.mock.calls).toEqual([[TaskState.Running]]);
  });

  test('completes when the task can not be followed any more', async () => {
    const task = new Simulation();
    await task.run();
    const states = lastValueFrom(task.state$.pipe(toArray()));
    task.giveUp();
    await expect(states).resolves.toEqual([TaskState.Running]);
    expect(task.watches).toBe(0);
  });
});

describe('observe', () => {
  test('replays the present value, gives the events, and completes with the task', async () => {
    const task = new Simulation();
    await task.run();
    const events = lastValueFrom(task.observe('sim.residual').pipe(toArray()));
    task.residual.update('0.5');
    task.residual.update('0.5');
    task.move(TaskState.Done);
    task.residual.update('0.1');
    const told = await events;
    expect(values(told)).toEqual(['1', '0.5', '0.5']);
    expect(told[1]).toEqual({ name: 'sim.residual', value: '0.5', time: expect.any(Date) });
  });

  test('gives the literals of the state metric, the last one too', async () => {
    const task = new Simulation();
    const events = lastValueFrom(task.observe('task.state').pipe(toArray()));
    await task.run();
    task.move(TaskState.Canceled);
    expect(values(await events)).toEqual(['New', 'Running', 'Canceled']);
  });

  test('completes with the metric', async () => {
    const task = new Simulation();
    await task.run();
    const events = lastValueFrom(task.observe('sim.residual').pipe(toArray()));
    task.residual.finish();
    expect(values(await events)).toEqual(['1']);
    expect(values(await lastValueFrom(task.observe('sim.residual').pipe(toArray())))).toEqual(['1']);
    expect(task.watches).toBe(0);
  });

  test('of an unknown metric throws DoesNotExist', () => {
    expect(() => new Simulation().observe('sim.pressure')).toThrow(
      expect.objectContaining({ code: 'DoesNotExist', message: expect.stringContaining('sim.pressure') }),
    );
  });
});
