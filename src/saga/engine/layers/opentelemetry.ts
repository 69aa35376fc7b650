/** Spans for OpenTelemetry, made from the tracing channel. The package @opentelemetry/api is needed only for this. */
import { tracingChannel } from 'node:diagnostics_channel';
import { isNativeError } from 'node:util/types';

import type { Span } from '@opentelemetry/api';

import { NoSuccess } from '../../core/exceptions.js';
import type { CallTrace } from './tracing.js';

/**
 * Makes a span of every call to a backend, as a child of the active span: named as the SAGA operation, with the
 * attributes `xosaga.adaptor` and `url.full`.
 * @returns what ends it.
 * @throws NoSuccess when @opentelemetry/api is not installed.
 */
export async function traceToOpenTelemetry(): Promise<() => void> {
  const { SpanKind, SpanStatusCode, trace } = await import('@opentelemetry/api').catch((cause: unknown) => {
    throw new NoSuccess('tracing needs the package @opentelemetry/api; npm install @opentelemetry/api', { cause });
  });
  const tracer = trace.getTracer('xosaga');
  const spans = new WeakMap<object, Span>();
  const subscribers = {
    start(call: CallTrace): void {
      const attributes = { 'xosaga.adaptor': call.adaptor, 'url.full': call.url };
      spans.set(call, tracer.startSpan(call.operation, { kind: SpanKind.CLIENT, attributes }));
    },
    error(call: CallTrace & { error: unknown }): void {
      const message = isNativeError(call.error) ? call.error.name : 'error';
      spans.get(call)?.setStatus({ code: SpanStatusCode.ERROR, message });
    },
    asyncEnd(call: CallTrace): void {
      spans.get(call)?.end();
    },
    end: () => undefined,
    asyncStart: () => undefined,
  };
  const channel = tracingChannel<unknown, CallTrace>('xosaga:call');
  channel.subscribe(subscribers);
  return () => {
    channel.unsubscribe(subscribers);
  };
}
