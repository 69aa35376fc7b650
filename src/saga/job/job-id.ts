/** The id of a job, `[service url]-[native id]` (GFD.90 section 4.1): valid in every process, after every crash. */
import { BadParameter } from '../core/exceptions.js';
import { toURL, type URL } from '../core/url.js';

const FORM = /^\[([^\]]*)\]-\[([^\]]+)\]$/;

/** The id; a password in the service's URL stays out of it. */
export function formatJobId(service: URL, native: string): string {
  return withPrefix(shown(service), native);
}

/** The ids of many jobs of one service: its URL is formatted once. */
export function formatJobIds(service: URL, natives: readonly string[]): string[] {
  const prefix = shown(service);
  return natives.map((native) => withPrefix(prefix, native));
}

function withPrefix(service: string, native: string): string {
  return `[${service}]-[${native}]`;
}

function shown(service: URL): string {
  const url = toURL(service);
  if (url.getUserinfo().includes(':')) url.setUserinfo(url.getUserinfo().split(':', 1)[0]);
  return url.getEscaped();
}

/** @throws BadParameter when the id does not have the form. */
export function parseJobId(id: string): { service: URL; native: string } {
  const [, service, native] = FORM.exec(id) ?? [];
  if (service === undefined || native === undefined) {
    throw new BadParameter(`'${id}' is not a job id; ids look like [local://localhost]-[native id]`);
  }
  return { service: toURL(service), native };
}

/** Whether two URLs name one service; an empty host is this one. */
export function isSameService(a: URL, b: URL, schemes: readonly string[]): boolean {
  const host = (url: URL): string => (url.getHost() === '' ? 'localhost' : url.getHost());
  return (
    schemes.includes(a.getScheme()) &&
    schemes.includes(b.getScheme()) &&
    host(a) === host(b) &&
    a.getPort() === b.getPort()
  );
}
