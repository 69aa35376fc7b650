/** Cold start of a program that imports xosaga and runs one job. See cold-start.mjs. */
import * as saga from 'xosaga';

const imported = process.hrtime.bigint();
const service = await saga.JobService.create('local://localhost');
const { job } = await service.runJob('/bin/true');
await job.wait();
console.log(JSON.stringify({ imported: String(imported), done: String(process.hrtime.bigint()) }));
await service.close();
