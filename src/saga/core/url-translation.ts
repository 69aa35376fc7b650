/**
 * Which schemes say the same thing (GFD.90 section 3.3, `translate`).
 *
 * Schemes of one family name the same resource; the rest of the URL stays. Whether an adaptor serves the result shows
 * when it is used.
 */
import { hostname } from 'node:os';

import { BadParameter, NoSuccess } from './exceptions.js';
import { canonicalScheme, checked, compose, type UrlParts, withoutPassword } from './url-syntax.js';

const FAMILIES: readonly (readonly string[])[] = [
  ['file', 'local', 'any'],
  ['local', 'fork'],
  ['ssh', 'sftp'],
  ['http', 'dav', 'webdav'],
  ['https', 'davs', 'webdavs'],
];

/** Schemes that reach this machine alone. */
const HERE: ReadonlySet<string> = new Set(['file', 'local', 'fork']);
/** Schemes that work with a host and without. */
const ANYWHERE = 'any';

/**
 * The same resource under another scheme. A URL without a scheme takes any that fits it.
 * @throws BadParameter when no URL can be translated to the scheme.
 * @throws NoSuccess when this one can't: its scheme is of another family, its host another machine or missing, or its
 *   path is relative.
 */
export function translated(parts: UrlParts, to: string): UrlParts {
  const scheme = canonicalScheme(to);
  if (scheme === parts.scheme) return parts;

  const families = FAMILIES.filter((family) => family.includes(scheme));
  if (families.length === 0) {
    const known = [...new Set(FAMILIES.flat())].sort().join(', ');
    throw new BadParameter(`URLs can't be translated to the scheme '${scheme}'; they can to: ${known}`);
  }
  const problem = obstacle(parts, scheme, families);
  if (problem !== undefined) {
    const shown = compose({ ...parts, userinfo: withoutPassword(parts.userinfo) });
    throw new NoSuccess(`'${shown}' can't be translated to the scheme '${scheme}': ${problem}`, { url: shown });
  }
  return checked({ ...parts, scheme, authority: true });
}

function obstacle(parts: UrlParts, to: string, families: readonly (readonly string[])[]): string | undefined {
  if (parts.scheme !== '' && !families.some((family) => family.includes(parts.scheme))) {
    return `'${parts.scheme}' and '${to}' don't name the same things`;
  }
  if (parts.path !== '' && !parts.path.startsWith('/')) return 'its path is relative, resolve it first';
  if (HERE.has(to)) {
    return isThisMachine(parts.host) ? undefined : `'${to}' reaches this machine only, not ${parts.host}`;
  }
  return parts.host === '' && to !== ANYWHERE ? `'${to}' needs a host` : undefined;
}

function isThisMachine(host: string): boolean {
  return ['', 'localhost', '127.0.0.1', '[::1]', hostname().toLowerCase()].includes(host);
}
