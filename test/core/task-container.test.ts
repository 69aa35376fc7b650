import { afterEach, describe, expect, jest, test } from '@jest/globals';

import { BadParameter, DoesNotExist, NoSuccess } from '../../src/saga/core/exceptions.js';
import { ObjectType } from '../../src/saga/core/object.js';
import { OperationTask } from '../../src/saga/core/operation-task.js';
import { Session } from '../../src/saga/core/session.js';
import { type AnyTask, Task, TaskState } from '../../src/saga/core/task.js';
import { TaskContainer, WaitMode } from '../../src/saga/core/task-container.js';
import { rule } from '../support/rules.js';

/** A task that the test ends. */
interface Controlled {
  task: OperationTask<string>;
  finish: (result?: string) => Promise<void>;
  fail: (error: Error) => Promise<void>;
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function controlled(): Controlled {
  let resolve!: (result: string) => void;
  let reject!: (error: Error) => void;
  const result = new Promise<string>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  result.catch(() => undefined);
  const task = new OperationTask({
    object: new Session(false),
    name: 'test.operation',
    call: (signal) => {
      signal.addEventListener('abort', () => {
        reject(new NoSuccess('aborted'));
      });
      return result;
    },
  });
  return {
    task,
    finish: async (value = 'result') => {
      resolve(value);
      await settle();
    },
    fail: async (error) => {
      reject(error);
      await settle();
    },
  };
}

async function started(count: number): Promise<{ container: TaskContainer; tasks: Controlled[] }> {
  const container = new TaskContainer();
  const tasks = Array.from({ length: count }, controlled);
  for (const { task } of tasks) container.add(task);
  await container.run();
  return { container, tasks };
}

afterEach(() => {
  jest.useRealTimers();
});

describe('members', () => {
  rule(153, 'adding a task again changes nothing and gives the same cookie', () => {
    const container = new TaskContainer();
    const { task } = controlled();
    const cookie = container.add(task);
    expect(container.add(task)).toBe(cookie);
    expect(container.add(controlled().task)).not.toBe(cookie);
    expect(container.size()).toBe(2);
  });

  rule(154, 'remove gives the task, and throws DoesNotExist for an unknown cookie', () => {
    const container = new TaskContainer();
    const { task } = controlled();
    const cookie = container.add(task);
    expect(container.remove(cookie)).toBe(task);
    expect(container.size()).toBe(0);
    const missing = expect.objectContaining({
      code: 'DoesNotExist',
      message: `there is no task with the cookie ${cookie} in the container`,
    });
    expect(() => container.remove(cookie)).toThrow(missing);
    expect(() => container.getTask(cookie)).toThrow(missing);
    expect(container.add(task)).not.toBe(cookie);
  });

  rule(164, 'getTask, getTasks and listTasks remove nothing', () => {
    const container = new TaskContainer();
    const tasks = [controlled().task, controlled().task];
    const cookies = tasks.map((task) => container.add(task));
    expect(cookies.map((cookie) => container.getTask(cookie))).toEqual(tasks);
    expect(container.getTasks()).toEqual(tasks);
    expect(container.listTasks()).toEqual(cookies);
    expect(container.size()).toBe(2);
  });

  rule(165, 'getStates gives the states, none for an empty container', async () => {
    await expect(new TaskContainer().getStates()).resolves.toEqual([]);
    const { container, tasks } = await started(2);
    container.add(controlled().task);
    await tasks[0]?.finish();
    const states = await container.getStates();
    expect(states.sort()).toEqual([TaskState.New, TaskState.Running, TaskState.Done]);
    await expect(container.getStates({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'NoSuccess' });
  });

  rule(166, 'the state metric tells the cookie of the task that changed', async () => {
    const container = new TaskContainer();
    const [first, second] = [controlled(), controlled()];
    const told: string[] = [];
    const cookies = [container.add(first.task)];
    await container.addCallback('task_container.state', (mt, metric) => {
      told.push(metric.value);
      return mt === container;
    });
    cookies.push(container.add(second.task));
    await container.run();
    await settle();
    await second.finish();
    container.remove(cookies[0] ?? 0);
    await first.finish();
    expect(told.map(Number)).toEqual([...cookies, cookies[1]]);
    expect((await container.getMetric('task_container.state')).type).toBe('Int');
  });

  test('a clone has the same tasks and an id of its own', async () => {
    const { container, tasks } = await started(2);
    const clone = container.clone();
    expect(clone.getTasks()).toEqual(container.getTasks());
    expect(clone.getId()).not.toBe(container.getId());
    expect(clone.getType()).toBe(ObjectType.TaskContainer);
    await tasks[0]?.finish();
    await clone.wait(WaitMode.Any);
    expect([clone.size(), container.size()]).toEqual([1, 2]);
  });
});

describe('run and cancel', () => {
  rule(155, 'run, wait and cancel of an empty container throw DoesNotExist', async () => {
    const container = new TaskContainer();
    const empty = (call: string): object => ({
      code: 'DoesNotExist',
      message: `task_container.${call}: there are no tasks in the container`,
    });
    await expect(container.run()).rejects.toMatchObject(empty('run'));
    await expect(container.wait()).rejects.toMatchObject(empty('wait'));
    await expect(container.wait(WaitMode.Any, 0)).rejects.toMatchObject(empty('wait'));
    await expect(container.cancel()).rejects.toMatchObject(empty('cancel'));
  });

  rule(162, 'cancel throws IncorrectState when a task is New', async () => {
    const { container, tasks } = await started(1);
    const cookie = container.add(controlled().task);
    await expect(container.cancel()).rejects.toMatchObject({
      code: 'IncorrectState',
      message: `task_container.cancel: the task with the cookie ${cookie} is New: await run() first`,
    });
    await expect(tasks[0]?.task.getState()).resolves.toBe(TaskState.Running);
  });

  test('cancel ends what runs and leaves what has ended', async () => {
    const { container, tasks } = await started(3);
    await tasks[1]?.finish();
    await container.cancel(-1);
    await expect(container.getStates()).resolves.toEqual([TaskState.Canceled, TaskState.Done, TaskState.Canceled]);
  });

  rule(163, 'run throws IncorrectState when a task is not New', async () => {
    const { container } = await started(1);
    const fresh = controlled().task;
    container.add(fresh);
    await expect(container.run()).rejects.toMatchObject({
      code: 'IncorrectState',
      message: expect.stringContaining('has been started already'),
    });
    await expect(fresh.getState()).resolves.toBe(TaskState.New);
  });

  test('run starts the others when one fails to start, and throws the most specific error', async () => {
    const container = new TaskContainer();
    const failing = (error: Error): AnyTask => {
      const { task } = controlled();
      jest.spyOn(task, 'run').mockRejectedValue(error);
      return task;
    };
    const good = controlled().task;
    const error = new BadParameter('no executable');
    for (const task of [failing(new NoSuccess('no disk')), failing(error), good, failing(new Error('bug'))]) {
      container.add(task);
    }
    await expect(container.run()).rejects.toBe(error);
    await expect(good.getState()).resolves.toBe(TaskState.Running);
  });
});

describe('wait', () => {
  rule(156, 'wait takes out the task that it gives: a loop over size() ends', async () => {
    const { container, tasks } = await started(3);
    await Promise.all(tasks.map(({ finish }) => finish()));
    const seen = new Set<AnyTask | undefined>();
    while (container.size() > 0) seen.add(await container.wait(WaitMode.Any));
    expect(seen).toEqual(new Set(tasks.map(({ task }) => task)));
  });

  rule([157, 160], 'wait waits for all by default, without a limit, and takes out one', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { container, tasks } = await started(2);
    const settled = jest.fn();
    const waiting = container.wait().then((task) => {
      settled();
      return task;
    });
    await tasks[0]?.finish();
    await jest.advanceTimersByTimeAsync(365 * 24 * 3600 * 1000);
    expect(settled).not.toHaveBeenCalled();
    await tasks[1]?.finish();
    const taken = await waiting;
    expect(tasks.map(({ task }) => task)).toContain(taken);
    expect(container.size()).toBe(1);
    expect(container.getTasks()).not.toContain(taken);
  });

  rule(158, 'wait(Any) gives the first to finish, failed or not', async () => {
    const { container, tasks } = await started(3);
    const waiting = container.wait(WaitMode.Any);
    await tasks[2]?.fail(new DoesNotExist('gone'));
    await tasks[0]?.finish();
    await expect(waiting).resolves.toBe(tasks[2]?.task);
    // Also when they had finished before the wait.
    await tasks[1]?.finish();
    await expect(container.wait(WaitMode.Any)).resolves.toBe(tasks[0]?.task);
    await expect(container.wait(WaitMode.Any)).resolves.toBe(tasks[1]?.task);
  });

  rule([12, 159], 'a wait that elapses gives nothing and throws nothing', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const { container } = await started(1);
    const waiting = container.wait(WaitMode.Any, 1.5);
    await jest.advanceTimersByTimeAsync(1500);
    await expect(waiting).resolves.toBeUndefined();
    await expect(container.wait(WaitMode.All, 0)).resolves.toBeUndefined();
    expect(container.size()).toBe(1);
  });

  test('wait(Any, 0) gives a task that has finished', async () => {
    const { container, tasks } = await started(2);
    await tasks[1]?.finish();
    await expect(container.wait(WaitMode.All, 0)).resolves.toBeUndefined();
    await expect(container.wait(WaitMode.Any, 0)).resolves.toBe(tasks[1]?.task);
  });

  rule(161, 'wait throws IncorrectState when a task is New', async () => {
    const { container } = await started(1);
    container.add(controlled().task);
    await expect(container.wait()).rejects.toMatchObject({
      code: 'IncorrectState',
      message: expect.stringContaining('is New: await run() first'),
    });
  });

  rule(167, 'All is 0 and Any is 1; nothing else is a mode', async () => {
    expect(WaitMode).toEqual({ All: 0, Any: 1 });
    const { container } = await started(1);
    await expect(container.wait(2 as WaitMode)).rejects.toMatchObject({
      code: 'BadParameter',
      message: 'a container waits for WaitMode.All (0) or WaitMode.Any (1), not 2',
    });
  });

  test('waits at the same time get different tasks; those left over learn that there are none', async () => {
    const { container, tasks } = await started(2);
    const waits = Promise.allSettled([1, 2, 3].map(() => container.wait(WaitMode.Any)));
    await tasks[1]?.finish();
    await tasks[0]?.finish();
    const outcomes = await waits;
    expect(outcomes[0]).toMatchObject({ value: tasks[1]?.task });
    expect(outcomes[1]).toMatchObject({ value: tasks[0]?.task });
    expect(outcomes[2]).toMatchObject({ reason: { code: 'DoesNotExist' } });
  });

  test('a task that joins or leaves during a wait counts', async () => {
    const { container, tasks } = await started(2);
    const all = container.wait();
    const joined = controlled();
    await joined.task.run();
    container.add(joined.task);
    await tasks[0]?.finish();
    await joined.finish();
    container.remove(container.listTasks()[1] ?? 0);
    await expect(all).resolves.toBe(tasks[0]?.task);
    expect(container.getTasks()).toEqual([joined.task]);
  });

  test('an abort ends the wait and takes nothing out', async () => {
    const { container, tasks } = await started(1);
    const abort = new AbortController();
    const waiting = container.wait(WaitMode.Any, -1, { signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ message: 'task_container.wait was aborted by its signal' });
    await tasks[0]?.finish();
    expect(container.size()).toBe(1);
  });
});

test('tasks with states of their own, as jobs have, are waited for too', async () => {
  const States = { New: 1, Running: 2, Done: 3, Canceled: 4, Failed: 5, Suspended: 6 } as const;
  type State = (typeof States)[keyof typeof States];
  class Job extends Task<void, State> {
    watches = 0;
    constructor() {
      super({ states: States, final: new Set<State>([3, 4, 5]), stateMetric: 'job.state' });
    }
    move(state: State): void {
      this.moveTo(state);
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
  const container = new TaskContainer();
  const jobs = [new Job(), new Job(), new Job()];
  for (const job of jobs) container.add(job);
  await container.run();
  expect(jobs.map(({ watches }) => watches)).toEqual([0, 0, 0]);
  const waiting = container.wait(WaitMode.Any);
  expect(jobs.map(({ watches }) => watches)).toEqual([1, 1, 1]);
  jobs[0]?.move(States.Suspended);
  jobs[1]?.move(States.Done);
  await expect(waiting).resolves.toBe(jobs[1]);
  await expect(container.getStates()).resolves.toEqual([States.Suspended, States.Running]);
  // Those that are left are followed on, for the next wait.
  expect(jobs.map(({ watches }) => watches)).toEqual([1, 0, 1]);
  for (const cookie of container.listTasks()) container.remove(cookie);
  expect(jobs.map(({ watches }) => watches)).toEqual([0, 0, 0]);
});
