/** Callbacks that can say what was missing do so just before their deadline: after it nobody listens. */
import { CheckpointVeto, messageOf } from '../errors.js';
import { LONGEST_TIMER } from '../limit.js';
import type { StopContext } from '../participant.js';

/** The part of the time that is left for saying it. */
const LAST_PART = 0.05;

/**
 * Runs the work of a `stop` with a signal that is aborted a little before the deadline.
 * @throws CheckpointVeto with the message of what the work throws.
 */
export async function beforeDeadline<T>(context: StopContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const late = new AbortController();
  const giveUp = (): void => {
    late.abort(context.signal.reason);
  };
  const timer = setTimeout(giveUp, Math.min(context.remaining * (1 - LAST_PART) * 1000, LONGEST_TIMER));
  context.signal.addEventListener('abort', giveUp, { once: true });
  if (context.signal.aborted) giveUp();
  try {
    return await work(late.signal);
  } catch (error) {
    throw new CheckpointVeto(messageOf(error), { cause: error });
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', giveUp);
    // What else is at work on it need not be waited for any more.
    giveUp();
  }
}
