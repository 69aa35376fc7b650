/** Objects that can be watched through their metrics (GFD.90 section 3.9). */
import type { CallbackLike } from './callback.js';
import { type CallOptions, throwIfAborted, untilAborted } from './call-options.js';
import { AlreadyExists, BadParameter, DoesNotExist, IncorrectState } from './exceptions.js';
import type { Metric } from './metric.js';

/** An object with metrics. */
export interface Monitorable {
  /** The names of the metrics, each once, in no particular order. */
  listMetrics(options?: CallOptions): Promise<string[]>;
  /**
   * A handle on a metric.
   * @throws DoesNotExist when the object has no such metric.
   */
  getMetric(name: string, options?: CallOptions): Promise<Metric>;
  /**
   * Registers a callback for every event on a metric.
   * @returns a cookie for `removeCallback`.
   * @throws DoesNotExist when the object has no such metric.
   * @throws IncorrectState when the metric is Final.
   */
  addCallback(name: string, cb: CallbackLike, options?: CallOptions): Promise<number>;
  /**
   * Takes a callback off. Resolves when a call of it that was going on has ended, at once within the callback itself.
   * Does nothing for a callback that was removed already.
   * @throws DoesNotExist when the object has no such metric.
   * @throws BadParameter when no `addCallback` on this metric has returned the cookie.
   */
  removeCallback(name: string, cookie: number, options?: CallOptions): Promise<void>;
}

/** How a MetricSet serves its owner. */
export interface MetricSetOptions {
  /** Called when the first callback or listener comes to any of the metrics; its result when the last has gone. */
  activate?: () => () => void;
  /** Whether the application may add metrics (of a steerable object). */
  extensible?: boolean;
}

/** The metrics of one object. The object's methods delegate to it: see `monitorable`. */
export class MetricSet implements Monitorable {
  readonly #owner: Monitorable | undefined;
  readonly #metrics = new Map<string, Metric>();
  readonly #added = new Set<string>();
  readonly #options: MetricSetOptions;
  #interested = 0;
  #deactivate: (() => void) | undefined;

  /** @param owner the object that has the metrics; undefined for a metric that belongs to none. */
  constructor(owner: Monitorable | undefined, metrics: readonly Metric[], options: MetricSetOptions = {}) {
    this.#owner = owner;
    this.#options = options;
    for (const metric of metrics) this.#put(metric);
    if (owner) sets.set(owner, this);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- async so that an abort rejects.
  async listMetrics(options?: CallOptions): Promise<string[]> {
    throwIfAborted(options, 'listMetrics');
    return [...this.#metrics.keys()];
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async getMetric(name: string, options?: CallOptions): Promise<Metric> {
    throwIfAborted(options, 'getMetric');
    return this.get(name).handle();
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async addCallback(name: string, cb: CallbackLike, options?: CallOptions): Promise<number> {
    throwIfAborted(options, 'addCallback');
    return this.get(name).addCallback(cb);
  }

  async removeCallback(name: string, cookie: number, options?: CallOptions): Promise<void> {
    throwIfAborted(options, 'removeCallback');
    await untilAborted(this.get(name).removeCallbackAndWait(cookie), options, 'removeCallback');
  }

  /** @throws DoesNotExist when there is no such metric. */
  get(name: string): Metric {
    const metric = this.#metrics.get(name);
    if (metric) return metric;
    const known = [...this.#metrics.keys()].join(', ');
    throw new DoesNotExist(`there is no metric ${JSON.stringify(name)} here, only ${known || 'none at all'}`);
  }

  /** As `addMetric` of a steerable object. */
  add(metric: Metric): boolean {
    const name = metric.name;
    if (!this.#options.extensible) {
      throw new IncorrectState(`metric ${name} can't be added: this object has its built-in metrics only`);
    }
    if (this.#metrics.has(name)) throw new AlreadyExists(`there is a metric ${name} here already`);
    this.#put(metric.handle());
    this.#added.add(name);
    return true;
  }

  /** As `removeMetric` of a steerable object. */
  remove(name: string): void {
    const metric = this.get(name);
    if (!this.#added.has(name)) throw new IncorrectState(`metric ${name} is built in and can't be removed`);
    this.#metrics.delete(name);
    this.#added.delete(name);
    metric.detach();
  }

  /** Registers the callbacks of another object's metrics on the metrics of the same name. */
  shareCallbacks(other: MetricSet): void {
    for (const [name, metric] of other.#metrics) this.#metrics.get(name)?.shareCallbacks(metric);
  }

  #put(metric: Metric): void {
    if (this.#owner) {
      metric.attach(this.#owner, (change) => {
        this.#count(change);
      });
    }
    this.#metrics.set(metric.name, metric);
  }

  #count(change: 1 | -1): void {
    this.#interested += change;
    if (this.#interested === 0) {
      this.#deactivate?.();
      this.#deactivate = undefined;
    } else if (this.#interested === 1 && change === 1) this.#deactivate = this.#options.activate?.();
  }
}

// Beside the objects, so that classes need no public field for it.
const sets = new WeakMap<object, MetricSet>();

/**
 * The metrics of an object whose class is `monitorable`.
 * @internal
 */
export function metricSetOf(object: object): MetricSet {
  const set = sets.get(object);
  if (!set) throw new BadParameter('the object has no metrics');
  return set;
}

/**
 * Puts the methods of `Monitorable` on a class, whose constructor makes a `new MetricSet(this, metrics)`; declare them
 * by merging an interface that extends `Monitorable`.
 * @internal
 */
export function monitorable(target: { readonly prototype: object }): void {
  addMethods(target, {
    async listMetrics(options?: CallOptions): Promise<string[]> {
      return metricSetOf(this).listMetrics(options);
    },
    async getMetric(name: string, options?: CallOptions): Promise<Metric> {
      return metricSetOf(this).getMetric(name, options);
    },
    async addCallback(name: string, cb: CallbackLike, options?: CallOptions): Promise<number> {
      return metricSetOf(this).addCallback(name, cb, options);
    },
    async removeCallback(name: string, cookie: number, options?: CallOptions): Promise<void> {
      return metricSetOf(this).removeCallback(name, cookie, options);
    },
  } satisfies Monitorable);
}

/**
 * Puts methods on the prototype of a class, as if its body had them.
 * @internal
 */
export function addMethods(target: { readonly prototype: object }, methods: object): void {
  for (const [name, value] of Object.entries(methods) as [string, unknown][]) {
    Object.defineProperty(target.prototype, name, { value, writable: true, configurable: true });
  }
}
