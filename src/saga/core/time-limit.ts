/** Time limits as SAGA has them: seconds, -1 waits for ever, 0 does not wait (GFD.90 section 3.2). */
import { aborted, type CallOptions, onAbort } from './call-options.js';
import { BadParameter } from './exceptions.js';

/** Wait until it happens, however long that takes. */
export const WAIT_FOREVER = -1;
/** Do not wait: tell how things are. */
export const NO_WAIT = 0;

/** What `setTimeout` can hold; more than that and it fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A timeout as given by the application.
 * @throws BadParameter when it is not a number.
 */
export function checkTimeout(timeout: number): number {
  if (typeof timeout !== 'number' || Number.isNaN(timeout)) {
    throw new BadParameter(
      `a timeout is a number of seconds, -1 to wait for ever, 0 not to wait; got ${String(timeout)}`,
    );
  }
  return timeout;
}

/**
 * Calls `expired` after that many seconds; never when `seconds` is negative. The process is kept alive until then or
 * until the returned function is called: somebody is waiting.
 */
export function startTimer(seconds: number, expired: () => void): () => void {
  let left = seconds < 0 ? Infinity : seconds * 1000;
  let timer: NodeJS.Timeout;
  const next = (): void => {
    const step = Math.min(left, LONGEST_TIMER_MS);
    timer = setTimeout(() => {
      left -= step;
      if (left > 0) next();
      else expired();
    }, step);
  };
  next();
  return () => {
    clearTimeout(timer);
  };
}

/** How something that is waited for reports to `waitFor`. */
export interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/**
 * Waits for an event at most `timeout` seconds. `attach` subscribes the waiter to the event and returns the
 * unsubscribe, which is called in every case.
 * @returns what the event resolved the waiter to; undefined when the time has elapsed.
 * @throws NoSuccess, Timeout when the caller's signal aborts.
 */
export function waitFor<T>(
  timeout: number,
  options: CallOptions | undefined,
  operation: string,
  attach: (waiter: Waiter<T>) => () => void,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const undo: (() => void)[] = [];
    let settled = false;
    const settle = (outcome: () => void): void => {
      if (settled) return;
      settled = true;
      for (const step of undo) step();
      outcome();
    };
    const isSettled = (): boolean => settled;
    const add = (begin: () => () => void): void => {
      if (isSettled()) return;
      const end = begin();
      // What is there already settles while it is being attached.
      if (isSettled()) end();
      else undo.push(end);
    };
    const waiter: Waiter<T> = {
      resolve(value) {
        settle(() => {
          resolve(value);
        });
      },
      reject(error) {
        settle(() => {
          reject(error);
        });
      },
    };
    add(() =>
      onAbort(options?.signal, (signal) => {
        waiter.reject(aborted(signal, operation));
      }),
    );
    add(() => attach(waiter));
    add(() =>
      startTimer(timeout, () => {
        settle(() => {
          resolve(undefined);
        });
      }),
    );
  });
}
