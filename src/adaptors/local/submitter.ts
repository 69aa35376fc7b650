/** Submitting (docs/state.md, "jobs"): what is recorded is handed to the launcher, again if need be, and no job runs twice. */
import { NoSuccess, SagaException } from '../../saga/core/exceptions.js';
import type { JobSpec } from '../../saga/spi/job.js';
import { cancel } from './control.js';
import { dependencyWords } from './dependencies.js';
import { translate } from './errors.js';
import { checkpointerOf, isCheckpointable, type ChooseCheckpointer } from './checkpointing.js';
import type { JobLine, StartVersion } from './job-line.js';
import { launchOf, placesInArray } from './launch.js';
import type { LauncherProgram } from './launcher-program.js';
import { Launcher } from './launcher.js';
import { nativeId } from './native-id.js';
import { writeScript } from './script.js';
import type { SegmentLog } from './segment-log.js';
import type { SegmentWriter } from './segment-writer.js';
import { Segments, type Found } from './segments.js';
import { makePlaces, slotsDirectory } from './slots.js';

/** Milliseconds after which a job that nobody has claimed is handed to the launcher again; then twice as many, and so on. */
const PATIENCE = 2000;

export class Submitter {
  readonly segments: Segments;
  readonly #home: string;
  readonly #launcher: Launcher;
  readonly #choose: ChooseCheckpointer;
  /** For those jobs that have to wait for others: the words in which a keeper is told so. */
  readonly #dependencies = new WeakMap<JobLine, readonly string[]>();
  /** Jobs that were seen unclaimed, and when they are handed over again. */
  readonly #overdue = new WeakMap<JobLine, { readonly at: number; readonly patience: number }>();

  constructor(home: string, choose: ChooseCheckpointer) {
    this.#home = home;
    this.#choose = choose;
    this.segments = new Segments(home, (job) => {
      this.#launchOverdue(job);
    });
    this.#launcher = new Launcher(home, {
      refused: (segment, n, reason) => this.segments.ownNamed(segment)?.refuse(n, reason),
      died: () => {
        for (const segment of this.segments.own) void this.#launchAgain(segment);
      },
    });
  }

  /** Starts the launcher, so that the first job need not wait for it. @returns its kind. */
  warmUp(): Promise<LauncherProgram['kind']> {
    return this.#launcher.warmUp();
  }

  /** @returns the native ids. All are recorded, or none runs. */
  submit(specs: readonly JobSpec[]): Promise<string[]> {
    return this.#submit(specs);
  }

  /** A job that begins from the checkpoint of an earlier one. @returns its native id. */
  async submitFrom(spec: JobSpec, from: StartVersion): Promise<string> {
    const [id = ''] = await this.#submit([spec], from);
    return id;
  }

  async #submit(specs: readonly JobSpec[], from?: StartVersion): Promise<string[]> {
    const find = this.segments.find.bind(this.segments);
    const dependencies = specs.some((spec) => spec.dependencies)
      ? await Promise.all(specs.map((spec) => dependencyWords(spec, find)))
      : [];
    const submitted: Found[] = [];
    const writers = new Set<SegmentWriter>();
    try {
      makePlaces(this.#home, slotsDirectory());
      specs.forEach((spec, i) => {
        const { segment, line, writer } = this.segments.record(spec, from);
        submitted.push({ segment, line });
        writers.add(writer);
        this.#prepareFiles({ segment, line });
        const words = dependencies[i] ?? [];
        if (words.length > 0) for (const job of segment.jobs.of(line)) this.#dependencies.set(job, words);
      });
      const jobs = submitted.flatMap(parts);
      // Handed over beside the sync, not after it: docs/state.md, "jobs", says why that is safe.
      await Promise.all([...[...writers].map((writer) => writer.durable()), ...jobs.map((job) => this.#launch(job))]);
    } catch (cause) {
      const reason = (translate(cause)?.message ?? String(cause)).trim();
      for (const job of submitted.flatMap(parts)) withdraw(job, reason);
      if (SagaException.is(cause)) throw cause;
      throw new NoSuccess(`the job cannot be recorded under ${this.#home}: ${reason}`, { cause });
    }
    return submitted.map(({ segment, line }) => nativeId(segment.name, line));
  }

  /** What has been handed over goes on. */
  async close(): Promise<void> {
    await this.#launcher.close();
    this.segments.close();
  }

  /** What the keepers of a new job will look for. */
  #prepareFiles({ segment, line }: Found): void {
    writeScript(this.#home, segment.name, line.n, line.description);
    const [task] = line.tasks ? segment.jobs.of(line) : [];
    for (const { directory } of placesInArray(segment.name, task?.task)) makePlaces(this.#home, directory);
  }

  /** Asynchronous even in what it throws, so that one job that cannot be launched does not keep others from being waited for. */
  async #launch({ segment, line }: Found, offset = segment.offset): Promise<void> {
    const dependencies = this.#dependencies.get(line) ?? [];
    const { description } = line;
    const checkpointer = isCheckpointable(description) ? await checkpointerOf(description, this.#choose) : undefined;
    const submission = { offset, dependencies, ...(checkpointer && { checkpointer }) };
    await this.#launcher.launch(launchOf(this.#home, segment.name, line, submission));
  }

  /**
   * A new launcher for what the dead one had not started. What it had, the log knows, from its beginning: keepers that the
   * dead one has forked may claim their jobs at any moment. No job runs twice.
   */
  async #launchAgain(segment: SegmentLog): Promise<void> {
    const lines = await segment.unclaimed().catch(() => []);
    for (const line of lines) await this.#launchOnce({ segment, line });
  }

  /**
   * A keeper that is killed before it could claim its job leaves no trace that a sh launcher would see. So a job that nobody
   * claims is handed over again, ever less often.
   */
  #launchOverdue(job: Found): void {
    const present = performance.now();
    const { at, patience } = this.#overdue.get(job.line) ?? { at: present + PATIENCE, patience: PATIENCE };
    const due = present >= at;
    this.#overdue.set(job.line, due ? { at: present + 2 * patience, patience: 2 * patience } : { at, patience });
    if (due) void this.#launchOnce(job);
  }

  /** For a job that has been handed over before: the log is searched from its beginning for a claim. */
  #launchOnce(job: Found): Promise<void> {
    return this.#launch(job, 0).catch((error: unknown) => {
      job.segment.refuse(job.line.n, String(error));
    });
  }
}

/** What is launched: the tasks of an array, or the job. */
function parts({ segment, line }: Found): Found[] {
  return segment.jobs.of(line).map((job) => ({ segment, line: job }));
}

/** Of a submission that failed nothing runs: all or nothing. */
function withdraw(job: Found, reason: string): void {
  job.segment.refuse(job.line.n, reason);
  // A keeper may have been faster.
  cancel(job).catch(() => undefined);
}
