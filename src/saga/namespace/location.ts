/** Names become places: a URL, the service behind it, and the path that the service's adaptor gets. */
import { randomBytes } from 'node:crypto';

import { BadParameter } from '../core/exceptions.js';
import type { Session } from '../core/session.js';
import { toURL, URL, type UrlLike, withPath } from '../core/url.js';
import { type Call, EntryService } from '../engine/entry-service.js';
import { engineFor } from '../engine/wiring.js';

/** Where an entry is, or is to be. */
export interface Location {
  readonly service: EntryService;
  /** As in spi/file.ts: decoded, absolute, no slash at its end. */
  readonly path: string;
}

/** A location that has a name for people, and a hold on its service that its owner closes. */
export interface NamedLocation extends Location {
  /** Absolute, as it was named. */
  readonly url: URL;
}

/** From where relative names count, and whose service serves the same URLs. */
export interface Base {
  readonly url: URL;
  readonly service: EntryService;
}

/**
 * Finds the place that a name means, and connects to its service; entries of one service share a connection.
 * @param base - What relative names are relative to: the URL of a directory, with a slash at its end.
 * @throws BadParameter for a name that is none; IncorrectURL when no adaptor serves it; what the service refuses with.
 */
export async function locate(name: UrlLike, session: Session, call: Call, base?: Base): Promise<NamedLocation> {
  const url = base ? base.url.resolve(name) : absolute(toURL(name));
  const path = pathOf(url);
  const service = base && isOfService(url, base.url) ? base.service.share() : await connect(url, session, call);
  return { url, path, service };
}

/** The outcome of some work at a place, after which its service is closed. */
export async function closing<T>({ service }: Location, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } finally {
    await service.close();
  }
}

/** The URL of the entry at `path` in the service that `url` is of. */
export function urlAt(url: URL, path: string): URL {
  return withPath(url, path);
}

/** The path of the directory that an entry is in; of `/` itself. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** The last element of a path; that of `/` is `/`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || '/';
}

/** The path of the entry `name` of a directory; `name` may be several names with slashes between. */
export function childOf(directory: string, name: string): string {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/** A name for what is not complete, in the directory where it is to be: short whatever its later name, and hidden. */
export function temporaryBeside(path: string): string {
  return childOf(parentOf(path), `.xosaga-${randomBytes(8).toString('hex')}.part`);
}

/** Whether `path` lies beneath `directory`, or is it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** The path that a URL names, as adaptors get it. */
function pathOf(url: URL): string {
  if (url.getQuery() !== '' || url.getFragment() !== '') {
    throw new BadParameter(
      `'${url.toString()}' has a query or fragment, which no entry has; in a name write '?' as %3F and '#' as %23`,
      { url: url.toString() },
    );
  }
  const path = url.getPath().replace(/\/{2,}/g, '/');
  return path.endsWith('/') && path !== '/' ? path.slice(0, -1) : path || '/';
}

/** The URL without "." and ".."; an absolute path without a scheme is one of this machine. */
function absolute(given: URL): URL {
  const isPath = given.getScheme() === '' && given.getHost() === '' && given.getPath().startsWith('/');
  const url = isPath ? new URL(`file://${given.getEscaped()}`) : given;
  if (url.getScheme() !== '') return url.resolve(url);
  throw new BadParameter(
    `'${url.toString()}' is relative, and there is no directory that it could be relative to: name it like ` +
      'file:///home/me/data, or open it by a directory',
  );
}

async function connect(url: URL, session: Session, call: Call): Promise<EntryService> {
  const root = serviceOf(url);
  return new EntryService(await engineFor(session).bind('namespace.stat', root, call.options));
}

function isOfService(url: URL, other: URL): boolean {
  return serviceOf(url).getEscaped() === serviceOf(other).getEscaped();
}

/** The URL of the service alone. */
function serviceOf(url: URL): URL {
  const root = urlAt(url, '/');
  root.setQuery('');
  root.setFragment('');
  return root;
}
