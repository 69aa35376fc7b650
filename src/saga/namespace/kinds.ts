/** What an entry is. SAGA asks for three things that exclude each other: directory, link, and entry, which is all the rest. */
import { DoesNotExist } from '../core/exceptions.js';
import { type Call, FOLLOW, NO_FOLLOW } from '../engine/entry-service.js';
import type { EntryKind } from '../spi/file.js';
import { type Location, urlAt } from './location.js';

/**
 * A link is a link, whatever it leads to.
 * @throws DoesNotExist when there is no such entry.
 */
export async function kindOf({ service, path }: Location, call: Call): Promise<EntryKind> {
  const there = await service.stat(path, NO_FOLLOW, call);
  if (there) return there.kind;
  const url = urlAt(service.url, path).toString();
  throw new DoesNotExist(`${url} does not exist`, { url });
}

/** Whether SAGA calls it an entry when it asks `is_entry`. */
export function isLeaf(kind: EntryKind): boolean {
  return kind === 'file' || kind === 'other';
}

/** Whether it is a directory, or a link that leads to one. */
export async function leadsToDirectory({ service, path }: Location, call: Call): Promise<boolean> {
  return (await service.stat(path, FOLLOW, call))?.kind === 'directory';
}
