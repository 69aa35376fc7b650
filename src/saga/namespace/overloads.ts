/** The methods of a directory that take a name or not: GFD.90 gives both one name, and so the arguments decide. */
import { isPlainObject } from '../core/call-modes.js';
import type { CallOptions } from '../core/call-options.js';
import type { UrlLike } from '../core/url.js';

/** Arguments of which the last, when it is a plain object, were the options. */
export interface Split {
  readonly values: readonly unknown[];
  readonly options: CallOptions | undefined;
}

export function splitOptions(args: readonly unknown[]): Split {
  const last = args.at(-1);
  return isPlainObject(last) ? { values: args.slice(0, -1), options: last } : { values: args, options: undefined };
}

/** Whether the argument names an entry: a string or a URL, where flags, options or nothing could be. */
export function isName(value: unknown): value is UrlLike {
  return typeof value === 'string' || (typeof value === 'object' && value !== null && !isPlainObject(value));
}
