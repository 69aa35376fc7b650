/** Copy, move, link and remove as an application calls them: of an entry itself, or of names that a directory is given. */
import { BadParameter, DoesNotExist } from '../core/exceptions.js';
import type { UrlLike } from '../core/url.js';
import { type Call, FOLLOW } from '../engine/entry-service.js';
import { copy } from './copying.js';
import { checkedFlags, Flags, has } from './flags.js';
import { link, mirror, requireLinkable } from './linking.js';
import { realPath } from './links.js';
import { closing, isWithin, type Location, type NamedLocation, parentOf, urlAt } from './location.js';
import { move } from './moving.js';
import { expand, hasWildcards } from './name-patterns.js';
import type { OpenEntry } from './open-entry.js';
import { landingOf, type Operand, operandOf, type Result } from './operands.js';
import { remove } from './removing.js';

const REMOVE_FLAGS = Flags.Recursive | Flags.Dereference;
const TRANSFER_FLAGS = REMOVE_FLAGS | Flags.Overwrite | Flags.CreateParents;

/** The entry itself; the other operands are names that its methods were given. */
export const ITSELF = undefined;
type Named = UrlLike | typeof ITSELF;

export async function copyTo(
  open: OpenEntry,
  source: Named,
  target: UrlLike,
  given: number | undefined,
  call: Call,
): Promise<void> {
  const flags = checkedFlags(given, TRANSFER_FLAGS, call.operation);
  const how = { followsLinks: 'always', wantsRecursive: true, refusesRecursive: source === ITSELF } as const;
  await eachTo(open, source, target, flags, call, async (from, to) => {
    const operand = await operandOf(from, flags, how, call);
    const landing = await landingOf(operand, resultOf(operand.stat.kind), to, flags, call);
    await copy(operand, landing, call, call.options);
  });
}

export async function moveTo(
  open: OpenEntry,
  source: Named,
  target: UrlLike,
  given: number | undefined,
  call: Call,
): Promise<void> {
  const flags = checkedFlags(given, TRANSFER_FLAGS, call.operation);
  const how = { followsLinks: 'on demand', wantsRecursive: true, refusesRecursive: source === ITSELF } as const;
  await eachTo(open, source, target, flags, call, async (from, to) => {
    if (source !== ITSELF) refuseAncestors(open, from, call);
    const operand = await operandOf(from, flags, how, call);
    if (source !== ITSELF) await refuseLinkedAncestors(open, operand, call);
    const result = resultOf(operand.stat.kind);
    const landing = await landingOf(operand, result, to, flags, call);
    await move(operand, landing, call, call.options);
    // The object goes with its entry; not with what a link led to.
    if (source === ITSELF && !has(flags, Flags.Dereference)) {
      const { path } = landing;
      const url = urlAt(to.url, open.isDirectory ? `${path}/` : path);
      await open.moveTo({ url, path, service: to.service.share() });
    }
  });
}

export async function linkTo(
  open: OpenEntry,
  source: Named,
  target: UrlLike,
  given: number | undefined,
  call: Call,
): Promise<void> {
  const flags = checkedFlags(given, TRANSFER_FLAGS, call.operation);
  const how = { followsLinks: 'on demand', wantsRecursive: false, refusesRecursive: source === ITSELF } as const;
  await eachTo(open, source, target, flags, call, async (from, to) => {
    const operand = await operandOf(from, flags, how, call);
    const isMirror = operand.stat.kind === 'directory' && has(flags, Flags.Recursive);
    await requireLinkable(from, to, isMirror, call);
    const landing = await landingOf(operand, isMirror ? 'directory' : 'leaf', to, flags, call);
    await (isMirror ? mirror(operand, landing, call) : link(operand, landing, call));
  });
}

export async function removeAll(open: OpenEntry, target: Named, given: number | undefined, call: Call): Promise<void> {
  const flags = checkedFlags(given, REMOVE_FLAGS, call.operation);
  const how = { followsLinks: 'on demand', wantsRecursive: true, refusesRecursive: target === ITSELF } as const;
  await each(open, target, call, async (places) => {
    for (const place of places) {
      if (target !== ITSELF) refuseAncestors(open, place, call);
      const operand = await operandOf(place, flags, how, call);
      if (target !== ITSELF) await refuseLinkedAncestors(open, operand, call);
      await remove(operand, operand.stat.kind, call);
    }
  });
}

/** Does something with the places that a name means; of a pattern, all that match. */
export async function each<T>(
  open: OpenEntry,
  name: Named,
  call: Call,
  work: (places: readonly Location[]) => Promise<T>,
): Promise<T> {
  if (name === ITSELF) return work([open]);
  // In a URL object they are characters like others.
  if (typeof name !== 'string' || !hasWildcards(name)) {
    const place = await open.locate(name, call);
    return closing(place, work([place]));
  }
  const { root, paths } = await expand(open, name, call);
  if (paths.length > 0) return closing(root, work(paths.map((path) => ({ service: root.service, path }))));
  await root.service.close();
  const url = open.cwd.toString();
  throw new DoesNotExist(`nothing in ${url} matches '${name}'`, { url });
}

/** The same with a target; several sources want a directory there. The first failure ends it. */
function eachTo(
  open: OpenEntry,
  source: Named,
  target: UrlLike,
  flags: number,
  call: Call,
  work: (source: Location, target: NamedLocation) => Promise<void>,
): Promise<void> {
  return each(open, source, call, async (sources) => {
    const place = await open.locate(target, call);
    const all = async (): Promise<void> => {
      if (sources.length > 1) await requireDirectory(place, sources.length, flags, call);
      for (const one of sources) await work(one, place);
    };
    await closing(place, all());
  });
}

async function requireDirectory(target: NamedLocation, count: number, flags: number, call: Call): Promise<void> {
  const there = await target.service.stat(target.path, FOLLOW, call);
  // 'out/' is a directory, to be made with CreateParents when the first entry is put into it.
  const willBe = !there && target.url.getPath().endsWith('/') && has(flags, Flags.CreateParents);
  if (there?.kind === 'directory' || willBe) return;
  const url = target.url.toString();
  throw new BadParameter(`${count} entries match, and ${url} is no directory that could take them`, { url });
}

/** The same for a directory that was reached by a link. */
async function refuseLinkedAncestors(open: OpenEntry, operand: Operand, call: Call): Promise<void> {
  const { service, path, stat } = operand;
  // What is in the directory does not hold it.
  if (stat.kind !== 'directory' || parentOf(path) === open.path || !service.isSameAs(open.service)) return;
  const [inner, outer] = await Promise.all([realPath(open, call), realPath(operand, call)]);
  refuseAncestors(open, { service, path: outer }, call, inner);
}

function refuseAncestors(open: OpenEntry, { service, path }: Location, { operation }: Call, here = open.path): void {
  if (!isWithin(here, path) || !service.isSameAs(open.service)) return;
  const url = urlAt(open.url, path).toString();
  throw new BadParameter(`${operation}: ${url} is the open directory, or one that it lies in; do it from outside`, {
    operation,
    url,
  });
}

function resultOf(kind: string): Result {
  return kind === 'directory' ? 'directory' : 'leaf';
}
