import { describe, expect, test } from '@jest/globals';

import * as saga from '../../src/index.js';
import { BUILT_INS } from '../../src/saga/engine/built-ins.js';
import { isTransient } from '../../src/saga/engine/layers/transient.js';
import { AdaptorRegistry } from '../../src/saga/engine/registry.js';
import { scripted, type Script } from '../support/scripted-adaptor.js';
import { rule } from '../support/rules.js';

let names = 0;
/** Registers an adaptor for a scheme of its own and connects to it. */
async function serviceOf(script: Script, limits?: saga.CallLimits): Promise<saga.JobService> {
  const scheme = `scripted${String(++names)}`;
  saga.registerAdaptor(scripted(scheme, scheme, script, limits));
  return saga.JobService.create(`${scheme}://host`);
}

const jd = new saga.JobDescription({ executable: 'x' });

describe('the table of built-in adaptors', () => {
  test('says what the manifests say', async () => {
    for (const entry of BUILT_INS) {
      const manifest = await entry.manifest();
      expect({ name: manifest.name, schemes: manifest.schemes }).toEqual({ name: entry.name, schemes: entry.schemes });
    }
  });
});

describe('registering adaptors', () => {
  test('refuses what is no manifest, by what is wrong with it', () => {
    const registry = new AdaptorRegistry([]);
    const manifest = scripted('one', 'one', {});
    registry.register(manifest);
    expect(() => {
      registry.register(manifest);
    }).toThrow(/named 'one' is registered already/);
    expect(() => {
      registry.register({ ...manifest, name: 'two', spi: 2 } as never);
    }).toThrow(/made for SPI version 2; this xosaga has 1/);
    expect(() => {
      registry.register({ ...manifest, name: 'three', schemes: [] });
    }).toThrow(/names no URL scheme/);
    expect(() => {
      registry.register({ ...manifest, name: '' });
    }).toThrow(saga.BadParameter);
  });

  test('adaptors of the application are asked for once, when a scheme is not known', async () => {
    let asked = 0;
    const registry = new AdaptorRegistry([], () => {
      asked += 1;
      return [scripted('own', 'own', {})];
    });
    registry.register(scripted('known', 'known', {}));
    await registry.serving('known', 'job.submit');
    expect(asked).toBe(0);
    expect((await registry.serving('own', 'job.submit')).map((m) => m.name)).toEqual(['own']);
    await expect(registry.serving('other', 'job.submit')).rejects.toThrow(/known schemes: known, own/);
    expect(asked).toBe(1);
  });

  test('a scheme that is known, but not for jobs', async () => {
    const registry = new AdaptorRegistry([]);
    registry.register({ ...scripted('files', 'files', {}), capabilities: [] });
    await expect(registry.serving('files', 'job.submit')).rejects.toThrow(/offers job.submit \(asked: files\)/);
  });
});

describe('late binding', () => {
  test('adaptors of one scheme are tried in order', async () => {
    const tried: string[] = [];
    const refuse = (name: string, error: saga.SagaException): Script => ({
      connect: () => {
        tried.push(name);
        throw error;
      },
    });
    saga.registerAdaptor(scripted('first', 'many', refuse('first', new saga.NoSuccess('down'))));
    saga.registerAdaptor(scripted('second', 'many', { connect: () => tried.push('second') }));
    saga.registerAdaptor(scripted('third', 'many', { connect: () => tried.push('third') }));
    await using service = await saga.JobService.create('many://host');
    expect(tried).toEqual(['first', 'second']);
    const job = await service.createJob(jd);
    await job.run();
    expect(job.jobID).toBe('[many://host]-[second-1]');
  });

  rule([1, 7], 'of several errors the most specific is thrown, with all of them inside', async () => {
    const errors = [new saga.NoSuccess('down'), new saga.AuthenticationFailed('who?'), new saga.NotImplemented('no')];
    for (const [i, error] of errors.entries()) {
      const connect = (): void => {
        throw error;
      };
      saga.registerAdaptor(scripted(`refusing${String(i)}`, 'refused', { connect }));
    }
    const error = await saga.JobService.create('refused://user:secret@host').catch((e: unknown) => e);
    expect(saga.SagaException.is(error)).toBe(true);
    const all = (error as saga.SagaException).getAllExceptions();
    expect(all.map((e) => e.code)).toEqual([
      'AuthenticationFailed',
      'AuthenticationFailed',
      'NoSuccess',
      'NotImplemented',
    ]);
    expect(all.slice(1).map((e) => e.adaptor)).toEqual(['refusing1', 'refusing0', 'refusing2']);
    expect((error as saga.SagaException).message).toMatch(/who\? \(tried: refusing1, refusing0, refusing2\)/);
    expect((error as saga.SagaException).url).not.toContain('secret');
  });

  test('what the adaptor does not declare is NotImplemented, naming the capability', async () => {
    const observation = { state: 'Running', detail: 'R' } as const;
    await using service = await serviceOf({ query: (ids) => new Map(ids.map((id) => [id, observation])) });
    const job = await service.createJob(jd);
    await job.run();
    await expect(job.suspend()).rejects.toThrow(/does not offer job.suspend/);
    await expect(service.getSelf()).rejects.toThrow(saga.NotImplemented);
  });

  test('an error that is none of ours becomes NoSuccess and knows its place', async () => {
    await using service = await serviceOf({ submit: () => Promise.reject(new TypeError('bug')) });
    const job = await service.createJob(jd);
    const error = (await job.run().catch((e: unknown) => e)) as saga.SagaException;
    expect(error).toMatchObject({ code: 'NoSuccess', message: 'bug', operation: 'job.run' });
    expect(error.adaptor).toMatch(/^scripted/);
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(await job.getState()).toBe(saga.JobState.New);
  });

  test('close reaches the adaptor when the last service on the connection is closed', async () => {
    let closed = 0;
    const service = await serviceOf({ close: () => closed++ });
    const copy = service.clone();
    await service.close();
    await service.close();
    expect(closed).toBe(0);
    await copy.close();
    expect(closed).toBe(1);
  });
});

describe('retry, timeout and throttle', () => {
  const busy = (): Error => Object.assign(new Error('reset'), { code: 'ECONNRESET' });

  test('a query is tried again, a submission never', async () => {
    const attempts = { submit: 0, query: 0 };
    await using service = await serviceOf(
      {
        submit: (attempt) => {
          attempts.submit = attempt;
          return Promise.reject(busy());
        },
        query: (ids, attempt) => {
          attempts.query = attempt;
          if (attempt < 3) return Promise.reject(busy());
          return new Map(ids.map((id) => [id, { state: 'Done', detail: 'D', exitCode: 0 } as const]));
        },
      },
      { retries: 3 },
    );
    const job = await service.createJob(jd);
    await expect(job.run()).rejects.toThrow(saga.NoSuccess);
    expect(attempts.submit).toBe(1);
    const found = await service.getJob(`[${job.serviceURL ?? ''}]-[7]`);
    expect(attempts.query).toBe(3);
    expect(await found.getState()).toBe(saga.JobState.Done);
  });

  test('a call that takes too long is given up with Timeout, and its signal aborted', async () => {
    let signalled = false;
    await using service = await serviceOf(
      {
        submit: (_, signal) =>
          new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () => {
              signalled = true;
              reject(new Error('aborted'));
            });
          }),
      },
      { timeout: 0.05 },
    );
    const job = await service.createJob(jd);
    const error = (await job.run().catch((e: unknown) => e)) as saga.SagaException;
    expect(error.code).toBe('Timeout');
    expect(error.message).toBe('the backend did not answer within 0.05 s');
    expect(error.operation).toBe('job.run');
    expect(signalled).toBe(true);
  });

  test('no more calls at once than the manifest allows', async () => {
    let now = 0;
    let most = 0;
    await using service = await serviceOf(
      {
        submit: async (attempt) => {
          most = Math.max(most, ++now);
          await new Promise(setImmediate);
          now -= 1;
          return [String(attempt)];
        },
      },
      { concurrency: 3 },
    );
    const jobs = await Promise.all(Array.from({ length: 20 }, () => service.createJob(jd)));
    await Promise.all(jobs.map((job) => job.run()));
    expect(most).toBe(3);
    expect(new Set(jobs.map((job) => job.jobID)).size).toBe(20);
  });

  test('what may pass by itself', () => {
    expect(isTransient(busy())).toBe(true);
    expect(isTransient(new saga.NoSuccess('x', { cause: new Error('y', { cause: busy() }) }))).toBe(true);
    expect(isTransient(new saga.Timeout('late'))).toBe(true);
    expect(isTransient({ status: 503 })).toBe(true);
    expect(isTransient({ status: 403 })).toBe(false);
    expect(isTransient(new saga.PermissionDenied('no'))).toBe(false);
    const circle: { cause?: unknown } = {};
    circle.cause = circle;
    expect(isTransient(circle)).toBe(false);
    expect(isTransient(undefined)).toBe(false);
  });
});

describe('watching by polling', () => {
  test('one query for all watched jobs; a failing one and a missing id mean nothing', async () => {
    const asked: number[] = [];
    await using service = await serviceOf(
      {
        query: (ids, attempt) => {
          asked.push(ids.length);
          if (attempt === 1) return Promise.reject(new Error('down'));
          const seen = attempt === 2 ? ids.slice(1) : ids;
          const state =
            attempt < 4
              ? ({ state: 'Running', detail: 'R' } as const)
              : ({ state: 'Done', detail: 'D', exitCode: 0 } as const);
          return new Map(seen.map((id) => [id, state]));
        },
      },
      { pollInterval: 0.01 },
    );
    const jobs = await Promise.all(Array.from({ length: 50 }, () => service.createJob(jd)));
    await Promise.all(jobs.map((job) => job.run()));
    await Promise.all(jobs.map((job) => job.wait()));
    expect(asked).toEqual([50, 50, 50, 50]);
    expect(jobs.map((job) => job.exitCode)).toEqual(Array.from({ length: 50 }, () => 0));
  });

  test('nothing is asked when nobody waits', async () => {
    let asked = 0;
    await using service = await serviceOf(
      {
        query: (ids) => {
          asked += 1;
          return new Map(ids.map((id) => [id, { state: 'Running', detail: 'R' } as const]));
        },
      },
      { pollInterval: 0.005 },
    );
    const job = await service.createJob(jd);
    await job.run();
    expect(await job.wait(0.05)).toBe(false);
    const soFar = asked;
    expect(soFar).toBeGreaterThan(2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked).toBe(soFar);
  });
});
