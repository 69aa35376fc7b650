/** Observing jobs: what their logs say, what their processes use, and what an array makes of its tasks. */
import type { JobObservation } from '../../saga/spi/job.js';
import { arrayObservation, type SeenTask } from './array-observation.js';
import { withIndex } from './array.js';
import { isSettled, type JobLog } from './events.js';
import type { JobLine } from './job-line.js';
import { commonOf, observationOf } from './observation.js';
import type { SegmentLog } from './segment-log.js';
import type { Found } from './segments.js';
import { UsageMeter } from './usage.js';

type Listener = (observation: JobObservation) => void;

export class Observer {
  readonly #usage = new UsageMeter();

  /** What is true now. */
  async observe(job: Found): Promise<JobObservation> {
    const { segment, line } = job;
    if (!line.tasks) {
      const log = await segment.observe(line.n);
      await this.#usage.ask(line, log);
      return this.#seen(segment, line, log);
    }
    const tasks = segment.jobs.of(line);
    const logs = await segment.observeEach(tasks.map(({ n }) => n));
    return arrayObservation(
      commonOfArray(job),
      tasks.map((task, i) => this.#seenTask(segment, task, logs[i] ?? {})),
    );
  }

  /** Tells what is true, and then every change, until the returned function is called. */
  watch(job: Found, listener: Listener): () => void {
    return job.line.tasks ? this.#watchArray(job, listener) : this.#watchJob(job, listener);
  }

  close(): void {
    this.#usage.close();
  }

  #watchJob({ segment, line }: Found, listener: Listener): () => void {
    let stopMeter: (() => void) | undefined;
    const stop = segment.watch(line.n, (log) => {
      const tell = (): void => {
        listener(this.#seen(segment, line, log));
      };
      // Before the listener, who may stop the watching.
      if (log.run && !isSettled(log)) stopMeter ??= this.#usage.follow(line, log, tell);
      else stopMeter?.();
      tell();
    });
    return () => {
      stopMeter?.();
      stop();
    };
  }

  /** Of many tasks something happens all the time: what happens in one turn of the event loop is told together. */
  #watchArray(job: Found, listener: Listener): () => void {
    const { segment } = job;
    const tasks = segment.jobs.of(job.line);
    const common = commonOfArray(job);
    const seen = new Map<number, SeenTask>();
    let telling: NodeJS.Immediate | undefined;
    const tellSoon = (): void => {
      // Not before all are known: an array that has ended is not to be told Running.
      if (seen.size < tasks.length) return;
      telling ??= setImmediate(() => {
        telling = undefined;
        listener(
          arrayObservation(
            common,
            [...seen.values()].sort((a, b) => a.index - b.index),
          ),
        );
      });
    };
    const stops = tasks.map((task) => {
      const stop = segment.watch(task.n, (log) => {
        seen.set(task.n, this.#seenTask(segment, task, log));
        if (isSettled(log)) stop();
        tellSoon();
      });
      return stop;
    });
    return () => {
      clearImmediate(telling);
      for (const stop of stops) stop();
    };
  }

  #seenTask(segment: SegmentLog, line: JobLine, log: JobLog): SeenTask {
    return { index: line.task?.index ?? 0, seen: this.#seen(segment, line, log) };
  }

  #seen(segment: SegmentLog, line: JobLine, log: JobLog): JobObservation {
    return this.#usage.complete(line, observationOf(segment.header, line, log, segment.refusal(line.n)));
  }
}

function commonOfArray({ segment, line }: Found): ReturnType<typeof commonOf> {
  return { ...commonOf(segment.header, line), workingDirectory: withIndex(line.cwd, '%a') };
}
