/**
 * Retry, throttle and timeout around an adaptor, from the limits in its manifest. cockatiel does the work and is
 * imported when the first adaptor with limits is called.
 */
import { Timeout } from '../../core/exceptions.js';
import type { AdaptorManifest } from '../../spi/adaptor.js';
import { isTransient } from './transient.js';

/** One try of a call; the signal ends it. */
export type Attempt<T> = (signal: AbortSignal | undefined) => Promise<T>;

/** Waiting calls beyond the concurrency limit; more than this many is a runaway loop, and refused. */
const QUEUE = 100_000;

type Policy = <T>(attempt: Attempt<T>, signal: AbortSignal | undefined) => Promise<T>;
const policies = new WeakMap<AdaptorManifest, { once: Policy; repeated: Policy }>();

/** Makes the call under the limits of the adaptor's manifest; only a repeatable call is tried again. */
export async function resilient<T>(
  manifest: AdaptorManifest,
  repeatable: boolean,
  attempt: Attempt<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!manifest.limits) return attempt(signal);
  let policy = policies.get(manifest);
  if (!policy) {
    policy = await build(manifest);
    policies.set(manifest, policy);
  }
  return (repeatable ? policy.repeated : policy.once)(attempt, signal);
}

async function build(manifest: AdaptorManifest): Promise<{ once: Policy; repeated: Policy }> {
  const cockatiel = await import('cockatiel');
  const { timeout: seconds = 0, retries = 0, concurrency = Infinity } = manifest.limits ?? {};

  const inTime = seconds > 0 ? cockatiel.timeout(seconds * 1000, cockatiel.TimeoutStrategy.Aggressive) : cockatiel.noop;
  const throttled = concurrency < Infinity ? cockatiel.bulkhead(concurrency, QUEUE) : cockatiel.noop;
  const again =
    retries > 0
      ? cockatiel.retry(
          cockatiel.handleWhen((error) => isCancelled(error) || isTransient(error)),
          {
            maxAttempts: retries,
            backoff: new cockatiel.ExponentialBackoff({ initialDelay: 200, maxDelay: 10_000 }),
          },
        )
      : cockatiel.noop;

  // The timeout is innermost: it bounds one attempt, not the waiting for a place or between attempts.
  const once = cockatiel.wrap(throttled, inTime);
  const repeated = cockatiel.wrap(again, throttled, inTime);
  const under =
    (policy: typeof once | typeof repeated): Policy =>
    async (attempt, signal) => {
      const late = (cause: unknown): Timeout => {
        return new Timeout(`the backend did not answer within ${String(seconds)} s`, { adaptor: manifest.name, cause });
      };
      // An attempt that heeds its signal rejects in its own words; whose abort it was tells what they mean.
      const inWords: typeof attempt = (ending) =>
        attempt(ending).catch((error: unknown) => {
          throw ending?.aborted && !signal?.aborted ? late(error) : error;
        });
      try {
        return await policy.execute(({ signal: ending }) => inWords(ending), signal);
      } catch (error) {
        throw isCancelled(error) ? late(error) : error;
      }
    };
  return { once: under(once), repeated: under(repeated) };
}

/** By its mark: cockatiel 3.2's own isTaskCancelledError looks for another one. */
function isCancelled(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'isTaskCancelledError' in error;
}
