/** What all checkpoints and restarts of a job work with. */
import type { Deadlines } from './config.js';
import type { JobEvent } from './job-event.js';
import type { JobLinks } from './job-links.js';
import type { Journal } from './journal.js';
import type { Names } from './names.js';
import type { RequestQueue } from './request-queue.js';
import type { VersionStore } from './version-store.js';

export interface JobContext {
  readonly journal: Journal;
  readonly store: VersionStore;
  readonly links: JobLinks;
  readonly names: Names;
  readonly queue: RequestQueue;
  /** All units of the job, connected or not. */
  readonly units: readonly string[];
  readonly deadlines: Deadlines;
  readonly watch: (event: JobEvent) => void;
  /** Neither committed nor aborted: only another agent, which reads what is on the disk, can tell. */
  readonly fatal: (error: unknown) => void;
}
