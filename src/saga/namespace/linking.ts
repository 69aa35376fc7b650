/** Making links: one, or a mirror of a directory with a link for each file (as lndir(1) does). */
import { BadParameter, IncorrectURL, SagaException } from '../core/exceptions.js';
import { type Call, NO_FOLLOW } from '../engine/entry-service.js';
import { makeDirectory } from './directories.js';
import { leadsToDirectory } from './kinds.js';
import { childOf, type Location, temporaryBeside, urlAt } from './location.js';
import type { Landing, Operand } from './operands.js';
import { beneath, walk } from './walking.js';

/**
 * Links lead to entries of their own service, and a mirror is put into a directory.
 * @throws IncorrectURL, BadParameter when the target is not so.
 */
export async function requireLinkable(
  source: Location,
  target: Location,
  isMirror: boolean,
  call: Call,
): Promise<void> {
  const url = urlAt(target.service.url, target.path).toString();
  if (!source.service.isSameAs(target.service)) {
    throw new IncorrectURL(`${url} is of another service, and links lead to entries of their own; copy it instead`, {
      url,
    });
  }
  if (isMirror && !(await leadsToDirectory(target, call))) {
    throw new BadParameter(`${url} is no directory; a recursive link is made inside one`, { url });
  }
}

/** Makes a link at the landing that leads to the operand. */
export function link(source: Operand, target: Landing, call: Call): Promise<void> {
  return placeLink(target, source.path, target.existing !== undefined, call);
}

/** Makes directories as in the operand, with links to all that is in them. */
export async function mirror(source: Operand, target: Landing, call: Call): Promise<void> {
  const { service } = target;
  if (!target.existing) await service.makeDir(target.path, call);
  for await (const { path, entries } of walk(source, NO_FOLLOW, call)) {
    for (const { name, kind } of entries) {
      const relative = beneath(path, name);
      const place = { service, path: childOf(target.path, relative) };
      if (kind === 'directory') await makeDirectory(place, NO_FOLLOW, call);
      else await placeLink(place, childOf(source.path, relative), target.existing !== undefined, call);
    }
  }
}

/** Makes a link; what it replaces is there until the link is. */
export async function placeLink(place: Location, text: string, overwrite: boolean, call: Call): Promise<void> {
  const { service, path } = place;
  try {
    await service.makeLink(path, text, call);
  } catch (error) {
    if (!overwrite || !SagaException.is(error) || error.code !== 'AlreadyExists') throw error;
    if (!service.offers('namespace.rename')) {
      await service.remove(path, call);
      return service.makeLink(path, text, call);
    }
    const temporary = temporaryBeside(path);
    await service.makeLink(temporary, text, call);
    await service.rename(temporary, path, overwrite, call).catch(async (failure: unknown) => {
      await service.remove(temporary, { operation: call.operation }).catch(() => undefined);
      throw failure;
    });
  }
}
