/** Tasks: operations that run on their own, and can be waited for and cancelled (GFD.90 section 3.10). */
import type { Observable, Subscriber } from 'rxjs';

import { type CallOptions, throwIfAborted, untilAborted } from './call-options.js';
import { DoesNotExist, IncorrectState, type SagaException } from './exceptions.js';
import { inspectable } from './inspection.js';
import { Metric, type MetricEvent, type MetricListener } from './metric.js';
import { monitorable, type Monitorable, MetricSet, metricSetOf } from './monitorable.js';
import { BaseObject, ObjectType, type SagaObject } from './object.js';
import loadRxjs from './rxjs.cjs';
import { checkTimeout, NO_WAIT, WAIT_FOREVER, type Waiter, waitFor } from './time-limit.js';

/** The states of a task; Done, Canceled and Failed are final. */
export const TaskState = { New: 1, Running: 2, Done: 3, Canceled: 4, Failed: 5 } as const;
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

/** The forms of a method: plain, as a Running task, as a New task. */
export const TaskMode = { Sync: 'Sync', Async: 'Async', Task: 'Task' } as const;
export type TaskMode = (typeof TaskMode)[keyof typeof TaskMode];

/** Any task, whatever its result: a job, too. */
export type AnyTask = Task<unknown, number>;

/** What a class derived from Task tells it. */
export interface TaskInit<S extends number> {
  /** The states by their literals, which are the values of the state metric. */
  states: Readonly<Record<keyof typeof TaskState, S>>;
  /** The states that never change. */
  final: ReadonlySet<S>;
  /** The name of the state metric: `task.state` or `job.state`. */
  stateMetric: string;
  /** The metrics beside the state. */
  metrics?: readonly Metric[];
  /** Whether the application may add metrics (of a steerable object). */
  extensible?: boolean;
  /** What `getObject()` returns: the object that made the task. */
  object?: SagaObject | undefined;
  /** The state to begin with, default New. */
  initial?: S;
}

/** How a task ended: the result of Done, the error of Failed. */
export interface TaskOutcome<T> {
  result?: T;
  error?: SagaException | undefined;
}

/**
 * An operation that runs on its own. It starts New, is Running after `run()`, and ends Done, Canceled or Failed; a
 * final state never changes. The metric `task.state` fires with every change.
 *
 * A task is not thenable, so that functions can return one without waiting for it: use `toPromise()`. A New task that
 * is dropped never runs; a failure that nobody asks about raises nothing.
 */
export abstract class Task<T, S extends number = TaskState> extends BaseObject {
  readonly #init: TaskInit<S>;
  readonly #stateMetric: Metric;
  #state: S;
  #starting = false;
  #outcome: TaskOutcome<T> = {};
  /** The changes of state that are still to be told. */
  readonly #untold: S[] = [];
  /** Those to be told of every change of state, within `moveTo`. */
  readonly #stateListeners = new Set<(state: number) => void>();
  readonly #waiters = new Set<Waiter<true>>();
  /** Observables of metrics, which end with the task. */
  readonly #observers = new Set<Subscriber<unknown>>();
  /** How many wait, observe, or have a callback. */
  #interested = 0;
  #unwatch: (() => void) | undefined;

  protected constructor(init: TaskInit<S>) {
    super();
    this.#init = init;
    this.#state = init.initial ?? init.states.New;
    const literal = this.#literal(this.#state);
    this.#stateMetric = new Metric(
      init.stateMetric,
      'fires on every change of state',
      'ReadOnly',
      '1',
      'Enum',
      literal,
    );
    new MetricSet(this, [this.#stateMetric, ...(init.metrics ?? [])], {
      activate: () => this.#showInterest(),
      extensible: init.extensible ?? false,
    });
  }

  /** Starts the operation: called by `run()` of a New task. Moves it to Running, or further. */
  protected abstract start(options?: CallOptions): Promise<void>;

  /**
   * Asks for the end of the operation: called by `cancel()` of a task that runs. Resolves when that has been asked; the
   * task is moved to Canceled when it has happened. `timeout` is how long the caller will wait for that, in seconds.
   */
  protected abstract abort(timeout: number, options?: CallOptions): Promise<void>;

  /**
   * Starts to follow the operation, while it runs and as long as somebody waits, observes or has a callback. Follows
   * without keeping the process alive: those who wait do. Does not throw; what ends the following for good goes to
   * `abandon`.
   * @returns what ends it.
   */
  protected watch(): () => void {
    return () => undefined;
  }

  /** What is followed is another thing from now on. */
  protected followAnew(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.#followIfNeeded();
  }

  /** The state as the backend has it now; by default what is known here. */
  protected refresh(options?: CallOptions): Promise<S> {
    return untilAborted(Promise.resolve(this.#state), options, this.#call('getState'));
  }

  /**
   * Changes the state and tells everybody; nothing when it is the same or the present one is final. Metrics that change
   * with the end must be updated before, for the Observables end here. From New all other states are reached through
   * Running.
   */
  protected moveTo(state: S, outcome: TaskOutcome<T> = {}): void {
    if (state === this.#state || this.#isFinal()) return;
    const { New, Running } = this.#init.states;
    if (this.#state === New && state !== Running) this.moveTo(Running);
    // Somebody who was told of Running may have changed the state.
    if (this.#isFinal()) return;
    this.#change(state, outcome);
  }

  /**
   * Leaves a final state, for what a class derived from Task can do again as the same object. Who has waited stays told
   * of the end, and its Observables completed; who asks from now on is told of the new life.
   */
  protected beginAgain(state: S): void {
    if (this.#isFinal()) this.#change(state, {});
  }

  #change(state: S, outcome: TaskOutcome<T>): void {
    this.#state = state;
    this.#outcome = this.#isFinal() ? outcome : {};
    this.#followIfNeeded();
    this.#untold.push(state);
    // A change that comes while one is being told is told after it, to everybody in the same order.
    if (this.#untold.length > 1) return;
    for (const next of this.#untold) this.#tell(next);
    this.#untold.length = 0;
  }

  /**
   * Gives up to follow the operation, because the service is closed, say: those who wait get `reason`, and Observables
   * complete. The state stays as it is.
   */
  protected abandon(reason: SagaException): void {
    for (const waiter of [...this.#waiters]) waiter.reject(reason);
    this.#release();
  }

  protected get currentState(): S {
    return this.#state;
  }

  /** The result of a Done task, the error of a Failed one. */
  protected get outcome(): TaskOutcome<T> {
    return this.#outcome;
  }

  /** Overridden by objects of other types, such as jobs. */
  getType(): ObjectType {
    return ObjectType.Task;
  }

  /**
   * Starts a New task.
   * @throws IncorrectState when it is not New.
   */
  async run(options?: CallOptions): Promise<void> {
    throwIfAborted(options, this.#call('run'));
    if (this.#starting) throw this.#wrongState('run', 'run() is going on already');
    if (this.#state !== this.#init.states.New) throw this.#wrongState('run', 'only a New task can be run');
    await untilAborted(this.#begin(options), options, this.#call('run'));
  }

  /**
   * Cancels the task; nothing when it is final. The state stays as it is until the cancel has succeeded.
   * @param timeout seconds to wait for the end: default 0, return when the cancel has been asked; -1, as long as needed.
   * @throws IncorrectState when the task is New.
   */
  async cancel(timeout?: number, options?: CallOptions): Promise<void> {
    const limit = checkTimeout(timeout ?? NO_WAIT);
    throwIfAborted(options, this.#call('cancel'));
    this.#demandStarted('cancel');
    if (this.#isFinal()) return;
    await untilAborted(this.abort(limit, options), options, this.#call('cancel'));
    if (limit !== NO_WAIT) await this.#untilFinal(limit, options, 'cancel');
  }

  /**
   * Waits for the end.
   * @param timeout seconds: default -1, as long as it takes; 0, not at all.
   * @returns whether the task is final.
   * @throws IncorrectState when the task is New.
   */
  async wait(timeout?: number, options?: CallOptions): Promise<boolean> {
    const limit = checkTimeout(timeout ?? WAIT_FOREVER);
    throwIfAborted(options, this.#call('wait'));
    this.#demandStarted('wait');
    if (limit === NO_WAIT) return this.#init.final.has(await this.getState(options));
    return this.#untilFinal(limit, options, 'wait');
  }

  /** The present state. */
  async getState(options?: CallOptions): Promise<S> {
    throwIfAborted(options, this.#call('getState'));
    if (this.#isFinal() || this.#state === this.#init.states.New) return this.#state;
    return untilAborted(this.refresh(options), options, this.#call('getState'));
  }

  /**
   * Waits for the end and gives the result: what the plain call would have returned.
   * @throws IncorrectState when the task is New or was cancelled.
   * @throws SagaException the error of the operation, when it failed.
   */
  async getResult(options?: CallOptions): Promise<T> {
    throwIfAborted(options, this.#call('getResult'));
    this.#demandStarted('getResult');
    await this.#untilFinal(WAIT_FOREVER, options, 'getResult');
    const { Done, Canceled } = this.#init.states;
    if (this.#state === Canceled) throw this.#wrongState('getResult', 'it was cancelled and has no result');
    if (this.#state !== Done) throw this.#failure();
    return this.#outcome.result as T;
  }

  /**
   * The object whose method made the task.
   * @throws DoesNotExist when there is none.
   */
  getObject(): SagaObject {
    if (this.#init.object) return this.#init.object;
    throw new DoesNotExist('no object made this task', { object: this });
  }

  /**
   * Throws the error of a Failed task, the same one every time; nothing in the other states.
   * @throws SagaException the error of the operation.
   */
  async rethrow(options?: CallOptions): Promise<void> {
    if ((await this.getState(options)) === this.#init.states.Failed) throw this.#failure();
  }

  /** The result as a promise: as `getResult()`. */
  toPromise(): Promise<T> {
    return this.getResult();
  }

  /** The state now and its changes; completes after a final one. Never errors. */
  get state$(): Observable<S> {
    return this.#observable((subscriber) => {
      subscriber.next(this.#state);
      return this.onState((state) => {
        subscriber.next(state as S);
      });
    });
  }

  /**
   * A metric's value now and its events; completes when the task or the metric is final. Never errors.
   * @throws DoesNotExist when the task has no such metric.
   */
  observe(metric: string): Observable<MetricEvent> {
    const source = metricSetOf(this).get(metric);
    return this.#observable<MetricEvent>((subscriber) => {
      subscriber.next({ name: metric, value: source.value, time: new Date() });
      return source.subscribe(subscriber satisfies MetricListener);
    });
  }

  /** The state, by its name. */
  toJSON(): Record<string, unknown> {
    return { state: this.#literal(this.#state) };
  }

  /**
   * Calls the listener at every change of state that becomes known here; asks for none to become known: see `follow`.
   * @returns what ends it.
   * @internal
   */
  onState(listener: (state: number) => void): () => void {
    this.#stateListeners.add(listener);
    return () => {
      this.#stateListeners.delete(listener);
    };
  }

  /**
   * Has changes of state become known here until the returned function is called.
   * @internal
   */
  follow(): () => void {
    return this.#showInterest();
  }

  /**
   * How far the task is, as known here, whatever the states of its class are.
   * @internal
   */
  get progress(): 'new' | 'started' | 'final' {
    if (this.#isFinal()) return 'final';
    return this.#state === this.#init.states.New ? 'new' : 'started';
  }

  #isFinal(): boolean {
    return this.#init.final.has(this.#state);
  }

  #untilFinal(timeout: number, options: CallOptions | undefined, call: string): Promise<boolean> {
    if (this.#isFinal()) return Promise.resolve(true);
    return waitFor<true>(timeout, options, this.#call(call), (waiter) => {
      this.#waiters.add(waiter);
      const forget = this.#showInterest();
      return () => {
        this.#waiters.delete(waiter);
        forget();
      };
    }).then((reached) => reached ?? false);
  }

  /** Built when somebody subscribes; completes with the task. */
  #observable<V>(attach: (subscriber: Subscriber<V>) => () => void): Observable<V> {
    const { Observable } = loadRxjs();
    return new Observable<V>((subscriber) => {
      const detach = attach(subscriber);
      if (this.#isFinal()) subscriber.complete();
      if (subscriber.closed) {
        detach();
        return undefined;
      }
      this.#observers.add(subscriber);
      const forget = this.#showInterest();
      return () => {
        this.#observers.delete(subscriber);
        detach();
        forget();
      };
    });
  }

  #showInterest(): () => void {
    let shown = true;
    this.#interested++;
    this.#followIfNeeded();
    return () => {
      if (!shown) return;
      shown = false;
      this.#interested--;
      this.#followIfNeeded();
    };
  }

  #followIfNeeded(): void {
    const needed = this.#interested > 0 && this.progress === 'started';
    if (needed && !this.#unwatch) {
      // Set first: what `watch` finds may be the end.
      const beginning = (): void => undefined;
      this.#unwatch = beginning;
      const unwatch = this.watch();
      if (this.#unwatch === beginning) this.#unwatch = unwatch;
      else unwatch();
    } else if (!needed && this.#unwatch) {
      const unwatch = this.#unwatch;
      this.#unwatch = undefined;
      unwatch();
    }
  }

  async #begin(options: CallOptions | undefined): Promise<void> {
    this.#starting = true;
    try {
      await this.start(options);
      if (this.#state === this.#init.states.New) this.moveTo(this.#init.states.Running);
    } finally {
      this.#starting = false;
    }
  }

  #tell(state: S): void {
    for (const listener of [...this.#stateListeners]) listener(state);
    this.#stateMetric.update(this.#literal(state));
    if (this.#init.final.has(state)) this.#release();
  }

  #release(): void {
    for (const waiter of [...this.#waiters]) waiter.resolve(true);
    for (const observer of [...this.#observers]) observer.complete();
  }

  #literal(state: S): string {
    const found = Object.entries(this.#init.states).find(([, value]) => value === state);
    return found?.[0] ?? String(state);
  }

  #demandStarted(call: string): void {
    if (this.#state === this.#init.states.New) throw this.#wrongState(call, 'await run() first');
  }

  #wrongState(call: string, advice: string): IncorrectState {
    const operation = this.#call(call);
    return new IncorrectState(`${operation}: the state is ${this.#literal(this.#state)}; ${advice}`, {
      object: this,
      operation,
    });
  }

  #failure(): SagaException {
    return (
      this.#outcome.error ?? new IncorrectState('the task has failed, and the reason is not known', { object: this })
    );
  }

  /** `job.wait` for messages, from `job.state`. */
  #call(method: string): string {
    return `${this.#init.stateMetric.slice(0, -'.state'.length)}.${method}`;
  }
}

// eslint-disable-next-line @typescript-eslint/no-unused-vars -- a merged interface has the parameters of its class.
export interface Task<T, S extends number = TaskState> extends Monitorable {}
monitorable(Task);
inspectable(Task);
