/** Watching jobs: by the adaptor's own events where it has them, else by one query an interval for all jobs together. */
import type { JobObservation } from '../spi/job.js';
import type { Binding } from './binding.js';

type Listener = (observation: JobObservation) => void;

/** Seconds between two queries, when the manifest does not say. */
const POLL_INTERVAL = 5;
/** Part of the interval by which queries of different programs are spread, so that they do not come in step. */
const JITTER = 0.2;

export class JobMonitor {
  readonly #binding: Binding;
  readonly #watched = new Map<string, Set<Listener>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  /** Calls the listener with what is observed of the job until the returned function is called. Keeps no process alive. */
  watch(id: string, listener: Listener): () => void {
    if (this.#binding.offers('job.watch')) return this.#binding.using('job.watch', 'job.watch').watch(id, listener);
    const listeners = this.#watched.get(id) ?? new Set();
    this.#watched.set(id, listeners.add(listener));
    if (!this.#timer) this.#schedule(0);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#watched.get(id) === listeners) this.#watched.delete(id);
      if (this.#watched.size === 0) this.#stop();
    };
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(seconds: number): void {
    this.#timer = setTimeout(() => void this.#poll(), seconds * 1000);
    this.#timer.unref();
  }

  async #poll(): Promise<void> {
    const ids = [...this.#watched.keys()];
    // A query that fails says nothing about the jobs; the next one is soon enough.
    const seen = await this.#binding
      .call('job.query', { operation: 'job.watch', repeatable: true }, (adaptor, options) =>
        adaptor.query(ids, options),
      )
      .catch(() => new Map<string, JobObservation>());
    for (const [id, observation] of seen) {
      for (const listener of [...(this.#watched.get(id) ?? [])]) listener(observation);
    }
    if (this.#watched.size === 0 || this.#binding.closed) this.#stop();
    else this.#schedule((this.#binding.manifest.limits?.pollInterval ?? POLL_INTERVAL) * (1 + JITTER * Math.random()));
  }
}
