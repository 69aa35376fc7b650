import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import * as saga from '../../../src/index.js';
import { OperationTask } from '../../../src/saga/core/operation-task.js';
import { rule } from '../../support/rules.js';

/** The methods of SAGA's language-neutral interface, and their names here. */
const methods = JSON.parse(readFileSync(new URL('../../rules/methods.json', import.meta.url), 'utf8')) as {
  class: string;
  method: string;
  ts: string;
}[];

// Task itself leaves clone to the classes of its objects.
const sessionless = [OperationTask, saga.TaskContainer, saga.Metric, saga.JobDescription];
const entries = [saga.NSEntry, saga.NSDirectory, saga.File, saga.Directory];
const jobs = [saga.Job, saga.JobSelf, saga.CPRJob, saga.CPRJobSelf];
const services = [saga.JobService, saga.CPRJobService];
const tasks = [saga.Task, ...jobs];

/** The classes that have the methods of a class or interface of SAGA. */
const classes: Readonly<Record<string, readonly { readonly name: string; readonly prototype: object }[]>> = {
  exception: [saga.SagaException, saga.BadParameter, saga.NotImplemented],
  object: [
    ...[saga.URL, saga.Buffer, saga.IOVec, saga.Session, saga.Context, ...services, ...jobs],
    ...sessionless,
    ...entries,
  ],
  uuid: [saga.UUID],
  url: [saga.URL],
  buffer: [saga.Buffer, saga.IOVec],
  session: [saga.Session],
  context: [saga.Context],
  permissions: [...jobs, ...entries],
  attributes: [saga.Context, saga.Metric, saga.JobDescription, saga.CPRJobDescription, ...jobs],
  metric: [saga.Metric],
  monitorable: [...tasks, saga.TaskContainer],
  steerable: [saga.JobSelf, saga.CPRJobSelf],
  task: tasks,
  task_container: [saga.TaskContainer],
  job_service: services,
  job: jobs,
  cpr_job_service: [saga.CPRJobService],
  cpr_job: [saga.CPRJob, saga.CPRJobSelf],
  ns_entry: entries,
  ns_directory: [saga.NSDirectory, saga.Directory],
  iovec: [saga.IOVec],
  file: [saga.File],
  directory: [saga.Directory],
};

/** `[class here, SAGA's class, SAGA's method, method here]` */
const expected = methods.flatMap(({ class: of, method, ts }) =>
  (classes[of] ?? []).map(({ name, prototype }) => ({ name, prototype, method: `${of}.${method}`, ts })),
);

describe('the methods of the specification', () => {
  test('all have classes here', () => {
    expect(new Set(methods.map((each) => each.class))).toEqual(new Set(Object.keys(classes)));
  });

  rule(4, 'every method is there, whatever the adaptors offer', () => {
    const missing = expected
      .filter(({ prototype, ts }) => typeof (prototype as Record<string, unknown>)[ts] !== 'function')
      .map(({ name, method, ts }) => `${name}.${ts} (${method})`);
    expect(missing).toEqual([]);
    expect(expected.length).toBeGreaterThan(methods.length);
  });
});
