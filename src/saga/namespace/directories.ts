/** The directories that entries are to be in: wanted, or made. */
import { AlreadyExists, BadParameter, DoesNotExist, SagaException } from '../core/exceptions.js';
import { type Call, FOLLOW } from '../engine/entry-service.js';
import { Flags, has } from './flags.js';
import { type Location, type NamedLocation, parentOf, urlAt } from './location.js';

/**
 * @throws DoesNotExist when the directory that the entry is to be in is missing, BadParameter when it is none.
 */
export async function requireParent({ service, path }: Location, call: Call): Promise<void> {
  const parent = parentOf(path);
  const there = await service.stat(parent, FOLLOW, call);
  const url = urlAt(service.url, parent).toString();
  if (!there) throw new DoesNotExist(`the directory ${url} does not exist; the flag CreateParents makes it`, { url });
  if (there.kind !== 'directory') throw new BadParameter(`${url} is no directory, nothing can be in it`, { url });
}

/** @throws DoesNotExist when the place is empty, BadParameter when it holds no directory, and no link to one. */
export async function requireDirectory({ service, path, url: named }: NamedLocation, call: Call): Promise<void> {
  const there = await service.stat(path, FOLLOW, call);
  const url = named.toString();
  if (!there) throw new DoesNotExist(`the directory ${url} does not exist`, { url });
  if (there.kind !== 'directory') throw new BadParameter(`${url} is no directory`, { url });
}

/**
 * Makes a directory as an application asks for it (GFD.90 section 4.2, `make_dir`).
 * @param flags - CreateParents, Exclusive.
 * @throws AlreadyExists for what is there and no directory; with Exclusive, for whatever is there.
 */
export async function createDirectory(place: NamedLocation, flags: number, call: Call): Promise<void> {
  const { service, path } = place;
  const isExclusive = has(flags, Flags.Exclusive);
  if (has(flags, Flags.CreateParents)) await makeParents(place, call);
  const there = await service.stat(path, FOLLOW, call);
  if (there && (isExclusive || there.kind !== 'directory')) {
    const url = place.url.toString();
    throw new AlreadyExists(`${url} exists already`, { url });
  }
  if (there) return;
  await requireParent(place, call);
  await (isExclusive ? service.makeDir(path, call) : makeDirectory(place, FOLLOW, call));
}

/** Makes the directories that are missing above the entry. */
export async function makeParents({ service, path }: Location, call: Call): Promise<void> {
  const missing: string[] = [];
  let above = parentOf(path);
  while (above !== '/' && !(await service.stat(above, FOLLOW, call))) {
    missing.unshift(above);
    above = parentOf(above);
  }
  const [outermost] = missing;
  if (outermost !== undefined) await requireParent({ service, path: outermost }, call);
  for (const directory of missing) await makeDirectory({ service, path: directory }, FOLLOW, call);
  await requireParent({ service, path }, call);
}

/**
 * Makes a directory; one that is there already, and be it that somebody else has just made it, is as good.
 * @param follow - So is a link to one.
 * @throws AlreadyExists for any other entry of that name.
 */
export async function makeDirectory({ service, path }: Location, follow: boolean, call: Call): Promise<void> {
  await service.makeDir(path, call).catch(async (error: unknown) => {
    if (!SagaException.is(error) || error.code !== 'AlreadyExists') throw error;
    if ((await service.stat(path, follow, call))?.kind !== 'directory') throw error;
  });
}
