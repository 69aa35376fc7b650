import { expect, test } from '@jest/globals';
import { inspect } from 'node:util';

import * as saga from '../../src/index.js';
import { scripted } from '../support/scripted-adaptor.js';

saga.registerAdaptor(scripted('scripted', 'scripted', {}));
const service = await saga.JobService.create('scripted://ann:secret@host');
const job = await service.createJob(new saga.JobDescription({ executable: 'ls' }));

test('a job shows its state and what was observed of it, not its insides', async () => {
  expect(inspect(job)).toMatch(/^Job \{ state: 'New', serviceURL: '[^']+' \}$/);
  await job.run();
  expect(JSON.parse(JSON.stringify(job))).toMatchObject({ state: 'Running', jobID: job.jobID });
  expect(inspect([[[job]]])).toContain('[Job]');
});

test('a service shows its URL without the password', () => {
  expect(inspect(service)).toBe("JobService { url: 'scripted://ann:***@host' }");
  expect(JSON.stringify(service)).toBe('{"url":"scripted://ann:***@host"}');
});

test('a task shows its call and state, a container its size', async () => {
  const task = service.task.list();
  expect(inspect(task)).toBe("OperationTask { operation: 'JobService.list', state: 'New' }");
  const container = new saga.TaskContainer();
  container.add(task);
  expect(inspect(container)).toBe('TaskContainer { size: 1 }');
  await task.run();
  await task.wait();
  expect(JSON.stringify(task)).toBe('{"operation":"JobService.list","state":"Done"}');
});
