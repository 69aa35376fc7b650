/** What copy, move, link and remove work on, and where the result lands: the rules of GFD.90 section 4.2 that they share. */
import { AlreadyExists, BadParameter, DoesNotExist, IncorrectState } from '../core/exceptions.js';
import { type Call, FOLLOW, NO_FOLLOW } from '../engine/entry-service.js';
import type { EntryStat } from '../spi/file.js';
import { makeParents, requireParent } from './directories.js';
import { Flags, has } from './flags.js';
import { leadsToDirectory } from './kinds.js';
import { realPath } from './links.js';
import { childOf, isWithin, type Location, nameOf, type NamedLocation, parentOf, urlAt } from './location.js';

/** How an operation treats its operand. */
export interface Treatment {
  /** Links are followed always, or with Dereference. */
  readonly followsLinks: 'always' | 'on demand';
  /** Whether a directory wants the flag Recursive. */
  readonly wantsRecursive: boolean;
  /** Whether Recursive is refused for what is no directory: in the methods of the entry itself, not in those of its directory. */
  readonly refusesRecursive: boolean;
}

/** An entry that is there; links are followed where that is wanted. */
export interface Operand extends Location {
  /** The name under which it appears in another directory. */
  readonly name: string;
  readonly stat: EntryStat;
}

/** A place for the result of an operation. */
export interface Landing extends Location {
  /** What is there already and will be replaced or, if it is a directory, added to. */
  readonly existing: EntryStat | undefined;
}

/**
 * @throws DoesNotExist when the entry is missing, IncorrectState when it is a link to be followed that leads nowhere,
 * BadParameter when Recursive or Dereference do not fit it.
 */
export async function operandOf(source: Location, flags: number, how: Treatment, call: Call): Promise<Operand> {
  const { service, path } = source;
  const url = urlAt(service.url, path).toString();
  const name = nameOf(path);
  let stat = await service.stat(path, NO_FOLLOW, call);
  if (!stat) throw new DoesNotExist(`${url} does not exist`, { url });

  let real = path;
  if (stat.kind !== 'link') {
    if (has(flags, Flags.Dereference)) {
      throw new BadParameter(`${url} is no link; leave out the flag Dereference`, { url });
    }
  } else if (how.followsLinks === 'always' || has(flags, Flags.Dereference)) {
    real = await realPath(source, call);
    stat = await service.stat(real, FOLLOW, call);
    if (!stat) throw new IncorrectState(`${url} is a link that leads nowhere`, { url });
  }

  if (stat.kind === 'directory') {
    if (how.wantsRecursive && !has(flags, Flags.Recursive)) {
      throw new BadParameter(`${url} is a directory, which wants the flag Recursive`, { url });
    }
  } else if (how.refusesRecursive && has(flags, Flags.Recursive)) {
    throw new BadParameter(`${url} is no directory; leave out the flag Recursive`, { url });
  }
  return { service, path: real, name, stat };
}

/** What an operation puts at its landing; a `leaf` is a file or a link. */
export type Result = 'directory' | 'leaf';

/**
 * The place where an operand lands: inside a target that is a directory, else at the target. Missing parents are made with
 * CreateParents.
 * @throws DoesNotExist when the directory of the place is missing; AlreadyExists when something is there that may not be
 * replaced; BadParameter when it is the operand itself, or a directory is to be put into itself.
 */
export async function landingOf(
  operand: Operand,
  result: Result,
  target: NamedLocation,
  flags: number,
  call: Call,
): Promise<Landing> {
  const { service } = target;
  const there = await service.stat(target.path, FOLLOW, call);
  // 'out/' names a directory, be it missing; a directory that is put there becomes it.
  const inside = there ? there.kind === 'directory' : target.url.getPath().endsWith('/') && result === 'leaf';
  const path = inside && operand.name !== '/' ? childOf(target.path, operand.name) : target.path;
  const place = { service, path };
  const existing = await service.stat(path, NO_FOLLOW, call);
  await refuseItself(operand, result, { ...place, existing }, call);
  if (existing) await requireReplaceable(result, { ...place, existing }, flags, call);
  else if (has(flags, Flags.CreateParents)) await makeParents(place, call);
  else await requireParent(place, call);
  return { ...place, existing };
}

/** A directory is added to one that is there, and takes no other place; a leaf takes the place of what is no directory. */
async function requireReplaceable(result: Result, place: Landing, flags: number, call: Call): Promise<void> {
  const url = urlAt(place.service.url, place.path).toString();
  const adds = result === 'directory';
  const meets = adds ? await leadsToDirectory(place, call) : place.existing?.kind === 'directory';
  if (adds !== meets) {
    const what = adds ? 'is no directory, and is not replaced by one' : 'is a directory, and is not replaced';
    throw new AlreadyExists(`${url} exists already and ${what}; choose another name, or remove it`, { url });
  }
  if (!has(flags, Flags.Overwrite)) {
    throw new AlreadyExists(`${url} exists already; the flag Overwrite ${adds ? 'adds to' : 'replaces'} it`, { url });
  }
}

async function refuseItself(operand: Operand, result: Result, place: Landing, call: Call): Promise<void> {
  const { service, path, existing } = place;
  if (!operand.service.isSameAs(service)) return;
  const url = urlAt(service.url, path).toString();
  if (path === operand.path || isSame(operand.stat, existing)) {
    throw new BadParameter(`${url} is the source itself, under this or another name`, { url });
  }
  if (result === 'leaf') return;
  // A link at the place, or above it, may lead to the operand.
  for (let way = path; ; way = parentOf(way)) {
    const isInside = isWithin(way, operand.path) || isSame(operand.stat, await service.stat(way, FOLLOW, call));
    if (isInside) throw new BadParameter(`${url} lies in the directory that it is to be made from`, { url });
    if (way === '/') return;
  }
}

function isSame(one: EntryStat, other: EntryStat | undefined): boolean {
  return one.identity !== undefined && one.identity === other?.identity;
}
