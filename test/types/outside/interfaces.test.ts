/** The fixed outside of the packages permissions, attributes and monitoring, and of the options of calls. */
import { expect, test } from '@jest/globals';
import type * as saga from '../../../src/index.js';
import type { Holds, Same } from '../../support/types.js';

type Options = saga.CallOptions;

interface FixedPermissions {
  permissionsAllow(id: string, perm: number, flags?: number, options?: Options): Promise<void>;
  permissionsDeny(id: string, perm: number, flags?: number, options?: Options): Promise<void>;
  permissionsCheck(id: string, perm: number, options?: Options): Promise<boolean>;
  getOwner(options?: Options): Promise<string>;
  getGroup(options?: Options): Promise<string>;
}

interface FixedAttributes {
  setAttribute(key: string, value: string): void;
  getAttribute(key: string): string;
  setVectorAttribute(key: string, values: readonly string[]): void;
  getVectorAttribute(key: string): string[];
  removeAttribute(key: string): void;
  listAttributes(): string[];
  findAttributes(pattern: readonly string[]): string[];
  attributeExists(key: string): boolean;
  attributeIsReadonly(key: string): boolean;
  attributeIsWritable(key: string): boolean;
  attributeIsRemovable(key: string): boolean;
  attributeIsVector(key: string): boolean;
}

/** The same questions to a remote object: with options, and by promise. */
type FixedAsyncAttributes = {
  [M in keyof FixedAttributes]: (
    ...args: [...Parameters<FixedAttributes[M]>, options?: Options]
  ) => Promise<ReturnType<FixedAttributes[M]>>;
};

interface FixedMonitorable {
  listMetrics(options?: Options): Promise<string[]>;
  getMetric(name: string, options?: Options): Promise<saga.Metric>;
  addCallback(name: string, cb: saga.CallbackLike, options?: Options): Promise<number>;
  removeCallback(name: string, cookie: number, options?: Options): Promise<void>;
}

interface FixedSteerable extends FixedMonitorable {
  addMetric(metric: saga.Metric, options?: Options): Promise<boolean>;
  removeMetric(name: string, options?: Options): Promise<void>;
  fireMetric(name: string, options?: Options): Promise<void>;
}

/** Narrower than the string or undefined of other attributes: a metric always has them all. */
interface FixedMetric extends FixedAttributes {
  clone(): saga.Metric;
  readonly name: string;
  readonly description: string;
  readonly mode: saga.MetricMode;
  readonly unit: string;
  readonly type: saga.AttributeType;
  value: string;
  addCallback(cb: saga.CallbackLike): number;
  removeCallback(cookie: number): void;
  fire(options?: Options): Promise<void>;
}

type MetricClass = new (
  name: string,
  desc: string,
  mode: saga.MetricMode,
  unit: string,
  type: saga.AttributeType,
  value: string,
) => saga.Metric;

type Answer = boolean | Promise<boolean>;
type CallbackFunction = (mt: saga.Monitorable, metric: saga.Metric, ctx: saga.Context) => Answer;

test('what calls take last', () => {
  const proofs: [
    Same<saga.CallOptions['signal'], AbortSignal | undefined>,
    Same<Parameters<NonNullable<saga.CallOptions['onProgress']>>, [saga.Progress]>,
    Same<saga.Progress, { done: number; total: number | undefined; what: string }>,
    Same<saga.CreateOptions['session'], saga.Session | undefined>,
    saga.CreateOptions extends saga.CallOptions ? true : false,
    Record<string, never> extends saga.CreateOptions ? true : false,
  ] = [true, true, true, true, true, true];
  expect(proofs).not.toContain(false);
});

test('permissions', () => {
  const proof: Holds<saga.Permissions, FixedPermissions> = true;
  expect(proof).toBe(true);
});

test('attributes', () => {
  const proofs: [Holds<saga.Attributes, FixedAttributes>, Holds<saga.AsyncAttributes, FixedAsyncAttributes>] = [
    true,
    true,
  ];
  expect(proofs).not.toContain(false);
});

test('metrics and callbacks', () => {
  const proofs: [
    Holds<saga.Monitorable, FixedMonitorable>,
    Holds<saga.Steerable, FixedSteerable>,
    Holds<saga.Metric, FixedMetric>,
    typeof saga.Metric extends MetricClass ? true : false,
    saga.Metric extends saga.SagaObject ? true : false,
    Same<saga.Callback, { cb: CallbackFunction }>,
    Same<saga.CallbackLike, saga.Callback | CallbackFunction>,
    Same<saga.MetricEvent, { name: string; value: string; time: Date }>,
  ] = [true, true, true, true, true, true, true, true];
  expect(proofs).not.toContain(false);
});
