/**
 * The three call modes of SAGA (GFD.90 section 3.10) for every class by one Proxy: `x.m()` is a promise of the result,
 * `x.async.m()` a Running task, `x.task.m()` a New one.
 *
 * It relies on a convention: a method that returns a promise declares all its parameters, without default values, with
 * the `CallOptions` last. So `length - 1` is where the options go. A method of rest parameters (`length` 0) takes them as
 * a trailing plain object.
 */
import type { CallOptions } from './call-options.js';
import { BadParameter } from './exceptions.js';
import { ObjectType, type SagaObject } from './object.js';
import { OperationTask } from './operation-task.js';
import { type Task, TaskMode } from './task.js';

/** A method of promises as one of tasks. The first case serves methods with up to two overloads. */
type Tasked<F> = F extends {
  (...a: infer A extends unknown[]): Promise<infer R>;
  (...a: infer B extends unknown[]): Promise<infer Q>;
}
  ? ((...a: A) => Task<R>) & ((...a: B) => Task<Q>)
  : never;

/** The asynchronous views: `x.async.m(...)` gives a Running task, `x.task.m(...)` a New one. */
export type Tasks<T> = {
  readonly [
    K in keyof T as K extends 'async' | 'task' | 'clone'
      ? never
      : T[K] extends (...a: never[]) => Promise<unknown>
        ? K
        : never
  ]: Tasked<T[K]>;
};

/** What is never a call to a backend, and so is not in the views. */
const LOCAL = new Set([
  'constructor',
  'getId',
  'getType',
  'getSession',
  'clone',
  'async',
  'task',
  'toString',
  'toJSON',
]);

type Method = (...args: unknown[]) => Promise<unknown>;

/** The view of `target` in which its methods return tasks. */
export function callModes<T extends SagaObject>(target: T, mode: Exclude<TaskMode, 'Sync'>): Tasks<T> {
  const methodOf = (name: string | symbol): Method | undefined => {
    if (typeof name === 'symbol' || LOCAL.has(name)) return undefined;
    const member: unknown = Reflect.get(target, name);
    return typeof member === 'function' ? (member as Method) : undefined;
  };
  // An empty object under the Proxy: nothing of the target is reached but through `get` and `has`.
  return new Proxy(Object.freeze({}), {
    has: (_, name) => methodOf(name) !== undefined,
    get: (_, name) => {
      const method = methodOf(name);
      if (!method) return undefined;
      return (...args: unknown[]): Task<unknown> => makeTask(target, String(name), method, args, mode);
    },
  }) as Tasks<T>;
}

function makeTask(object: SagaObject, name: string, method: Method, args: unknown[], mode: TaskMode): Task<unknown> {
  const task = new OperationTask<unknown>({
    object,
    name: `${typeName(object)}.${name}`,
    call: (signal) => method.apply(object, withSignal(args, method.length, signal)),
  });
  // Its start only begins the call, whose failure is the task's: there is nothing to wait for and nothing rejects.
  if (mode === TaskMode.Async) void task.run();
  return task;
}

/** The arguments with the signal of the task among the options. */
function withSignal(args: readonly unknown[], length: number, signal: AbortSignal): unknown[] {
  const place = length > 0 ? length - 1 : args.length - (isPlainObject(args.at(-1)) ? 1 : 0);
  const given: unknown = args[place];
  if (given !== undefined && !isPlainObject(given)) {
    throw new BadParameter('the last argument is an options object, such as { signal }');
  }
  const options: CallOptions = given ?? {};
  const signals = options.signal ? AbortSignal.any([options.signal, signal]) : signal;
  const complete: unknown[] = [...args];
  while (complete.length < place) complete.push(undefined);
  complete[place] = { ...options, signal: signals };
  return complete;
}

export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  // By shape: the Object of another realm is not ours.
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** `Job` for messages. */
function typeName(object: SagaObject): string {
  const found = Object.entries(ObjectType).find(([, code]) => code === object.getType());
  return found?.[0] ?? 'object';
}

/**
 * Puts the views `async` and `task` on a class, which declares them with `declare readonly async: Tasks<TheClass>`.
 * @internal
 */
export function asynchronous(target: { readonly prototype: SagaObject }): void {
  for (const [name, mode] of [
    ['async', TaskMode.Async],
    ['task', TaskMode.Task],
  ] as const) {
    Object.defineProperty(target.prototype, name, {
      configurable: true,
      get(this: SagaObject) {
        return callModes(this, mode);
      },
    });
  }
}
