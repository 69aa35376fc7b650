/** The subject: jobs through the API, against the built package as a user imports it. */
import * as saga from 'xosaga';
import { PROGRAM } from './baseline.mjs';

/** What the jobs of all figures are. */
export const description = new saga.JobDescription({ executable: PROGRAM });

/** @returns {Promise<saga.JobService>} */
export function openService() {
  return saga.JobService.create('local://localhost');
}

/**
 * Makes a job, runs it (which resolves when no crash can lose it any more) and waits for its end.
 * @param {saga.JobService} service
 * @returns {Promise<void>}
 */
export async function runAndWait(service) {
  const job = await service.createJob(description);
  await job.run();
  await job.wait();
  requireDone([job]);
}

/**
 * As one batch, which is one durable record of all.
 * @param {saga.JobService} service
 * @param {number} count
 * @returns {Promise<void>}
 */
export async function runBatchAndWait(service, count) {
  const jobs = await service.runJobs(Array.from({ length: count }, () => description));
  await Promise.all(jobs.map((job) => job.wait()));
  requireDone(jobs);
}

/** @param {readonly saga.Job[]} jobs */
function requireDone(jobs) {
  // A figure of jobs that failed would mean nothing. The exit code was observed with the end: no further question.
  const failed = jobs.find((job) => job.exitCode !== 0);
  if (failed) throw new Error(`job ${failed.jobID ?? ''} did not end with exit code 0`);
}
