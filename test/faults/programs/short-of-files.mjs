// Submits a job with ever fewer files left to open, and tells how each attempt ended. Run under a low limit.
import { closeSync, openSync } from 'node:fs';
import * as saga from 'xosaga';
import { tell } from './tell.mjs';

const FEWEST = 0;
const MOST = 12;

async function outcome(service) {
  try {
    const job = await service.createJob(new saga.JobDescription({ executable: '/bin/true' }));
    await job.run();
    await job.wait(20);
    return (await job.getState()) === saga.JobState.Done ? 'Done' : 'not Done';
  } catch (error) {
    return saga.SagaException.is(error) ? error.message : `${error.name}: ${error.message}`;
  }
}

for (let left = FEWEST; left <= MOST; left++) {
  // A service of its own, so that each has to start a launcher.
  const service = await saga.JobService.create('local://localhost');
  const held = [];
  for (;;) {
    try {
      held.push(openSync('/dev/null'));
    } catch {
      break;
    }
  }
  for (const fd of held.splice(0, left)) closeSync(fd);
  const short = await outcome(service);
  for (const fd of held) closeSync(fd);
  tell({ short, again: await outcome(service) });
  await service.close();
}
