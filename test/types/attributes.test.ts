import { describe, expect, test } from '@jest/globals';

import type { Context, Job, JobDescription } from '../../src/index.js';
import { Metric } from '../../src/saga/core/metric.js';
import type { Same } from '../support/types.js';

describe('attributes', () => {
  test('of a metric are typed, and all but the value are read-only', () => {
    const metric = new Metric('app.residual', 'of the solver', 'ReadWrite', '1', 'Float', '1');
    metric.value = '0.5';
    expect(metric.value).toBe('0.5');
    expect(() => {
      // @ts-expect-error -- the name is read-only
      metric.name = 'other';
    }).toThrow(TypeError);
    expect(() => {
      // @ts-expect-error -- the value is a string
      metric.value = 0.5;
    }).toThrow('takes a');
    // @ts-expect-error -- the mode is one of three literals
    expect(() => new Metric('x', 'y', 'Writable', '', 'Float', '1')).toThrow('the Mode of a metric');
    // @ts-expect-error -- the type is one of seven literals
    expect(() => new Metric('x', 'y', 'ReadOnly', '', 'Number', '1')).toThrow('the Type of a metric');
  });

  test('of a context and a job description have the types of their values', () => {
    const proofs: [
      Same<Context['userID'], string | undefined>,
      Same<Context['lifeTime'], number | undefined>,
      Same<JobDescription['numberOfProcesses'], number | undefined>,
      Same<JobDescription['interactive'], boolean | undefined>,
      Same<JobDescription['arguments'], readonly string[] | undefined>,
      Same<Job['exitCode'], number | undefined>,
      Same<Job['finished'], Date | undefined>,
    ] = [true, true, true, true, true, true, true];
    expect(proofs).not.toContain(false);
  });

  test('are asked synchronously of a local object, by promise of a remote one', () => {
    const proofs: [
      Same<ReturnType<JobDescription['getAttribute']>, string>,
      Same<ReturnType<Context['listAttributes']>, string[]>,
      Same<ReturnType<Job['getAttribute']>, Promise<string>>,
      Same<ReturnType<Job['attributeExists']>, Promise<boolean>>,
    ] = [true, true, true, true];
    expect(proofs).not.toContain(false);
  });
});
