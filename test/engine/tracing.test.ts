import { describe, expect, test } from '@jest/globals';
import { trace, type Span, type SpanOptions, type TracerProvider } from '@opentelemetry/api';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import * as saga from '../../src/index.js';
import { scripted } from '../support/scripted-adaptor.js';

const jd = new saga.JobDescription({ executable: 'x' });

describe('tracing', () => {
  test('every call is on the channel tracing:xosaga:call, without a password', async () => {
    saga.registerAdaptor(scripted('traced', 'traced', {}));
    const seen: unknown[] = [];
    const note = (message: unknown): void => {
      seen.push({ ...(message as object) });
    };
    subscribe('tracing:xosaga:call:start', note);
    try {
      await using service = await saga.JobService.create('traced://me:secret@host');
      await (await service.createJob(jd)).run();
    } finally {
      unsubscribe('tracing:xosaga:call:start', note);
    }
    const place = { adaptor: 'traced', url: 'traced://me:***@host' };
    expect(seen).toMatchObject([
      { ...place, operation: 'job_service.createJob' },
      { ...place, operation: 'job.run' },
    ]);
    expect(JSON.stringify(seen)).not.toContain('secret');
  });

  test('traceToOpenTelemetry makes a span a call, with the status of a failure', async () => {
    const spans: { name: string; options: SpanOptions; status?: unknown; ended: boolean }[] = [];
    const startSpan = (name: string, options: SpanOptions): Span => {
      const span = { name, options, ended: false } as (typeof spans)[number];
      spans.push(span);
      return {
        setStatus: (status: unknown) => (span.status = status),
        end: () => (span.ended = true),
      } as unknown as Span;
    };
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) } as unknown as TracerProvider);
    const stop = await saga.traceToOpenTelemetry();
    saga.registerAdaptor(
      scripted('spanned', 'spanned', { submit: () => Promise.reject(new saga.PermissionDenied('no')) }),
    );
    await using service = await saga.JobService.create('spanned://host');
    const job = await service.createJob(jd);
    await expect(job.run()).rejects.toThrow(saga.PermissionDenied);
    stop();
    await expect(job.run()).rejects.toThrow(saga.PermissionDenied);
    expect(spans).toMatchObject([
      { name: 'job_service.createJob', ended: true },
      { name: 'job.run', ended: true, status: { message: 'PermissionDenied' } },
    ]);
    expect(spans[1]?.options.attributes).toEqual({ 'xosaga.adaptor': 'spanned', 'url.full': 'spanned://host' });
    trace.disable();
  });
});
