/** Relative references against a base (RFC 3986 section 5). */
import { checked, type UrlParts } from './url-syntax.js';

/** The URL that `reference` means where `base` is the current one. */
export function resolvedParts(base: UrlParts, reference: UrlParts): UrlParts {
  const { fragment } = reference;
  if (reference.scheme !== '') return checked({ ...reference, path: withoutDots(reference.path) });
  if (reference.authority) return checked({ ...reference, scheme: base.scheme, path: withoutDots(reference.path) });
  if (reference.path === '') return { ...base, query: reference.query || base.query, fragment };
  const path = withoutDots(reference.path.startsWith('/') ? reference.path : merged(base, reference.path));
  return checked({ ...base, path, query: reference.query, fragment });
}

/** The reference in place of what follows the last slash of the base (RFC 3986 section 5.2.3). */
function merged(base: UrlParts, path: string): string {
  if (base.authority && base.path === '') return `/${path}`;
  return base.path.slice(0, base.path.lastIndexOf('/') + 1) + path;
}

/**
 * A path without "." and ".." (RFC 3986 section 5.2.4). Leading ".." of a relative path, of which the RFC has none,
 * stay: what they mean shows when that path is resolved itself.
 */
function withoutDots(path: string): string {
  const absolute = path.startsWith('/');
  const segments = (absolute ? path.slice(1) : path).split('/');
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '..') {
      if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
      else if (!absolute) kept.push('..');
    } else if (segment !== '.') kept.push(segment);
  }
  // "a/." and "a/.." are directories: what is left ends with a slash.
  const last = segments.at(-1);
  if (last === '.' || last === '..') kept.push('');
  const result = kept.join('/');
  if (absolute) return `/${result}`;
  // A relative path must not become absolute or vanish on the way.
  return path !== '' && (result === '' || result.startsWith('/')) ? `./${result}` : result;
}
