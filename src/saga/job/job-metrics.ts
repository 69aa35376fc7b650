/** The metrics of a job beside its state (GFD.90 section 4.1), and how an observation shows in them. */
import { Metric } from '../core/metric.js';
import type { JobObservation } from '../spi/job.js';

const MEASURED: readonly string[] = ['job.cpu_time', 'job.memory_use', 'job.vmemory_use'];

/** Whether the metric changes without anything that happens to the job. */
export function isMeasured(metric: string): boolean {
  return MEASURED.includes(metric);
}

/** The metrics of one job. */
export class JobMetrics {
  readonly #detail = new Metric(
    'job.state_detail',
    "the backend's own state, as adaptor:STATE",
    'ReadOnly',
    '1',
    'String',
    'none:NEW',
  );
  readonly #signal = new Metric('job.signal', 'the signal that the job got last', 'ReadOnly', '1', 'Int', '0');
  readonly #cpuTime = new Metric('job.cpu_time', 'CPU time of all processes', 'ReadOnly', 'seconds', 'Int', '0');
  readonly #memory = new Metric(
    'job.memory_use',
    'memory, at last its high-water mark',
    'ReadOnly',
    'megabyte',
    'Float',
    '0.0',
  );
  readonly #vmemory = new Metric(
    'job.vmemory_use',
    'virtual memory, at last its high-water mark',
    'ReadOnly',
    'megabyte',
    'Float',
    '0.0',
  );
  readonly #performance = new Metric(
    'job.performance',
    'floating point performance',
    'ReadOnly',
    'FLOPS',
    'Float',
    '0.0',
  );

  get all(): readonly Metric[] {
    return [this.#detail, this.#signal, this.#cpuTime, this.#memory, this.#vmemory, this.#performance];
  }

  /** Fires what has changed. `final`: what cannot change any more becomes Final. */
  show(observation: JobObservation, adaptor: string, final: boolean): void {
    const { detail, termsig, cpuTime, memoryUse, vmemoryUse } = observation;
    change(this.#detail, `${adaptor}:${detail}`);
    if (termsig !== undefined) change(this.#signal, String(termsig));
    if (cpuTime !== undefined) change(this.#cpuTime, String(Math.round(cpuTime)));
    if (memoryUse !== undefined) change(this.#memory, memoryUse.toFixed(3));
    if (vmemoryUse !== undefined) change(this.#vmemory, vmemoryUse.toFixed(3));
    if (!final) return;
    for (const metric of this.#finalAtTheEnd) metric.finish();
  }

  /** The job was started again: what was Final changes again. */
  beginAgain(): void {
    for (const metric of this.#finalAtTheEnd) metric.beginAgain();
  }

  get #finalAtTheEnd(): readonly Metric[] {
    return [this.#memory, this.#vmemory, this.#performance];
  }

  /** The application sent a signal to the job. */
  showSignal(signum: number): void {
    this.#signal.update(String(signum));
  }
}

function change(metric: Metric, value: string): void {
  if (metric.value !== value) metric.update(value);
}
