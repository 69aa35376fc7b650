/** Objects that applications can also add metrics to and fire them (GFD.90 section 3.9). */
import { type CallOptions, throwIfAborted } from './call-options.js';
import { IncorrectState } from './exceptions.js';
import { type Metric, MetricMode } from './metric.js';
import { addMethods, metricSetOf, monitorable, type Monitorable } from './monitorable.js';

/** An object to which the application adds metrics of its own. */
export interface Steerable extends Monitorable {
  /**
   * Makes the metric one of this object. Callbacks that are on it already stay.
   * @returns whether it was added.
   * @throws AlreadyExists when the object has a metric of that name.
   * @throws IncorrectState when the object takes no metrics, or the metric belongs to another object.
   */
  addMetric(metric: Metric, options?: CallOptions): Promise<boolean>;
  /**
   * Takes a metric away that was added, and all callbacks from it.
   * @throws DoesNotExist when the object has no such metric.
   * @throws IncorrectState when the metric is built in, such as `job.state`.
   */
  removeMetric(name: string, options?: CallOptions): Promise<void>;
  /**
   * Makes an event on a metric with its present value.
   * @throws DoesNotExist when the object has no such metric.
   * @throws IncorrectState when the metric is ReadOnly or Final.
   */
  fireMetric(name: string, options?: CallOptions): Promise<void>;
}

/**
 * Puts the methods of `Steerable` on a class; see `monitorable`. The MetricSet of the object says with `extensible`
 * whether metrics can be added.
 * @internal
 */
export function steerable(target: { readonly prototype: object }): void {
  monitorable(target);
  addMethods(target, {
    // eslint-disable-next-line @typescript-eslint/require-await -- async so that failures reject.
    async addMetric(metric: Metric, options?: CallOptions): Promise<boolean> {
      throwIfAborted(options, 'addMetric');
      return metricSetOf(this).add(metric);
    },
    // eslint-disable-next-line @typescript-eslint/require-await
    async removeMetric(name: string, options?: CallOptions): Promise<void> {
      throwIfAborted(options, 'removeMetric');
      metricSetOf(this).remove(name);
    },
    async fireMetric(name: string, options?: CallOptions): Promise<void> {
      const metric = metricSetOf(this).get(name);
      if (metric.mode !== MetricMode.ReadWrite) {
        throw new IncorrectState(`metric ${name} is ${metric.mode}: the application can't fire it`);
      }
      await metric.fire(options);
    },
  } satisfies Omit<Steerable, keyof Monitorable>);
}
