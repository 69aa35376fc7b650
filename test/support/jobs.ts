/** Jobs of a service of one's own, for the tests of one file. */
import { afterAll, beforeAll } from '@jest/globals';

import * as saga from '../../src/index.js';

type Wanted = Partial<saga.JobDescription>;

/** What `shellJobs` gives; call its members in tests. */
export interface ShellJobs {
  service: saga.JobService;
  /** A New job: `/bin/sh -c line`. */
  create(line: string, more?: Wanted): Promise<saga.Job>;
  /** The job, submitted. */
  submit(line: string, more?: Wanted): Promise<saga.Job>;
  /** The job at its end. */
  finish(line: string, more?: Wanted): Promise<saga.Job>;
}

/** Call at the top of a test file, after `privateHome`. */
export function shellJobs(): ShellJobs {
  const jobs: ShellJobs = {
    service: undefined as unknown as saga.JobService,
    create: (line, more = {}) =>
      jobs.service.createJob(new saga.JobDescription({ executable: '/bin/sh', arguments: ['-c', line], ...more })),
    async submit(line, more) {
      const job = await jobs.create(line, more);
      await job.run();
      return job;
    },
    async finish(line, more) {
      const job = await jobs.submit(line, more);
      await job.wait();
      return job;
    },
  };
  beforeAll(async () => {
    jobs.service = await saga.JobService.create('local://localhost');
    // The launcher is compiled for the first job of a home.
    await jobs.create('exit 0');
  }, 60_000);
  afterAll(() => jobs.service.close());
  return jobs;
}

/** Resolves when the backend's own state of the job is `detail`, as `local:RUNNING`. */
export async function detailOf(job: saga.Job, detail: string): Promise<void> {
  let tell: () => void = () => undefined;
  const seen = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const look = (metric: saga.Metric): boolean => {
    if (metric.getAttribute('Value') === detail) tell();
    return true;
  };
  const cookie = await job.addCallback('job.state_detail', (_job, metric) => look(metric));
  await job.getState();
  look(await job.getMetric('job.state_detail'));
  await seen;
  await job.removeCallback('job.state_detail', cookie);
}
