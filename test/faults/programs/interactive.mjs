// Starts an interactive job that would go on for ever, and waits to be killed.
import * as saga from 'xosaga';
import { tell } from './tell.mjs';

const service = await saga.JobService.create('local://localhost');
const { job, stdin, stdout } = await service.runJob('cat', '', { interactive: true });
stdin.write('hello\n');
stdout.once('data', () => tell({ ran: job.jobID }));
