/** Where links lead to. */
import { IncorrectState } from '../core/exceptions.js';
import { type Call, NO_FOLLOW } from '../engine/entry-service.js';
import { kindOf } from './kinds.js';
import { childOf, type Location, parentOf, urlAt } from './location.js';

/** More links than this on one way are a circle (Linux: MAXSYMLINKS). */
const MOST_LINKS = 40;

/**
 * The path that a link names, whether there is something or not.
 * @throws IncorrectState when the entry is no link, DoesNotExist when it is missing.
 */
export async function linkTarget(link: Location, call: Call): Promise<string> {
  const { service, path } = link;
  if ((await kindOf(link, call)) !== 'link') {
    const url = urlAt(service.url, path).toString();
    throw new IncorrectState(`${url} is no link; isLink() tells links`, { url });
  }
  const text = await service.readLink(path, call);
  if (text.startsWith('/')) return joined('/', text);
  // '..' leads up from where the directory really is.
  const directory = { service, path: parentOf(path) };
  return joined(text.includes('..') ? await realPath(directory, call) : directory.path, text);
}

/**
 * The path of an entry without any link in it, as realpath(3) gives it.
 * @throws IncorrectState when a link on the way leads nowhere or in a circle.
 */
export async function realPath({ service, path }: Location, call: Call): Promise<string> {
  const url = urlAt(service.url, path).toString();
  const names = path.split('/');
  let real = '/';
  let links = 0;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      real = parentOf(real);
      continue;
    }
    const next = childOf(real, name);
    const there = await service.stat(next, NO_FOLLOW, call);
    if (!there) throw new IncorrectState(`${url} is a link that leads nowhere: ${next} is missing`, { url });
    if (there.kind !== 'link') {
      real = next;
      continue;
    }
    if (++links > MOST_LINKS) throw new IncorrectState(`${url} is a link in a circle`, { url });
    const text = await service.readLink(next, call);
    if (text.startsWith('/')) real = '/';
    names.unshift(...text.split('/'));
  }
  return real;
}

/** A relative or absolute path from `directory`, without "." and "..". */
function joined(directory: string, text: string): string {
  let path = text.startsWith('/') ? '/' : directory;
  for (const name of text.split('/')) {
    if (name === '..') path = parentOf(path);
    else if (name !== '' && name !== '.') path = childOf(path, name);
  }
  return path;
}
