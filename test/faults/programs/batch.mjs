// Submits many jobs to a home that others use at the same time, and tells their ids.
import * as saga from 'xosaga';
import { options, tell } from './tell.mjs';

const service = await saga.JobService.create('local://localhost');
const ids = await Promise.all(
  Array.from({ length: options.count }, async () => {
    const job = await service.createJob(new saga.JobDescription({ executable: '/bin/true' }));
    await job.run();
    await job.wait();
    await job.rethrow();
    return job.jobID;
  }),
);
tell({ ids });
await service.close();
