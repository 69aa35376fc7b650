/** How objects show themselves in `console.log` and `util.inspect`: as in JSON, and never by their insides. */
import type { InspectOptions } from 'node:util';

interface Shown {
  toJSON(): unknown;
}

/** For a prototype, under `INSPECT`: `Job { state: 'Running', ... }`. */
export function inspectAsJson(
  this: Shown,
  depth: number,
  options: InspectOptions,
  inspect: (value: unknown, options: InspectOptions) => string,
): string {
  const { name } = this.constructor;
  return depth < 0 ? `[${name}]` : `${name} ${inspect(this.toJSON(), options)}`;
}

/** What Node asks an object for. */
export const INSPECT: symbol = Symbol.for('nodejs.util.inspect.custom');

/** Makes the objects of a class show themselves as their `toJSON()` says. */
export function inspectable(target: { readonly prototype: Shown }): void {
  Object.defineProperty(target.prototype, INSPECT, { configurable: true, writable: true, value: inspectAsJson });
}
