// Lists all jobs and tells the state of each, and why it failed: what a process sees that knows nothing.
import * as saga from 'xosaga';
import { tell } from './tell.mjs';

const nameOf = (state) => Object.entries(saga.JobState).find(([, value]) => value === state)[0];

const service = await saga.JobService.create('local://localhost');
const seen = {};
for (const id of await service.list()) {
  const job = await service.getJob(id);
  const state = nameOf(await job.getState());
  const failure = await job.rethrow().then(
    () => '',
    (error) => error.message,
  );
  seen[id] = { state, failure };
}
tell({ seen });
await service.close();
