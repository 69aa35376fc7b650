import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';

import { asyncAttributed, type AsyncAttributes } from '../../src/saga/core/attributes.js';
import { asynchronous, callModes, type Tasks } from '../../src/saga/core/call-modes.js';
import { type CallOptions, throwIfAborted, untilAborted } from '../../src/saga/core/call-options.js';
import * as exceptions from '../../src/saga/core/exceptions.js';
import { BadParameter, ExceptionCategory, type SagaException } from '../../src/saga/core/exceptions.js';
import { Metric } from '../../src/saga/core/metric.js';
import { type Monitorable, MetricSet, monitorable } from '../../src/saga/core/monitorable.js';
import { ObjectType } from '../../src/saga/core/object.js';
import { SessionObject } from '../../src/saga/core/session.js';
import { Task, TaskMode, TaskState } from '../../src/saga/core/task.js';
import { rule } from '../support/rules.js';

interface Service extends AsyncAttributes, Monitorable {}
class Service extends SessionObject {
  declare readonly async: Tasks<Service>;
  declare readonly task: Tasks<Service>;
  readonly calls: unknown[][] = [];

  constructor() {
    super();
    new MetricSet(this, [new Metric('service.load', 'of the service', 'ReadOnly', '1', 'Float', '0')]);
  }

  getType(): ObjectType {
    return ObjectType.JobService;
  }

  override clone(): this {
    return new Service() as this;
  }

  /** Gives the value or throws the error, after a while or at once. */
  async act<T>(outcome: { value: T } | { error: SagaException }, delay?: boolean, options?: CallOptions): Promise<T> {
    this.calls.push([outcome, delay, options]);
    throwIfAborted(options, 'service.act');
    if (delay) await Promise.resolve();
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Throws instead of rejecting. */
  throws(error: unknown, options?: CallOptions): Promise<void> {
    throwIfAborted(options);
    throw error;
  }

  /** Runs until it is aborted. */
  hang(options?: CallOptions): Promise<never> {
    return untilAborted(new Promise<never>(() => undefined), options, 'service.hang');
  }

  open(name: string, options?: CallOptions): Promise<string>;
  open(name: string, flags: number, options?: CallOptions): Promise<string>;
  async open(...args: unknown[]): Promise<string> {
    this.calls.push(args);
    return Promise.resolve(args.filter((arg) => typeof arg !== 'object').join(' '));
  }
}
monitorable(Service);
asyncAttributed(Service, [
  { key: 'Site', property: 'site', type: 'String', default: 'here', description: 'where the service is' },
]);
asynchronous(Service);

const error = fc
  .record({ code: fc.constantFrom(...Object.values(ExceptionCategory)), message: fc.string() })
  .map(({ code, message }) => new exceptions[code](message));
const outcome = fc.oneof(
  fc.jsonValue().map((value) => ({ value })),
  error.map((error) => ({ error })),
);

const settled = async (promise: Promise<unknown>): Promise<unknown> => {
  const [result] = await Promise.allSettled([promise]);
  return result;
};
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('call modes', () => {
  rule(128, 'a method gives its value, a task that runs, or a New task', async () => {
    const service = new Service();
    await expect(service.act({ value: 1 })).resolves.toBe(1);

    const running = service.async.act({ value: 2 }, true);
    expect(running).toBeInstanceOf(Task);
    await expect(running.getState()).resolves.toBe(TaskState.Running);
    await expect(running.getResult()).resolves.toBe(2);
    await expect(running.getState()).resolves.toBe(TaskState.Done);

    const fresh = service.task.act({ value: 3 });
    await settle();
    await expect(fresh.getState()).resolves.toBe(TaskState.New);
    expect(service.calls).toHaveLength(2);
    await fresh.run();
    await expect(fresh.getResult()).resolves.toBe(3);
    expect(fresh.getObject()).toBe(service);
    expect(Object.keys(TaskMode)).toEqual(['Sync', 'Async', 'Task']);
  });

  rule(129, 'errors appear through the task, also when the method throws instead of rejecting', async () => {
    const service = new Service();
    const failure = new BadParameter('no such thing');
    for (const task of [service.async.act({ error: failure }), service.async.throws(failure)]) {
      await task.wait();
      await expect(task.getState()).resolves.toBe(TaskState.Failed);
      await expect(task.rethrow()).rejects.toBe(failure);
    }
    const bug = service.async.throws(new TypeError('a bug'));
    await expect(bug.getResult()).rejects.toMatchObject({
      code: 'NoSuccess',
      message: 'JobService.throws failed: a bug',
    });
  });

  rule([130, 141], 'the plain call, the running task and the New task give the same result or error', async () => {
    const service = new Service();
    await fc.assert(
      fc.asyncProperty(outcome, fc.boolean(), async (expected, delay) => {
        const plain = await settled(service.act(expected, delay));
        const running = service.async.act(expected, delay);
        const fresh = service.task.act(expected, delay);
        await fresh.run();
        expect(await settled(running.getResult())).toEqual(plain);
        expect(await settled(fresh.toPromise())).toEqual(plain);
        const state = 'error' in expected ? TaskState.Failed : TaskState.Done;
        expect([await running.getState(), await fresh.getState()]).toEqual([state, state]);
        if ('error' in expected) await expect(running.rethrow()).rejects.toBe(expected.error);
      }),
    );
  });

  rule(131, 'attributes and monitoring have the forms too', async () => {
    const service = new Service();
    await expect(service.async.getAttribute('Site').getResult()).resolves.toBe('here');
    const set = service.task.setAttribute('Site', 'there');
    await set.run();
    await set.wait();
    await expect(service.getAttribute('Site')).resolves.toBe('there');
    await expect(service.async.getAttribute('Place').getResult()).rejects.toMatchObject({ code: 'DoesNotExist' });
    await expect(service.async.listMetrics().getResult()).resolves.toEqual(['service.load']);
    const cookie = await service.async.addCallback('service.load', () => true).getResult();
    await expect(service.async.removeCallback('service.load', cookie).getResult()).resolves.toBeUndefined();
  });

  test('cancel aborts the call', async () => {
    const service = new Service();
    const task = service.async.hang();
    await task.cancel(-1);
    await expect(task.getState()).resolves.toBe(TaskState.Canceled);
  });

  test("the caller's own signal fails the task", async () => {
    const service = new Service();
    const abort = new AbortController();
    const task = service.async.hang({ signal: abort.signal });
    abort.abort();
    await expect(task.getResult()).rejects.toMatchObject({
      code: 'NoSuccess',
      message: 'service.hang was aborted by its signal',
    });
    await expect(task.getState()).resolves.toBe(TaskState.Failed);
  });

  test("the task's signal is put where the method has its options, beside the caller's options", async () => {
    const service = new Service();
    const onProgress = (): void => undefined;
    await service.async.act({ value: 1 }).wait();
    await service.async.act({ value: 1 }, true, { onProgress }).wait();
    await service.async.open('a').wait();
    await service.async.open('a', 1, { onProgress }).wait();
    const signal = expect.any(AbortSignal);
    expect(service.calls).toEqual([
      [{ value: 1 }, undefined, { signal }],
      [{ value: 1 }, true, { onProgress, signal }],
      ['a', { signal }],
      ['a', 1, { onProgress, signal }],
    ]);
  });

  test('what is no options object fails the task', async () => {
    const view = new Service().async as unknown as Record<string, (...args: unknown[]) => Task<unknown>>;
    await expect(view['act']?.({ value: 1 }, true, 5).getResult()).rejects.toMatchObject({
      code: 'BadParameter',
      message: 'the last argument is an options object, such as { signal }',
    });
  });

  test('the view has the methods that ask the backend, and nothing else', () => {
    const service = new Service();
    const view = service.async as unknown as Record<PropertyKey, unknown>;
    for (const name of [
      'getId',
      'getType',
      'getSession',
      'clone',
      'async',
      'task',
      'toString',
      'constructor',
      'then',
    ]) {
      expect(view[name]).toBeUndefined();
      expect(name in view).toBe(false);
    }
    expect(view['calls']).toBeUndefined();
    expect(view[Symbol.toPrimitive]).toBeUndefined();
    expect('act' in view).toBe(true);
    expect(() => {
      view['act'] = 1;
    }).toThrow(TypeError);
  });

  test('the forms of one call without the getters', async () => {
    const task = callModes(new Service(), TaskMode.Task).act({ value: 'v' });
    await task.run();
    await expect(task.getResult()).resolves.toBe('v');
  });

  test('a running task that fails unobserved raises nothing', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    new Service().async.act({ error: new BadParameter('unobserved') });
    await settle();
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});
