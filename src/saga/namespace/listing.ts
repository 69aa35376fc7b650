/** What a directory lists and finds (GFD.90 section 4.2.5: `list`, `find`). */
import { DoesNotExist, SagaException } from '../core/exceptions.js';
import { URL, withPath } from '../core/url.js';
import { wildcards } from '../core/wildcards.js';
import { type Call, FOLLOW, NO_FOLLOW } from '../engine/entry-service.js';
import { checkedFlags, Flags, has } from './flags.js';
import { kindOf } from './kinds.js';
import { realPath } from './links.js';
import { childOf, closing, isWithin, type Location, type NamedLocation, urlAt } from './location.js';
import { expand, hasWildcards } from './name-patterns.js';
import type { OpenEntry } from './open-entry.js';
import { beneath, walk } from './walking.js';

/** What a relative reference is made of. */
const NOWHERE = new URL();

/** The names in the directory, in the one that `pattern` names, or those that match it, relative to the directory. */
export async function list(open: OpenEntry, pattern: string, given: number | undefined, call: Call): Promise<URL[]> {
  const flags = checkedFlags(given, Flags.Dereference, call.operation);
  const follow = has(flags, Flags.Dereference);
  if (!hasWildcards(pattern)) {
    const place = await open.locate(pattern || '.', call);
    return closing(place, listPlace(open, place, follow, call));
  }
  const { root, paths } = await expand(open, pattern, call);
  const view = viewFrom(open, root);
  if (!follow) return closing(root, Promise.resolve(paths.map(view)));
  return closing(root, Promise.all(paths.map((path) => endName({ ...root, path }, view, call))));
}

async function listPlace(open: OpenEntry, place: NamedLocation, follow: boolean, call: Call): Promise<URL[]> {
  const { service, path } = place;
  const there = (await service.stat(path, FOLLOW, call)) ?? (await service.stat(path, NO_FOLLOW, call));
  const url = place.url.toString();
  if (!there) throw new DoesNotExist(`${url} does not exist`, { url });
  const view = viewFrom(open, place);
  if (there.kind !== 'directory') return [follow ? await endName(place, view, call) : view(path)];

  const names: URL[] = [];
  for await (const batch of service.list(path, FOLLOW, call)) {
    for (const { name, kind } of batch) {
      const isFollowed = follow && kind === 'link';
      const entry = { service, path: childOf(path, name) };
      names.push(isFollowed ? await endName(entry, view, call, relativeUrl(name)) : relativeUrl(name));
    }
  }
  return names;
}

/** The paths beneath the directory whose last element matches, or, of a pattern with a slash, which match as a whole. */
export async function find(open: OpenEntry, pattern: string, given: number | undefined, call: Call): Promise<URL[]> {
  const flags = checkedFlags(given, Flags.Recursive | Flags.Dereference, call.operation, Flags.Recursive);
  const wholePath = pattern.includes('/');
  const matches = wildcards(pattern, { explicitDot: true, path: wholePath });
  const found: URL[] = [];
  for await (const { path, entries } of walk(open, has(flags, Flags.Dereference), call)) {
    for (const { name } of entries) {
      if (matches(wholePath ? beneath(path, name) : name)) found.push(relativeUrl(beneath(path, name)));
    }
    if (!has(flags, Flags.Recursive)) break;
  }
  return found;
}

/** A reference to an entry beneath the directory. */
export function relativeUrl(path: string): URL {
  return withPath(NOWHERE, path);
}

/** How the paths of a service appear in a list: relative when they lie beneath the open directory. */
type View = (path: string) => URL;

function viewFrom(open: OpenEntry, { service, url }: NamedLocation): View {
  const isSame = service.isSameAs(open.service);
  const start = open.path === '/' ? 1 : open.path.length + 1;
  return (path) => {
    const isBeneath = isSame && path !== open.path && isWithin(path, open.path);
    return isBeneath ? relativeUrl(path.slice(start)) : urlAt(url, path);
  };
}

/** The name of what an entry leads to, when it is a link; of a link that leads nowhere, its own. */
async function endName(entry: Location, view: View, call: Call, own: URL = view(entry.path)): Promise<URL> {
  if ((await kindOf(entry, call)) !== 'link') return own;
  try {
    return view(await realPath(entry, call));
  } catch (error) {
    if (SagaException.is(error) && error.code === 'IncorrectState') return own;
    throw error;
  }
}
