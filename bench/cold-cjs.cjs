/** Cold start of a program that requires xosaga and runs one job. See cold-start.mjs. */
const saga = require('xosaga');

const imported = process.hrtime.bigint();

async function main() {
  const service = await saga.JobService.create('local://localhost');
  const { job } = await service.runJob('/bin/true');
  await job.wait();
  console.log(JSON.stringify({ imported: String(imported), done: String(process.hrtime.bigint()) }));
  await service.close();
}

void main();
