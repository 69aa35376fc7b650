/** Which failures may pass by themselves: a pure function over the chain of causes. */
import { SagaException } from '../../core/exceptions.js';

const TRANSIENT_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EAGAIN',
]);
const TRANSIENT_STATUS = new Set([429, 502, 503, 504]);
// A chain longer than this is a circle.
const DEPTH = 10;

/** Whether trying again may help: lost connections, busy servers, time-outs. Refusals and bad arguments do not pass. */
export function isTransient(error: unknown): boolean {
  let link = error;
  for (let depth = 0; depth < DEPTH && typeof link === 'object' && link !== null; depth++) {
    if (SagaException.is(link) && link.code === 'Timeout') return true;
    const { code, status, cause } = link as { code?: unknown; status?: unknown; cause?: unknown };
    if (typeof code === 'string' && TRANSIENT_CODES.has(code)) return true;
    if (typeof status === 'number' && TRANSIENT_STATUS.has(status)) return true;
    link = cause;
  }
  return false;
}
