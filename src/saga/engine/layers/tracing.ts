/**
 * Tracing: every call of an adaptor is published on the diagnostics channel `tracing:xosaga:call:*`
 * (node:diagnostics_channel, TracingChannel). It costs nothing while nobody listens.
 */
import { tracingChannel } from 'node:diagnostics_channel';

import type { Place } from '../failure.js';

/** What subscribers of the channel get; never a secret, never a job's content. */
export interface CallTrace {
  readonly adaptor: string;
  readonly operation: string;
  readonly url: string;
}

const channel = tracingChannel<string, CallTrace>('xosaga:call');

export function traced<T>(place: Place, call: () => Promise<T>): Promise<T> {
  if (!channel.hasSubscribers) return call();
  return channel.tracePromise(call, { adaptor: place.adaptor, operation: place.operation, url: place.url.toString() });
}
