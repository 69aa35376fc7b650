/** Metrics: named values of an object that can be watched, and sometimes set (GFD.90 section 3.9). */
import { AttributeSchema, type AttributeSpec } from './attribute-schema.js';
import { AttributeSet } from './attribute-set.js';
import { type Attributes, attributed, AttributeType, type AttributeValue, provideAttributes } from './attributes.js';
import { type CallbackLike, Registration } from './callback.js';
import { type CallOptions, throwIfAborted } from './call-options.js';
import { Context } from './context.js';
import { BadParameter, IncorrectState, PermissionDenied } from './exceptions.js';
import { type Monitorable, MetricSet } from './monitorable.js';
import { BaseObject, ObjectType } from './object.js';

/** Who may change a metric. A Final one never changes again. */
export const MetricMode = { ReadOnly: 'ReadOnly', ReadWrite: 'ReadWrite', Final: 'Final' } as const;
export type MetricMode = (typeof MetricMode)[keyof typeof MetricMode];

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

const METRIC_ATTRIBUTES: readonly AttributeSpec[] = [
  { key: 'Name', property: 'name', type: 'String', readonly: true, description: 'the name, such as job.state' },
  { key: 'Description', property: 'description', type: 'String', readonly: true, description: 'what is measured' },
  { key: 'Mode', property: 'mode', type: 'String', readonly: true, description: 'ReadOnly, ReadWrite or Final' },
  { key: 'Unit', property: 'unit', type: 'String', readonly: true, description: 'the unit; may be empty' },
  { key: 'Type', property: 'type', type: 'String', readonly: true, description: 'the type of the value' },
  {
    key: 'Value',
    property: 'value',
    type: 'String',
    description: 'the present value; read-only unless Mode is ReadWrite',
  },
];

/** The schemas by type of the value, of which there are few, made when first needed. */
const schemas = new Map<AttributeType, AttributeSchema>();

function schemaFor(type: AttributeType): AttributeSchema {
  let schema = schemas.get(type);
  if (!schema) {
    // What comes with a trigger is up to its owner.
    const valueType = type === 'Trigger' ? 'String' : type;
    const specs = METRIC_ATTRIBUTES.map((spec) => (spec.key === 'Value' ? { ...spec, type: valueType } : spec));
    schemas.set(type, (schema = new AttributeSchema('Metric', specs)));
  }
  return schema;
}

/** The attributes of a metric: its mode says whether the value can be set. */
class MetricAttributes extends AttributeSet {
  protected override isLocked(key: string): boolean {
    return key === 'Value' ? this.value('Mode') !== MetricMode.ReadWrite : super.isLocked(key);
  }

  override clone(): MetricAttributes {
    return new MetricAttributes(this.schema, this.entries());
  }

  text(key: string): string {
    return (this.value(key) ?? '') as string;
  }
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

  constructor(readonly attributes: MetricAttributes) {}

  get name(): string {
    return this.attributes.text('Name');
  }

  get mode(): string {
    return this.attributes.text('Mode');
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
    this.attributes.assign('Value', value);
    if (this.#listeners.size > 0) {
      const event: MetricEvent = { name: this.name, value, time: new Date() };
      for (const listener of [...this.#listeners]) listener.next(event);
    }
    if (this.#callbacks.size > 0) {
      // A handle with a value of its own: a callback that was busy gets each event as it was.
      const metric = new Metric(this, this.attributes.clone());
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
  readonly #state: MetricState;
  /** Those of the state, but for the metric that a callback gets. */
  readonly #attributes: MetricAttributes;

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
  constructor(state: MetricState, attributes: MetricAttributes);
  constructor(
    ...args:
      | [name: string, desc: string, mode: MetricMode, unit: string, type: AttributeType, value: string]
      | [state: MetricState, attributes: MetricAttributes]
  ) {
    super();
    if (args.length === 2) [this.#state, this.#attributes] = args;
    else {
      this.#attributes = checkedAttributes(...args);
      this.#state = new MetricState(this.#attributes);
    }
    provideAttributes(this, this.#attributes);
  }

  getType(): ObjectType {
    return ObjectType.Metric;
  }

  /** A metric of its own with the same attributes and callbacks; it belongs to no object. */
  clone(): this {
    const attributes = this.#attributes.clone();
    const state = new MetricState(attributes);
    state.shareCallbacks(this.#state);
    return new Metric(state, attributes) as this;
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
    this.#state.emit(this.#attributes.text('Value'));
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
    this.#state.attributes.assign('Mode', MetricMode.Final);
    this.#state.complete();
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
    return new Metric(this.#state, this.#state.attributes);
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

function checkedAttributes(
  name: string,
  desc: string,
  mode: MetricMode,
  unit: string,
  type: AttributeType,
  value: string,
): MetricAttributes {
  const given = { Name: name, Description: desc, Mode: mode, Unit: unit, Type: type, Value: value };
  for (const [key, text] of Object.entries(given) as [string, unknown][]) {
    if (typeof text !== 'string') throw new BadParameter(`the ${key} of a metric is a string, not ${typeof text}`);
    if (text === '' && key !== 'Unit' && !(key === 'Value' && type === 'Trigger')) {
      throw new BadParameter(`the ${key} of a metric must not be empty`);
    }
  }
  demandOneOf('Mode', mode, MetricMode);
  demandOneOf('Type', type, AttributeType);
  const entries: [string, AttributeValue][] = Object.entries(given);
  const attributes = new MetricAttributes(schemaFor(type), entries);
  attributes.assign('Value', value);
  return attributes;
}

function demandOneOf(key: string, value: string, allowed: Record<string, string>): void {
  const names = Object.values(allowed);
  if (!names.includes(value)) {
    throw new BadParameter(`the ${key} of a metric is one of ${names.join(', ')}, not ${JSON.stringify(value)}`);
  }
}

export interface Metric extends Attributes {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly mode: MetricMode | undefined;
  readonly unit: string | undefined;
  readonly type: AttributeType | undefined;
  value: string | undefined;
}
attributed(Metric, METRIC_ATTRIBUTES);
