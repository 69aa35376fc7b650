/** Granting and taking permissions, with everything beneath a directory where that is asked for. */
import { BadParameter } from '../core/exceptions.js';
import { demandBits, parsePermissionId } from '../core/permissions.js';
import type { UrlLike } from '../core/url.js';
import { type Call, NO_FOLLOW } from '../engine/entry-service.js';
import { checkedFlags, Flags, has } from './flags.js';
import { childOf, type Location, urlAt } from './location.js';
import type { OpenEntry } from './open-entry.js';
import { operandOf } from './operands.js';
import { each, type ITSELF } from './operations.js';
import { beneath, walk } from './walking.js';

const HOW = { followsLinks: 'on demand', wantsRecursive: false, refusesRecursive: true } as const;

/** A change that a caller asks for. */
export interface PermissionChange {
  readonly change: 'allow' | 'deny';
  readonly id: string;
  readonly perm: number;
  readonly flags: number | undefined;
}

/**
 * @throws BadParameter for flags, ids or permissions that are none, Recursive on what is no directory, and for a link, which
 * has no permissions, without Dereference; PermissionDenied for others than the owner.
 */
export async function changePermissions(
  open: OpenEntry,
  name: UrlLike | typeof ITSELF,
  { change, id, perm, flags: given }: PermissionChange,
  call: Call,
): Promise<void> {
  const flags = checkedFlags(given, Flags.Recursive | Flags.Dereference, call.operation);
  const who = parsePermissionId(id);
  demandBits(perm);
  await each(open, name, call, async (places) => {
    for (const place of places) {
      const operand = await operandOf(place, flags, HOW, call);
      if (operand.stat.kind === 'link') throw ofLink(operand);
      const apply = (path: string) => operand.service[change](path, who, perm, call);
      await (has(flags, Flags.Recursive) ? applyBeneath(operand, change, apply, call) : apply(operand.path));
    }
  });
}

/** To the directory and all in it but links. Who grants opens from outside, who takes closes from inside. */
async function applyBeneath(
  { service, path: root }: Location,
  change: PermissionChange['change'],
  apply: (path: string) => Promise<void>,
  call: Call,
): Promise<void> {
  const closedLast: string[] = [root];
  if (change === 'allow') await apply(root);
  for await (const { path, entries } of walk({ service, path: root }, NO_FOLLOW, call)) {
    for (const { name, kind } of entries) {
      const entry = childOf(root, beneath(path, name));
      if (kind === 'directory' && change === 'deny') closedLast.push(entry);
      else if (kind !== 'link') await apply(entry);
    }
  }
  if (change === 'deny') for (const directory of closedLast.reverse()) await apply(directory);
}

function ofLink({ service, path }: Location): BadParameter {
  const url = urlAt(service.url, path).toString();
  return new BadParameter(`${url} is a link, which has no permissions; the flag Dereference changes what it leads to`, {
    url,
  });
}
