import { afterEach, describe, expect, jest, test } from '@jest/globals';

import type { CallOptions } from '../../src/saga/core/call-options.js';
import { BadParameter, NoSuccess, type SagaException } from '../../src/saga/core/exceptions.js';
import { Metric } from '../../src/saga/core/metric.js';
import { ObjectType } from '../../src/saga/core/object.js';
import { OperationTask } from '../../src/saga/core/operation-task.js';
import { Task, type TaskOutcome, TaskState } from '../../src/saga/core/task.js';
import { startTimer } from '../../src/saga/core/time-limit.js';
import { Session } from '../../src/saga/core/session.js';
import { rule } from '../support/rules.js';

const FINAL: ReadonlySet<TaskState> = new Set([TaskState.Done, TaskState.Canceled, TaskState.Failed]);

/** A task whose states the test makes. */
class ManualTask extends Task<string> {
  readonly log: string[] = [];
  failToStart: SagaException | undefined;
  cancelAtOnce = false;
  backendState: TaskState | undefined;

  constructor(metrics: readonly Metric[] = [], initial?: TaskState) {
    super({ states: TaskState, final: FINAL, stateMetric: 'task.state', metrics, ...(initial ? { initial } : {}) });
  }

  move(state: TaskState, outcome?: TaskOutcome<string>): void {
    this.moveTo(state, outcome);
  }

  giveUp(reason: SagaException): void {
    this.abandon(reason);
  }

  clone(): this {
    throw new NoSuccess('not needed here');
  }

  protected start(): Promise<void> {
    this.log.push('start');
    if (this.failToStart) return Promise.reject(this.failToStart);
    return Promise.resolve();
  }

  protected abort(timeout: number): Promise<void> {
    this.log.push(`abort ${timeout}`);
    if (this.cancelAtOnce) this.moveTo(TaskState.Canceled);
    return Promise.resolve();
  }

  protected override watch(): () => void {
    this.log.push('watch');
    return () => this.log.push('unwatch');
  }

  protected override refresh(options?: CallOptions): Promise<TaskState> {
    if (this.backendState) this.moveTo(this.backendState);
    return super.refresh(options);
  }
}

async function running(): Promise<ManualTask> {
  const task = new ManualTask();
  await task.run();
  return task;
}

async function inState(state: TaskState): Promise<ManualTask> {
  const task = new ManualTask();
  if (state === TaskState.New) return task;
  await task.run();
  task.move(state, { result: 'the result', error: new BadParameter('the failure') });
  return task;
}

const STARTED = [TaskState.Running, TaskState.Done, TaskState.Canceled, TaskState.Failed];
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const incorrectState = { code: 'IncorrectState' };

afterEach(() => {
  jest.useRealTimers();
});

describe('run', () => {
  rule(132, 'run() goes from New to Running; in any other state it throws IncorrectState', async () => {
    const task = new ManualTask();
    await task.run();
    await expect(task.getState()).resolves.toBe(TaskState.Running);
    for (const state of STARTED) {
      const other = await inState(state);
      await expect(other.run()).rejects.toMatchObject(incorrectState);
      await expect(other.getState()).resolves.toBe(state);
    }
    await expect(task.run()).rejects.toMatchObject({
      message: 'task.run: the state is Running; only a New task can be run',
      operation: 'task.run',
    });
  });

  test('a second run() while the first is going on is refused', async () => {
    const task = new ManualTask();
    const first = task.run();
    await expect(task.run()).rejects.toMatchObject({ message: expect.stringContaining('run() is going on already') });
    await expect(first).resolves.toBeUndefined();
  });

  test('a start that fails leaves the task New, to be run again', async () => {
    const task = new ManualTask();
    task.failToStart = new BadParameter('no such program');
    await expect(task.run()).rejects.toBe(task.failToStart);
    await expect(task.getState()).resolves.toBe(TaskState.New);
    task.failToStart = undefined;
    await task.run();
    await expect(task.getState()).resolves.toBe(TaskState.Running);
  });

  test('run() with an aborted signal starts nothing', async () => {
    const task = new ManualTask();
    const reason = new Error('changed my mind');
    await expect(task.run({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'NoSuccess',
      message: 'task.run was aborted by its signal',
      cause: reason,
    });
    expect(task.log).toEqual([]);
  });

  test('an abort ends the call of run() at once; a start that goes on is not undone', async () => {
    const task = new ManualTask();
    const abort = new AbortController();
    const run = task.run({ signal: abort.signal });
    abort.abort();
    await expect(run).rejects.toMatchObject({ code: 'NoSuccess', message: 'task.run was aborted by its signal' });
    await settle();
    await expect(task.getState()).resolves.toBe(TaskState.Running);
  });
});

describe('wait', () => {
  rule(133, 'wait() in New throws IncorrectState', async () => {
    await expect(new ManualTask().wait()).rejects.toMatchObject({
      code: 'IncorrectState',
      message: 'task.wait: the state is New; await run() first',
    });
    await expect(new ManualTask().wait(0)).rejects.toMatchObject(incorrectState);
  });

  rule([24, 134], 'wait(0) tells at once whether the task is final', async () => {
    for (const state of STARTED) {
      const task = await inState(state);
      await expect(task.wait(0)).resolves.toBe(FINAL.has(state));
    }
    const finished = await running();
    finished.backendState = TaskState.Done;
    await expect(finished.wait(0)).resolves.toBe(true);
  });

  rule([23, 26, 135], 'wait() and wait(-1) wait for ever and give true', async () => {
    jest.useFakeTimers();
    for (const timeout of [undefined, -1, -0.5]) {
      const task = await running();
      const settled = jest.fn();
      const waiting = task.wait(timeout).then(settled);
      await jest.advanceTimersByTimeAsync(365 * 24 * 3600 * 1000);
      expect(settled).not.toHaveBeenCalled();
      task.move(TaskState.Done);
      await waiting;
      expect(settled).toHaveBeenCalledWith(true);
    }
  });

  rule([12, 25, 136], 'a wait that elapses, fractions of a second too, gives false and throws nothing', async () => {
    jest.useFakeTimers();
    const task = await running();
    const settled = jest.fn();
    const waiting = task.wait(0.25).then(settled);
    await jest.advanceTimersByTimeAsync(249);
    expect(settled).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    await waiting;
    expect(settled).toHaveBeenCalledWith(false);
  });

  rule(137, 'wait() on a final task gives true at once', async () => {
    for (const state of FINAL) {
      const task = await inState(state);
      await expect(task.wait()).resolves.toBe(true);
      await expect(task.wait(10)).resolves.toBe(true);
    }
  });

  test('a timeout longer than a timer can hold does not elapse at once', () => {
    jest.useFakeTimers();
    const expired = jest.fn();
    const seconds = 60 * 24 * 3600;
    startTimer(seconds, expired);
    jest.advanceTimersByTime(seconds * 1000 - 1);
    expect(expired).not.toHaveBeenCalled();
    jest.advanceTimersByTime(1);
    expect(expired).toHaveBeenCalledTimes(1);
    const never = startTimer(Infinity, expired);
    jest.advanceTimersByTime(seconds * 1000);
    never();
    expect(expired).toHaveBeenCalledTimes(1);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('a timeout that is no number is refused', async () => {
    const task = await running();
    const message = 'a timeout is a number of seconds, -1 to wait for ever, 0 not to wait; got ';
    await expect(task.wait(NaN)).rejects.toMatchObject({ code: 'BadParameter', message: `${message}NaN` });
    await expect(task.wait('1' as unknown as number)).rejects.toMatchObject({ message: `${message}1` });
    await expect(task.cancel(NaN)).rejects.toMatchObject({ code: 'BadParameter' });
  });

  test('an abort rejects the wait at once and leaves the task alone', async () => {
    const task = await running();
    const abort = new AbortController();
    const waiting = task.wait(-1, { signal: abort.signal });
    abort.abort('enough');
    await expect(waiting).rejects.toMatchObject({
      code: 'NoSuccess',
      message: 'task.wait was aborted by its signal',
      cause: 'enough',
    });
    await expect(task.getState()).resolves.toBe(TaskState.Running);
    await expect(task.wait(-1, { signal: abort.signal })).rejects.toMatchObject({ code: 'NoSuccess' });
  });

  test("a signal's time limit is a Timeout", async () => {
    const task = await running();
    await expect(task.wait(-1, { signal: AbortSignal.timeout(1) })).rejects.toMatchObject({
      code: 'Timeout',
      message: 'task.wait was aborted: the time limit of its signal has passed',
      cause: expect.objectContaining({ name: 'TimeoutError' }),
    });
  });

  test('a wait keeps the process alive, and nothing is left when it is over', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
    const task = await running();
    const before = timers();
    const abort = new AbortController();
    const waits = [task.wait(), task.wait(100), task.getResult(), task.wait(-1, { signal: abort.signal })];
    expect(timers()).toBe(before + 4);
    abort.abort();
    await Promise.allSettled(waits.slice(3));
    expect(timers()).toBe(before + 3);
    task.move(TaskState.Done);
    await Promise.allSettled(waits);
    expect(timers()).toBe(before);
  });

  test('many waits may share a signal without a warning', async () => {
    const warned = jest.fn();
    process.on('warning', warned);
    const task = await running();
    const { signal } = new AbortController();
    const waits = Array.from({ length: 20 }, () => task.wait(-1, { signal }));
    task.move(TaskState.Done);
    await Promise.all(waits);
    await settle();
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
  });
});

describe('cancel', () => {
  rule(138, 'cancel() in New throws IncorrectState', async () => {
    const task = new ManualTask();
    await expect(task.cancel()).rejects.toMatchObject({ message: 'task.cancel: the state is New; await run() first' });
    expect(task.log).toEqual([]);
  });

  rule(139, 'cancel() in a final state changes nothing', async () => {
    for (const state of FINAL) {
      const task = await inState(state);
      await task.cancel();
      await expect(task.getState()).resolves.toBe(state);
      expect(task.log).toEqual(['start']);
    }
  });

  rule([26, 27, 140], 'while a cancel goes on the task stays Running; cancel(-1) returns when it is over', async () => {
    const task = await running();
    await task.cancel();
    expect(task.log).toContain('abort 0');
    await expect(task.getState()).resolves.toBe(TaskState.Running);
    const returned = jest.fn();
    const cancelled = task.cancel(-1).then(returned);
    await settle();
    expect(returned).not.toHaveBeenCalled();
    task.move(TaskState.Canceled);
    await cancelled;
    await expect(task.getState()).resolves.toBe(TaskState.Canceled);
  });

  rule(12, 'a cancel whose time elapses raises nothing', async () => {
    jest.useFakeTimers();
    const task = await running();
    const cancelled = task.cancel(5);
    await jest.advanceTimersByTimeAsync(5000);
    await expect(cancelled).resolves.toBeUndefined();
    await expect(task.getState()).resolves.toBe(TaskState.Running);
  });
});

describe('results', () => {
  rule(141, 'getResult() waits and gives the result', async () => {
    const task = await running();
    const result = task.getResult();
    task.move(TaskState.Done, { result: 'the result' });
    await expect(result).resolves.toBe('the result');
    await expect(task.getResult()).resolves.toBe('the result');
    await expect(task.toPromise()).resolves.toBe('the result');
  });

  rule(142, 'getResult() in New or Canceled throws IncorrectState', async () => {
    await expect(new ManualTask().getResult()).rejects.toMatchObject({
      message: 'task.getResult: the state is New; await run() first',
    });
    const canceled = await inState(TaskState.Canceled);
    await expect(canceled.getResult()).rejects.toMatchObject({
      code: 'IncorrectState',
      message: 'task.getResult: the state is Canceled; it was cancelled and has no result',
    });
    const task = await running();
    const result = task.toPromise();
    task.move(TaskState.Canceled);
    await expect(result).rejects.toMatchObject(incorrectState);
  });

  rule([143, 144], 'getResult() and rethrow() of a Failed task throw the original error, every time', async () => {
    const error = new BadParameter('the failure');
    const task = await running();
    task.move(TaskState.Failed, { error });
    for (let i = 0; i < 2; i++) {
      await expect(task.getResult()).rejects.toBe(error);
      await expect(task.rethrow()).rejects.toBe(error);
    }
    const unexplained = await running();
    unexplained.move(TaskState.Failed);
    await expect(unexplained.rethrow()).rejects.toMatchObject({
      message: 'the task has failed, and the reason is not known',
    });
  });

  rule(145, 'rethrow() on a task that did not fail does nothing', async () => {
    for (const state of [TaskState.New, TaskState.Running, TaskState.Done, TaskState.Canceled]) {
      await expect((await inState(state)).rethrow()).resolves.toBeUndefined();
    }
  });

  rule(146, 'getObject() is the object that made the task', async () => {
    const object = new Session(false);
    const task = new OperationTask({ object, name: 'session.check', call: () => Promise.resolve() });
    expect(task.getObject()).toBe(object);
    expect(() => new ManualTask().getObject()).toThrow('no object made this task');
    await task.run();
    expect(task.getObject()).toBe(object);
  });

  test('a task is not thenable', async () => {
    const task = await running();
    expect(await Promise.resolve(task)).toBe(task);
  });
});

describe('states', () => {
  rule(147, 'the state metric fires on every change with the literal', async () => {
    const task = new ManualTask();
    const told: string[] = [];
    await task.addCallback('task.state', (_, metric) => {
      told.push(metric.value);
      return true;
    });
    expect((await task.getMetric('task.state')).value).toBe('New');
    await task.run();
    await settle();
    task.move(TaskState.Running);
    task.move(TaskState.Done);
    await settle();
    expect(told).toEqual(['Running', 'Done']);
    const metric = await task.getMetric('task.state');
    expect([metric.mode, metric.type, metric.unit]).toEqual(['ReadOnly', 'Enum', '1']);
    await expect(task.addCallback('task.state', () => true)).resolves.toEqual(expect.any(Number));
  });

  rule(
    [148, 149],
    'only New to Running and Running to a final state are possible, and a final state never changes',
    async () => {
      for (const final of FINAL) {
        const task = new ManualTask();
        const states: number[] = [];
        task.onState((state) => states.push(state));
        // The backend was faster than the message that it is running.
        task.move(final, { result: 'first' });
        for (const later of [...FINAL, TaskState.Running, TaskState.New]) task.move(later, { result: 'second' });
        expect(states).toEqual([TaskState.Running, final]);
        await expect(task.getState()).resolves.toBe(final);
      }
      const done = await inState(TaskState.Done);
      done.move(TaskState.Done, { result: 'other' });
      await expect(done.getResult()).resolves.toBe('the result');
    },
  );

  test('a change that a listener makes is told after the one that it was told of', async () => {
    const task = new ManualTask();
    const told: string[] = [];
    task.onState((state) => {
      if (state === TaskState.Running) task.move(TaskState.Done);
    });
    task.onState((state) => told.push(`second ${state}`));
    await task.addCallback('task.state', (_, metric) => {
      told.push(metric.value);
      return true;
    });
    task.move(TaskState.Failed);
    await settle();
    expect(told).toEqual(['second 2', 'Running', 'second 3', 'Done']);
  });

  rule(151, 'a task has no session', () => {
    expect(() => new ManualTask().getSession()).toThrow(expect.objectContaining({ code: 'DoesNotExist' }));
  });

  rule(152, 'the numbers of the states', () => {
    expect(TaskState).toEqual({ New: 1, Running: 2, Done: 3, Canceled: 4, Failed: 5 });
    expect(new ManualTask().getType()).toBe(ObjectType.Task);
  });

  test('a task can begin in a state that is known from elsewhere', async () => {
    const task = new ManualTask([], TaskState.Running);
    expect((await task.getMetric('task.state')).value).toBe('Running');
    await expect(task.run()).rejects.toMatchObject(incorrectState);
  });
});

describe('what a derived class is asked for', () => {
  test('the operation is watched while it runs and somebody waits, has a callback or follows', async () => {
    const task = new ManualTask();
    const cookie = await task.addCallback('task.state', () => true);
    expect(task.log).toEqual([]);
    await task.run();
    expect(task.log).toEqual(['start', 'watch']);
    await task.removeCallback('task.state', cookie);
    expect(task.log).toEqual(['start', 'watch', 'unwatch']);
    const waiting = task.wait();
    const unfollow = task.follow();
    expect(task.log).toHaveLength(4);
    task.move(TaskState.Done);
    await waiting;
    unfollow();
    unfollow();
    expect(task.log).toEqual(['start', 'watch', 'unwatch', 'watch', 'unwatch']);
    await task.wait();
    expect(task.log).toHaveLength(5);
  });

  test('a watch that finds the end at once is ended', async () => {
    class Finished extends ManualTask {
      protected override watch(): () => void {
        this.moveTo(TaskState.Done, { result: 'at once' });
        return super.watch();
      }
    }
    const task = new Finished();
    await task.run();
    await expect(task.getResult()).resolves.toBe('at once');
    expect(task.log).toEqual(['start', 'watch', 'unwatch']);
  });

  test('abandon rejects those who wait and leaves the state', async () => {
    const task = await running();
    const waiting = task.wait();
    const result = task.getResult();
    const reason = new NoSuccess('the job service has been closed');
    task.giveUp(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(result).rejects.toBe(reason);
    await expect(task.getState()).resolves.toBe(TaskState.Running);
    expect(task.log).toEqual(['start', 'watch', 'unwatch']);
  });

  test('getState asks the backend of a task that runs', async () => {
    const task = await running();
    task.backendState = TaskState.Failed;
    await expect(task.getState()).resolves.toBe(TaskState.Failed);
    await expect(task.getState({ signal: AbortSignal.abort() })).rejects.toMatchObject({ operation: 'task.getState' });
  });

  test('its metrics are there beside the state', async () => {
    const memory = new Metric('task.memory', 'resident memory', 'ReadOnly', 'B', 'Int', '0');
    const task = new ManualTask([memory]);
    expect((await task.listMetrics()).sort()).toEqual(['task.memory', 'task.state']);
  });
});

describe('a call as a task', () => {
  const object = new Session(false);
  const operation = <T>(call: (signal: AbortSignal) => Promise<T>): OperationTask<T> =>
    new OperationTask({ object, name: 'session.check', call });
  /** Ends when its signal aborts. */
  const obedient = (): OperationTask<void> =>
    operation(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(signal.reason);
          });
        }),
    );

  test('a New task that is dropped never runs', async () => {
    const call = jest.fn(() => Promise.resolve(1));
    operation(call);
    await settle();
    expect(call).not.toHaveBeenCalled();
  });

  test('its error is wrapped when it is none of SAGA', async () => {
    const cause = new TypeError('x is undefined');
    const task = operation(() => Promise.reject(cause));
    await task.run();
    await expect(task.getResult()).rejects.toMatchObject({
      code: 'NoSuccess',
      message: 'session.check failed: x is undefined',
      cause,
      operation: 'session.check',
    });
    const text = operation(() => Promise.reject('so what'));
    await text.run();
    await expect(text.getResult()).rejects.toMatchObject({ message: 'session.check failed: so what' });
  });

  test('a failure that nobody asks about raises nothing', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    await operation(() => Promise.reject(new Error('unobserved'))).run();
    await operation(() => {
      throw new Error('unobserved');
    }).run();
    await settle();
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  rule(140, 'cancel aborts the signal of the call; a call that ignores it ends as it ends', async () => {
    const task = obedient();
    await task.run();
    await task.cancel(-1);
    await expect(task.getState()).resolves.toBe(TaskState.Canceled);

    let finish!: (value: string) => void;
    const stubborn = operation(
      () =>
        new Promise<string>((resolve) => {
          finish = resolve;
        }),
    );
    await stubborn.run();
    await stubborn.cancel();
    await expect(stubborn.getState()).resolves.toBe(TaskState.Running);
    finish('done nevertheless');
    await expect(stubborn.getResult()).resolves.toBe('done nevertheless');
  });

  test('a clone of a New task runs by itself', async () => {
    const call = jest.fn(() => Promise.resolve(1));
    const task = operation(call);
    const clone = task.clone();
    expect(clone.getId()).not.toBe(task.getId());
    await clone.run();
    await expect(clone.getResult()).resolves.toBe(1);
    await expect(task.getState()).resolves.toBe(TaskState.New);
    expect(call).toHaveBeenCalledTimes(1);
  });

  test('a clone of a task that runs ends with it, has its callbacks, and is cancelled by itself', async () => {
    const told: string[] = [];
    let finish!: (value: string) => void;
    const task = operation(
      () =>
        new Promise<string>((resolve) => {
          finish = resolve;
        }),
    );
    await task.addCallback('task.state', (mt, metric) => {
      told.push(`${mt === task ? 'task' : 'clone'} ${metric.value}`);
      return true;
    });
    await task.run();
    await settle();
    const clone = task.clone();
    const cancelled = task.clone();
    await cancelled.cancel();
    await settle();
    finish('both');
    await expect(clone.getResult()).resolves.toBe('both');
    await expect(cancelled.getState()).resolves.toBe(TaskState.Canceled);
    await expect(task.getResult()).resolves.toBe('both');
    await settle();
    expect(told.sort()).toEqual(['clone Canceled', 'clone Done', 'task Done', 'task Running']);
    await expect(clone.clone().getResult()).resolves.toBe('both');
  });
});
