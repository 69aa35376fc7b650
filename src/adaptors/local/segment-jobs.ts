/** The jobs of one segment: those that somebody has asked for, by the numbers under which `events` speaks of them. */
import { jobsOf, type JobLine } from './job-line.js';
import { readJobLine } from './segment-reader.js';

export class SegmentJobs {
  readonly #home: string;
  readonly #name: string;
  readonly #jobs = new Map<number, JobLine>();
  readonly #onAdded: (job: JobLine) => void;

  /** `onAdded` is called for each job that was not known before, with arrays for their tasks. */
  constructor(home: string, name: string, onAdded: (job: JobLine) => void) {
    this.#home = home;
    this.#name = name;
    this.#onAdded = onAdded;
  }

  /** A job or an array, by the number of its line; undefined when there is none, yet. */
  find(n: number): JobLine | undefined {
    const known = this.#jobs.get(n);
    if (known) return known.task ? undefined : known;
    const line = readJobLine(this.#home, this.#name, n);
    if (line) this.add(line);
    return line;
  }

  /** A task of the array `n`, by its index. */
  findTask(n: number, index: number): JobLine | undefined {
    const position = this.find(n)?.tasks?.indexOf(index) ?? -1;
    return position < 0 ? undefined : this.#jobs.get(n + 1 + position);
  }

  /** The tasks of an array that was found; a job that is none is its own. */
  of(line: JobLine): readonly JobLine[] {
    if (!line.tasks) return [line];
    return line.tasks.map((_, i) => this.#jobs.get(line.n + 1 + i)).filter((task) => task !== undefined);
  }

  /** A line that has just been written, or read. */
  add(line: JobLine): void {
    this.#jobs.set(line.n, line);
    const jobs = jobsOf(line);
    for (const job of jobs) this.#jobs.set(job.n, job);
    for (const job of jobs) this.#onAdded(job);
  }

  /** The job, task or array with the number, if it was asked for. */
  known(n: number): JobLine | undefined {
    return this.#jobs.get(n);
  }

  /** All that were asked for or added; of arrays the tasks. */
  get all(): readonly JobLine[] {
    return [...this.#jobs.values()].filter(({ tasks }) => !tasks);
  }
}
