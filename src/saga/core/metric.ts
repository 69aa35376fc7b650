/** Metrics: named values of an object that can be watched, and sometimes set (GFD.90 section 3.9). */
import { type Attributes, attributed, type AttributeType } from './attributes.js';
import { type CallbackLike, Registration } from './callback.js';
import { type CallOptions, throwIfAborted } from './call-options.js';
import { Context } from './context.js';
import { BadParameter, IncorrectState, PermissionDenied } from './exceptions.js';
import {
  checkedValues,
  demandValue,
  METRIC_ATTRIBUTES,
  MetricAttributes,
  MetricMode,
  type MetricValues,
} from './metric-values.js';
import { type Monitorable, MetricSet } from './monitorable.js';
import { BaseObject, ObjectType } from './object.js';

export { MetricMode } from './metric-values.js';

/** One event on a metric, as Observables give it. */
export interface MetricEvent {
  /** The metric's name, for example `job.state`. */
  name: string;
  /** The metric's value at the event. */
  value: string;
  /** When this process learned of the event. */
  time: Date;
}

/** The inside of monitoring, on which callbacks' siblings, the Observables, are built. An rxjs Subscriber is one. */
export interface MetricListener {
  next(event: MetricEvent): void;
  /** No event will follow. */
  complete(): void;
}

/** Cookies are never used twice, so that the cookie of another metric is told from one's own. */
let lastCookie = 0;

/** What all handles on one metric share. */
class MetricState {
  owner: Monitorable | undefined;
  /** Told +1 and -1 as callbacks and listeners come and go. */
  onInterest: ((change: 1 | -1) => void) | undefined;
  readonly #callbacks = new Map<number, Registration>();
  readonly #cookies = new Set<number>();
  readonly #listeners = new Set<MetricListener>();

  constructor(readonly values: MetricValues) {}

  get name(): string {
    return this.values.Name;
  }

  get mode(): MetricMode {
    return this.values.Mode;
  }

  addCallback(callback: CallbackLike, cookie: number = ++lastCookie): number {
    const registration = new Registration(callback, () => {
      this.removeCallback(cookie);
    });
    this.#callbacks.set(cookie, registration);
    this.#cookies.add(cookie);
    this.onInterest?.(1);
    return cookie;
  }

  removeCallback(cookie: number): Registration | undefined {
    if (!this.#cookies.has(cookie)) {
      throw new BadParameter(`${String(cookie)} is no cookie that addCallback on metric ${this.name} has returned`);
    }
    const registration = this.#callbacks.get(cookie);
    if (registration) {
      this.#callbacks.delete(cookie);
      registration.remove();
      this.onInterest?.(-1);
    }
    return registration;
  }

  /** Registers the callbacks of another metric here too, under their cookies. */
  shareCallbacks(from: MetricState): void {
    for (const [cookie, registration] of from.#callbacks) this.addCallback(registration.callback, cookie);
  }

  subscribe(listener: MetricListener): () => void {
    if (this.mode === MetricMode.Final) {
      listener.complete();
      return () => undefined;
    }
    this.#listeners.add(listener);
    this.onInterest?.(1);
    return () => {
      if (this.#listeners.delete(listener)) this.onInterest?.(-1);
    };
  }

  emit(value: string, context?: Context): void {
    demandValue(this.values.Type, value);
    this.values.Value = value;
    if (this.#listeners.size > 0) {
      const event: MetricEvent = { name: this.name, value, time: new Date() };
      for (const listener of [...this.#listeners]) listener.next(event);
    }
    if (this.#callbacks.size > 0) {
      // A handle with a value of its own: a callback that was busy gets each event as it was.
      const metric = new Metric(this, { ...this.values });
      const owner = this.owner ?? new MetricSet(undefined, [metric]);
      const peer = context ?? new Context('Unknown');
      for (const registration of [...this.#callbacks.values()]) registration.deliver([owner, metric, peer]);
    }
  }

  complete(): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) {
      this.onInterest?.(-1);
      listener.complete();
    }
  }

  removeAllCallbacks(): void {
    for (const cookie of [...this.#callbacks.keys()]) this.removeCallback(cookie);
  }
}

/**
 * A named value that can be watched: with callbacks here and on the object that has the metric, or with
 * `observe(name)`. Its attributes are Name, Description, Mode, Unit, Type and Value.
 *
 * Applications make metrics of their own for steerable objects. The metrics that `getMetric` returns are handles on one
 * metric: what one sees the others see.
 */
export class Metric extends BaseObject {
  static {
    attributed(this, METRIC_ATTRIBUTES, { make: (metric) => new MetricAttributes((metric as Metric).#values) });
  }

  readonly #state: MetricState;
  /** Those of the state, but for the metric that a callback gets. */
  readonly #values: MetricValues;

  /**
   * @param name for example `app.residual`.
   * @param desc what is measured, for people.
   * @param mode ReadWrite when the application fires and sets it.
   * @param unit may be empty.
   * @param type what the value is: String, Int, Enum, Float, Bool, Time or Trigger.
   * @param value the first value, in the string form of the type; may be empty for a Trigger.
   * @throws BadParameter when an argument is empty that must not be, or the mode, type or value is malformed.
   */
  constructor(name: string, desc: string, mode: MetricMode, unit: string, type: AttributeType, value: string);
  /**
   * Another handle on a metric.
   * @internal
   */
  constructor(state: MetricState, values: MetricValues);
  constructor(
    ...args:
      | [name: string, desc: string, mode: MetricMode, unit: string, type: AttributeType, value: string]
      | [state: MetricState, values: MetricValues]
  ) {
    super();
    if (args.length === 2) [this.#state, this.#values] = args;
    else {
      this.#values = checkedValues(...args);
      this.#state = new MetricState(this.#values);
    }
  }

  get name(): string {
    return this.#values.Name;
  }

  get description(): string {
    return this.#values.Description;
  }

  get mode(): MetricMode {
    return this.#values.Mode;
  }

  /** May be empty. */
  get unit(): string {
    return this.#values.Unit;
  }

  /** The type of the value. */
  get type(): AttributeType {
    return this.#values.Type;
  }

  /** In the string form of the type. Setting it tells nobody: see `fire`. */
  get value(): string {
    return this.#values.Value;
  }

  set value(value: string) {
    this.setAttribute('Value', value);
  }

  getType(): ObjectType {
    return ObjectType.Metric;
  }

  /** A metric of its own with the same attributes and callbacks; it belongs to no object. */
  clone(): this {
    const state = new MetricState({ ...this.#values });
    state.shareCallbacks(this.#state);
    return new Metric(state, state.values) as this;
  }

  /**
   * Registers a callback for every event on this metric, whether or not the value differs.
   * @returns a cookie for `removeCallback`, different for every registration.
   * @throws IncorrectState when the metric is Final.
   * @throws BadParameter when it is neither a function nor an object with a function `cb`.
   */
  addCallback(cb: CallbackLike): number {
    const valid: unknown = typeof cb === 'object' ? (cb as { cb: unknown } | null)?.cb : cb;
    if (typeof valid !== 'function') {
      throw new BadParameter('a callback is a function, or an object with a function cb, that returns a boolean');
    }
    this.#demandNotFinal('a callback on it would never be called');
    return this.#state.addCallback(cb);
  }

  /**
   * Takes a callback off; it is not called any more. To wait for a call that is going on, use `removeCallback` of the
   * object that has the metric. Does nothing for a callback that was removed already.
   * @throws BadParameter when no `addCallback` on this metric has returned the cookie.
   */
  removeCallback(cookie: number): void {
    this.#state.removeCallback(cookie);
  }

  /**
   * Makes an event with the present value: calls the callbacks of this process.
   * @throws IncorrectState when the metric is Final.
   * @throws PermissionDenied when it is ReadOnly: only the implementation fires it then.
   */
  async fire(options?: CallOptions): Promise<void> {
    throwIfAborted(options, 'metric.fire');
    this.#demandNotFinal('it has no more events');
    if (this.#state.mode !== MetricMode.ReadWrite) {
      throw new PermissionDenied(`metric ${this.#state.name} is ReadOnly: only the implementation fires it`, {
        object: this,
      });
    }
    this.#state.emit(this.#values.Value);
    return Promise.resolve();
  }

  /**
   * An event of the implementation: sets the value and tells everybody, whatever the mode; nothing on a Final metric.
   * `context` is who caused it, where that is known.
   * @internal
   */
  update(value: string, context?: Context): void {
    if (this.#state.mode !== MetricMode.Final) this.#state.emit(value, context);
  }

  /**
   * Makes the metric Final: the value stays, and there are no more events.
   * @internal
   */
  finish(): void {
    this.#state.values.Mode = MetricMode.Final;
    this.#state.complete();
  }

  /**
   * There are events again, of a metric that the implementation alone changes.
   * @internal
   */
  beginAgain(): void {
    this.#state.values.Mode = MetricMode.ReadOnly;
  }

  /**
   * Listens to the events; a Final metric completes the listener at once.
   * @returns the unsubscribe.
   * @internal
   */
  subscribe(listener: MetricListener): () => void {
    return this.#state.subscribe(listener);
  }

  /**
   * Takes a callback off as `removeCallback` does, and resolves when it does not run any more.
   * @internal
   */
  async removeCallbackAndWait(cookie: number): Promise<void> {
    await this.#state.removeCallback(cookie)?.idle();
  }

  /**
   * Registers the callbacks of `other` on this metric too.
   * @internal
   */
  shareCallbacks(other: Metric): void {
    this.#state.shareCallbacks(other.#state);
  }

  /**
   * Another handle on this metric.
   * @internal
   */
  handle(): Metric {
    return new Metric(this.#state, this.#state.values);
  }

  /**
   * Makes the metric one of `owner`, which callbacks are then told; `onInterest` is told how many listen.
   * @throws IncorrectState when it belongs to an object already.
   * @internal
   */
  attach(owner: Monitorable, onInterest: (change: 1 | -1) => void): void {
    if (this.#state.owner) {
      throw new IncorrectState(`metric ${this.#state.name} belongs to another object; add a clone of it`, {
        object: this,
      });
    }
    this.#state.owner = owner;
    this.#state.onInterest = onInterest;
  }

  /**
   * Takes the metric from its owner, and all callbacks and listeners from the metric.
   * @internal
   */
  detach(): void {
    this.#state.removeAllCallbacks();
    this.#state.complete();
    this.#state.owner = undefined;
    this.#state.onInterest = undefined;
  }

  #demandNotFinal(why: string): void {
    if (this.#state.mode !== MetricMode.Final) return;
    throw new IncorrectState(`metric ${this.#state.name} is Final: ${why}`, { object: this });
  }
}

// The members are put there by `attributed`.
export interface Metric extends Attributes {}
