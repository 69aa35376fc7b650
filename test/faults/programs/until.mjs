// Submits a job that runs until a file is there, tells its id, and then nothing more: others are to see what becomes of it.
import * as saga from 'xosaga';
import { options, tell } from './tell.mjs';

const service = await saga.JobService.create('local://localhost');
const script = 'until [ -e "$1" ]; do sleep 0.05; done; exit 3';
const job = await service.createJob(new saga.JobDescription({ script, arguments: [options.file] }));
await job.run();
tell({ id: job.jobID });
await job.wait();
await service.close();
