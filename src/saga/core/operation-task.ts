/** The task behind `x.async.method()` and `x.task.method()`. */
import { types } from 'node:util';

import { NoSuccess, SagaException } from './exceptions.js';
import { metricSetOf } from './monitorable.js';
import type { SagaObject } from './object.js';
import { Task, TaskState } from './task.js';

const FINAL: ReadonlySet<TaskState> = new Set([TaskState.Done, TaskState.Canceled, TaskState.Failed]);

/** What an OperationTask is made from. */
export interface Operation<T> {
  /** The object on which it was called. */
  object: SagaObject;
  /** For messages: `job.suspend`. */
  name: string;
  /** Does it; `cancel()` aborts the signal. */
  call(signal: AbortSignal): Promise<T>;
}

/**
 * A call as a task. When it is cancelled the signal of the call is aborted; the task is Canceled when the call has
 * rejected after that, and Done when the result was there nevertheless.
 */
export class OperationTask<T> extends Task<T> {
  readonly #operation: Operation<T>;
  /** Of the call, once it is made; the clone of a task that runs makes none. */
  #call: AbortController | undefined;

  /** A New task. */
  constructor(operation: Operation<T>) {
    super({ states: TaskState, final: FINAL, stateMetric: 'task.state', object: operation.object });
    this.#operation = operation;
  }

  /**
   * A task of its own with the same callbacks. Of a New task, a New one; else one that ends as this one does, and can be
   * cancelled without this one.
   */
  clone(): this {
    const copy = new OperationTask<T>(this.#operation);
    if (this.progress !== 'new') {
      copy.moveTo(this.currentState, this.outcome);
      this.onState((state) => {
        copy.moveTo(state as TaskState, this.outcome);
      });
    }
    metricSetOf(copy).shareCallbacks(metricSetOf(this));
    return copy as this;
  }

  /** The call and its state; neither arguments nor results, which may be secret. */
  override toJSON(): Record<string, unknown> {
    return { operation: this.#operation.name, ...super.toJSON() };
  }

  protected start(): Promise<void> {
    const call = (this.#call = new AbortController());
    this.moveTo(TaskState.Running);
    // Within a promise, so that an operation that throws fails the task.
    new Promise<T>((resolve) => {
      resolve(this.#operation.call(call.signal));
    }).then(
      (result) => {
        this.moveTo(TaskState.Done, { result });
      },
      (reason: unknown) => {
        if (call.signal.aborted) this.moveTo(TaskState.Canceled);
        else this.moveTo(TaskState.Failed, { error: this.#toSagaException(reason) });
      },
    );
    return Promise.resolve();
  }

  protected abort(): Promise<void> {
    if (this.#call) this.#call.abort();
    else this.moveTo(TaskState.Canceled);
    return Promise.resolve();
  }

  #toSagaException(reason: unknown): SagaException {
    if (SagaException.is(reason)) return reason;
    const { name, object } = this.#operation;
    const detail = types.isNativeError(reason) ? reason.message : String(reason);
    return new NoSuccess(`${name} failed: ${detail}`, { cause: reason, object, operation: name });
  }
}
