/** The options object that every remote call takes last, and what an abort of such a call looks like. */
import { setMaxListeners } from 'node:events';

import { NoSuccess, type SagaException, Timeout } from './exceptions.js';
import type { Session } from './session.js';

/** How far a transfer, checkpoint or restart has come. */
export interface Progress {
  done: number;
  /** Undefined while nobody knows. */
  total: number | undefined;
  /** What is counted, for example a file name or `bytes`. */
  what: string;
}

/** What every call that talks to a backend takes as its last argument. */
export interface CallOptions {
  /**
   * Aborts the call: it rejects at once with `NoSuccess` (`Timeout` when the reason is a TimeoutError, as with
   * `AbortSignal.timeout`), whose `cause` is the reason. What the backend already does is not undone.
   */
  signal?: AbortSignal | undefined;
  /** Called during transfers, checkpoints and restarts. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** What `X.create()` takes as its last argument. */
export interface CreateOptions extends CallOptions {
  /** The session to work in; the default session when absent. */
  session?: Session | undefined;
}

/** The error of a call that its caller aborted. `operation` names the call, for example `job.run`. */
export function aborted(signal: AbortSignal, operation?: string): SagaException {
  const reason: unknown = signal.reason;
  // By name: a DOMException of another realm is no instance of ours.
  const timedOut = typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError';
  const call = operation ?? 'the call';
  const options = { cause: reason, operation };
  return timedOut
    ? new Timeout(`${call} was aborted: the time limit of its signal has passed`, options)
    : new NoSuccess(`${call} was aborted by its signal`, options);
}

/**
 * For the start of a call.
 * @throws NoSuccess, Timeout when the caller's signal has been aborted already.
 */
export function throwIfAborted(options?: CallOptions, operation?: string): void {
  if (options?.signal?.aborted) throw aborted(options.signal, operation);
}

/**
 * Calls `listener` when the signal aborts, at once when it has; the returned function takes the listener off.
 * One signal may serve any number of calls, so Node's warning about many listeners is switched off for it.
 */
export function onAbort(signal: AbortSignal | undefined, listener: (signal: AbortSignal) => void): () => void {
  if (!signal) return () => undefined;
  const abort = (): void => {
    listener(signal);
  };
  if (signal.aborted) {
    abort();
    return () => undefined;
  }
  setMaxListeners(0, signal);
  signal.addEventListener('abort', abort, { once: true });
  return () => {
    signal.removeEventListener('abort', abort);
  };
}

/**
 * The outcome of `promise`, or the abort, whichever is first. An abort does not wait for the promise, whose later
 * outcome is dropped.
 */
export function untilAborted<T>(promise: Promise<T>, options?: CallOptions, operation?: string): Promise<T> {
  const signal = options?.signal;
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const detach = onAbort(signal, () => {
      reject(aborted(signal, operation));
    });
    promise.then(resolve, reject).finally(detach);
  });
}
