// Submits jobs one after the other and tells, for each, when run() has resolved and every state that it is told.
import * as saga from 'xosaga';
import { options, tell } from './tell.mjs';

const nameOf = (state) => Object.entries(saga.JobState).find(([, value]) => value === state)[0];

const service = await saga.JobService.create('local://localhost');
const jobs = await Promise.all(
  options.scripts.map((script) =>
    service.createJob(new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', script] })),
  ),
);
tell({ ready: true });
const ends = [];
for (const job of jobs) {
  await job.run();
  tell({ ran: job.jobID });
  ends.push(
    job.wait().then(async () => {
      tell({ ended: { id: job.jobID, state: nameOf(await job.getState()) } });
    }),
  );
}
tell({ submitted: true });
await Promise.all(ends);
await service.close();
