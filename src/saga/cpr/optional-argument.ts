/** Methods with an argument that may be left out before the options: `checkpoint(options)` and `checkpoint(url, options)`. */
import type { CallOptions } from '../core/call-options.js';

/**
 * Tells the argument from the options. A plain object is always the options; with two of them, as the views `async` and `task`
 * give them, both count.
 */
export function optionalArgument<T extends string | object>(
  given: T | CallOptions | undefined,
  options: CallOptions | undefined,
): [argument: T | undefined, options: CallOptions] {
  if (!isPlainObject(given)) return [given as T | undefined, options ?? {}];
  const first = given as CallOptions;
  const signals = [first.signal, options?.signal].filter((signal) => signal !== undefined);
  return [undefined, { ...first, ...options, ...(signals.length > 0 && { signal: AbortSignal.any(signals) }) }];
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  // By shape: the Object of another realm is not ours.
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
