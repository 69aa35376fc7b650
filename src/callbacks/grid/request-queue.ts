/** Checkpoints that were asked for and are not begun (docs/checkpoint-protocol.md, `request`). */
import type { CheckpointMode } from '../participant.js';
import type { Decision } from './coordination.js';

/** Far more than a job has processes. */
const MOST = 100_000;

/** Somebody who wants a checkpoint. */
export interface Request {
  /** The same request may come twice. */
  readonly id: string;
  readonly mode: CheckpointMode;
  /** Milliseconds for the processes to stop. */
  readonly deadline?: number;
  /** It is served by this operation; said again when the request comes again. */
  accepted(op: number): void;
  refused(reason: string): void;
  decided?(decision: Decision): void;
}

export class RequestQueue {
  #requests: Request[] = [];

  /** What the oldest request wants; undefined when there is none. */
  get nextMode(): CheckpointMode | undefined {
    return this.#requests[0]?.mode;
  }

  has(id: string): boolean {
    return this.#requests.some((request) => request.id === id);
  }

  add(request: Request): void {
    if (this.#requests.length < MOST) this.#requests.push(request);
    else request.refused(`${String(MOST)} requests are waiting already`);
  }

  cancel(id: string): void {
    this.#requests = this.#requests.filter((request) => request.id !== id);
  }

  /** Takes out all requests of the mode: one checkpoint serves them together. */
  take(mode: CheckpointMode): Request[] {
    const taken = this.#requests.filter((request) => request.mode === mode);
    this.#requests = this.#requests.filter((request) => request.mode !== mode);
    return taken;
  }

  refuseAll(reason: string): void {
    for (const request of this.#requests.splice(0)) request.refused(reason);
  }
}
