/** Errors on their way up: native ones become SAGA errors, and all learn where they happened. In this one place. */
import { isNativeError } from 'node:util/types';

import { NoSuccess, SagaException } from '../core/exceptions.js';
import type { URL } from '../core/url.js';

/** Where a call failed. */
export interface Place {
  readonly adaptor: string;
  readonly operation: string;
  readonly url: URL;
}

/** The error as a SagaException that knows its place; what the thrower filled in stays. */
export function located(
  error: unknown,
  place: Place,
  translate: (error: unknown) => SagaException | undefined = () => undefined,
): SagaException {
  const known = SagaException.is(error) ? error : (translate(error) ?? unexpected(error));
  known.locate({ adaptor: place.adaptor, operation: place.operation, url: place.url.toString() });
  return known;
}

/** One error for several: the most specific, which carries the others. `errors` are sorted and not empty. */
export function combined(errors: readonly SagaException[]): SagaException {
  const [first] = errors;
  if (!first) return new NoSuccess('no adaptor was tried');
  if (errors.length === 1) return first;
  const Category = first.constructor as new (message: string, options: object) => SagaException;
  const tried = errors.map((e) => e.adaptor).join(', ');
  return new Category(`${first.message} (tried: ${tried})`, {
    cause: first,
    adaptor: first.adaptor,
    operation: first.operation,
    url: first.url,
    lower: errors,
  });
}

function unexpected(error: unknown): SagaException {
  const text = isNativeError(error) ? error.message : String(error);
  return new NoSuccess(text, { cause: error });
}
