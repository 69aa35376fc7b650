/** An adaptor whose answers a test writes, for faults that no real backend can be made to show. */
import type { AdaptorManifest, CallLimits } from '../../src/index.js';
import type { JobObservation } from '../../src/saga/spi/job.js';

/** What the test decides; absent answers are harmless ones. */
export interface Script {
  connect?: () => void;
  submit?: (attempt: number, signal: AbortSignal | undefined) => Promise<string[]> | string[];
  query?: (ids: readonly string[], attempt: number) => ReadonlyMap<string, JobObservation> | Promise<never>;
  cancel?: (id: string) => void;
  close?: () => void;
}

/** Makes a manifest for `scheme://`, with `job.submit` and `job.query`: watched jobs are polled. */
export function scripted(name: string, scheme: string, script: Script, limits?: CallLimits): AdaptorManifest {
  let submits = 0;
  let queries = 0;
  const connection = {
    prepare: () => Promise.resolve(),
    submit: async (_: unknown, { signal }: { signal?: AbortSignal | undefined }) =>
      script.submit ? await script.submit(++submits, signal) : [`${name}-${String(++submits)}`],
    cancel: async (id: string) => {
      await Promise.resolve();
      script.cancel?.(id);
    },
    query: async (ids: readonly string[]) => (script.query ? await script.query(ids, ++queries) : new Map()),
    list: () => Promise.resolve([]),
    describe: () => Promise.resolve(undefined),
    close: () => {
      script.close?.();
      return Promise.resolve();
    },
  };
  return {
    name,
    spi: 1,
    summary: 'answers as a test says',
    schemes: [scheme],
    capabilities: ['job.submit', 'job.query'],
    jobAttributes: ['executable'],
    ...(limits && { limits }),
    load: () =>
      Promise.resolve({
        connect: async () => {
          await Promise.resolve();
          script.connect?.();
          return connection as never;
        },
        translate: () => undefined,
      }),
  };
}
