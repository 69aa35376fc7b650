// Starts an interactive job that listens to nobody, and waits to be killed.
import * as saga from 'xosaga';
import { tell } from './tell.mjs';

const service = await saga.JobService.create('local://localhost');
const { job } = await service.runJob('sleep 1000', '', { interactive: true });
tell({ ran: job.jobID });
