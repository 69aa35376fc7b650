/** What callers without types can do wrong, and what they are told: the message is all that they have. */
import { expect, test } from '@jest/globals';

import * as saga from '../../src/index.js';
import { scripted } from '../support/scripted-adaptor.js';

saga.registerAdaptor(scripted('scripted', 'scripted', {}));
const service = await saga.JobService.create('scripted://host');
const wrong = (value: unknown): never => value as never;
const Service = saga.JobService as unknown as new (url: string) => saga.JobService;

test.each<[string, () => unknown, RegExp]>([
  ['new of a service', () => new Service('scripted://host'), /^a job service is made by await saga.JobService.create/],
  [
    'createJob of a literal',
    () => service.createJob(wrong({ executable: 'ls' })),
    /^a job is made from a description: new/,
  ],
  ['createJob of nothing', () => service.createJob(wrong(undefined)), /^a job is made from a description/],
  ['runJobs of one', () => service.runJobs(wrong(new saga.JobDescription())), /^runJobs takes a list/],
  ['runJobs of literals', () => service.runJobs(wrong([{ executable: 'ls' }])), /^a job is made from a description/],
  ['runJob of a number', () => service.runJob(wrong(7)), /^runJob takes a command line/],
  [
    'runJob with options for the host',
    () => service.runJob('ls', wrong({ interactive: true })),
    /^runJob takes .* a host/,
  ],
  ['a description of null', () => new saga.JobDescription(wrong(null)), /^JobDescription is made from an object/],
  ['a description of text', () => new saga.JobDescription(wrong('ls')), /^JobDescription is made from an object/],
  ['a missing letter', () => new saga.JobDescription(wrong({ executabl: 'ls' })), /did you mean "executable"\?$/],
  ['swapped letters', () => new saga.JobDescription(wrong({ argumetns: [] })), /did you mean "arguments"\?$/],
  ['something else', () => new saga.JobDescription(wrong({ cmd: 'ls' })), /no property "cmd"$/],
  [
    'a number among the arguments',
    () => new saga.JobDescription({ arguments: wrong(['a', 1]) }),
    /not a list with 1 in it$/,
  ],
  [
    'a NUL among the arguments',
    () => new saga.JobDescription({ arguments: ['a', '\0'] }),
    /Arguments: item 1 holds a NUL/,
  ],
  [
    'an environment without names',
    () => new saga.JobDescription({ environment: ['A=1', 'secret'] }),
    /Environment: entry 1 is/,
  ],
  [
    'a name with =',
    () => new saga.JobDescription({ environment: { 'A=B': '1' } }),
    /Environment: the name "A=B" holds/,
  ],
  [
    'a number in the environment',
    () => new saga.JobDescription({ environment: wrong({ A: 1 }) }),
    /the value of A is no string$/,
  ],
  [
    'a promise in a container',
    () => new saga.TaskContainer().add(wrong(Promise.resolve())),
    /^a container takes tasks/,
  ],
])('%s', async (_, call, message) => {
  const error: unknown = await Promise.resolve()
    .then(call)
    .catch((e: unknown) => e);
  expect(error).toMatchObject({ code: 'BadParameter', message: expect.stringMatching(message) });
  expect(String(error)).not.toContain('secret');
});
