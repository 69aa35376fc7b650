/** What no local job can be made of is refused by name, and leaves nothing behind. */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import * as saga from '../../src/index.js';
import { privateHome } from '../support/home.js';
import { shellJobs } from '../support/jobs.js';

const paths = privateHome(2);
const jobs = shellJobs();

/** All files of the state. */
const state = (): string[] => readdirSync(join(paths.home, 'local'), { recursive: true, encoding: 'utf8' }).sort();
let before: string[] = [];
beforeAll(() => {
  before = state();
});

const refused = (call: () => unknown): Promise<unknown> =>
  Promise.resolve()
    .then(call)
    .catch((error: unknown) => error);

describe('a description takes no', () => {
  test.each<[string, object]>([
    ['WallTimeLimit', { wallTimeLimit: -1 }],
    ['WallTimeLimit', { wallTimeLimit: '60' }],
    ['WallTimeLimit', { wallTimeLimit: NaN }],
    ['WallTimeLimit', { wallTimeLimit: 1.5 }],
    ['WallTimeLimit', { WallTimeLimit: 'x' }],
    ['WallTimeLimit', { WallTimeLimit: '-1' }],
    ['WallTimeLimit', { wallTimeLimit: [1] }],
    ['TotalCPUTime', { totalCPUTime: Infinity }],
    ['TotalPhysicalMemory', { totalPhysicalMemory: -0.5 }],
    ['TotalPhysicalMemory', { totalPhysicalMemory: NaN }],
    ['JobStartTime', { jobStartTime: -1 }],
    ['JobStartTime', { jobStartTime: NaN }],
    ['JobStartTime', { jobStartTime: new Date() }],
    ['NumberOfProcesses', { numberOfProcesses: 0 }],
    ['NumberOfProcesses', { NumberOfProcesses: 'two' }],
    ['Executable', { executable: ['a', 'b'] }],
    ['Arguments', { arguments: 'a b' }],
    ['FileTransfer', { fileTransfer: 'a > b' }],
    ['Cleanup', { cleanup: true }],
    ['Hold', { hold: 'yes' }],
    ['Array', { array: 5 }],
    ['Array', { array: ['1', '2'] }],
    ['Dependencies', { dependencies: ['[local://localhost]-[abcdefabcdef.1]'] }],
    ['Dependencies', { dependencies: [{ type: 'before', job: 'x' }] }],
    ['Dependencies', { dependencies: [{ type: 'after', job: '' }] }],
  ])('%s like %j', async (attribute, init) => {
    const error = await refused(() => new saga.JobDescription(init));
    expect(error).toMatchObject({ code: 'BadParameter', message: expect.stringContaining(attribute) });
  });

  test.each([['setAttribute'], ['setVectorAttribute']] as const)('unknown name in %s', async (method) => {
    const jd = new saga.JobDescription();
    const error = await refused(() => {
      if (method === 'setAttribute') jd.setAttribute('Colour', 'red');
      else jd.setVectorAttribute('Colour', ['red']);
    });
    expect(error).toMatchObject({ message: expect.stringContaining('Colour') });
    expect(saga.SagaException.is(error)).toBe(true);
  });
});

describe('createJob takes no', () => {
  test.each<[string, Partial<saga.JobDescription>]>([
    ['NumberOfProcesses', { numberOfProcesses: 3 }],
    ['ProcessesPerHost', { numberOfProcesses: 2, processesPerHost: 2, totalCPUCount: 100_000 }],
    ['WallTimeLimit', { wallTimeLimit: 0 }],
    ['Array', { array: '5-1' }],
    ['Array', { array: '' }],
    ['Array', { array: '1-2', interactive: true }],
    ['FileTransfer', { fileTransfer: ['a -> b'] }],
    ['FileTransfer', { fileTransfer: [''] }],
    ['Dependencies', { dependencies: [{ type: 'after', job: '[local://localhost]-[x]' }] }],
    ['FileTransfer', { fileTransfer: ['a > b%00'] }],
    ['Queue', { queue: 'debug' }],
    ['JobProject', { jobProject: 'p' }],
    ['JobContact', { jobContact: ['mailto:me'] }],
    ['Gpus', { gpus: 1 }],
    ['Script', { script: 'exit 0' }],
  ])('%s like %j', async (attribute, more) => {
    const error = await refused(() => jobs.create('exit 0', more));
    const name = attribute === 'ProcessesPerHost' ? 'TotalCPUCount' : attribute;
    expect(error).toMatchObject({ code: 'BadParameter', message: expect.stringContaining(name) });
  });

  test('batch of which one is wrong', async () => {
    const good = new saga.JobDescription({ executable: 'true' });
    const wrong = new saga.JobDescription({ executable: 'true', array: 'x' });
    await expect(jobs.service.runJobs([good, wrong])).rejects.toThrow(/Array 'x' is no list of indices/);
    expect(await jobs.service.list()).toEqual([]);
  });
});

test('all that was refused above has left nothing behind', async () => {
  const dependency = { type: 'after', job: '[local://localhost]-[abcdefabcdef.1]' } as const;
  const unknown = jobs.create('exit 0', { dependencies: [dependency] });
  await expect(unknown).rejects.toThrow(saga.DoesNotExist);
  await expect(unknown).rejects.toThrow(
    /Dependencies names '.*abcdefabcdef\.1\]', which is no job that this service knows/,
  );
  expect(await jobs.service.list()).toEqual([]);
  expect(state()).toEqual(before);
});
