// Ways to end: what keeps a program alive, and what does not.
import * as saga from 'xosaga';
import { options, tell } from './tell.mjs';

const sh = (script) =>
  new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', script, 'sh', ...(options.extra ?? [])] });

const ways = {
  /** Submits and falls off its end: neither the job, nor the launcher, nor a service that is open holds it. */
  async leave() {
    const service = await saga.JobService.create('local://localhost');
    const job = await service.createJob(sh(options.script));
    await job.run();
    tell({ ran: job.jobID });
  },
  /** Many jobs with much to say, more than any pipe holds. */
  async leaveMany() {
    const service = await saga.JobService.create('local://localhost');
    const jobs = await Promise.all(Array.from({ length: options.count }, () => service.createJob(sh(options.script))));
    for (const job of jobs) job.async.run();
    for (const job of jobs) {
      while (job.jobID === undefined) await new Promise((resolve) => setImmediate(resolve));
    }
    tell({ ran: jobs.map((job) => job.jobID) });
  },
  /** Has nothing to do but to wait. */
  async wait() {
    const service = await saga.JobService.create('local://localhost');
    const job = await service.createJob(sh(options.script));
    await job.run();
    tell({ ran: job.jobID });
    tell({ waited: await job.wait() });
  },
  /** Has followed jobs in every way, and closes. */
  async close() {
    const service = await saga.JobService.create('local://localhost');
    const job = await service.createJob(sh(options.script));
    await job.run();
    await job.addCallback('job.state', () => true);
    job.state$.subscribe(() => undefined);
    const waiting = job.wait().catch((error) => tell({ refused: error.message }));
    tell({ ran: job.jobID });
    await service.close();
    await waiting;
    tell({ closed: true });
  },
};

await ways[options.way]();
