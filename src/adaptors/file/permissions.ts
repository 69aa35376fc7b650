/**
 * SAGA permissions as POSIX permission bits: Read, Write and Exec of the owner, of the owning group, and of all others.
 * Query is granted to everybody who reaches the entry. What the bits can't tell apart is refused.
 */
import type { Stats } from 'node:fs';
import { chmod, chown, stat } from 'node:fs/promises';

import { BadParameter } from '../../saga/core/exceptions.js';
import { Permission, type PermissionId } from '../../saga/core/permissions.js';
import { findGroup, findUser, type Group, type User } from './accounts.js';
import { nativePath } from './native-path.js';

/** How far the bits of a class are from the right. */
const CLASSES = { owner: 6, group: 3, others: 0 } as const;
type Class = keyof typeof CLASSES;

const ROOT = 0;

/** Names, and numbers where there is no name. */
export async function owner(path: string): Promise<{ user: string; group: string }> {
  const { uid, gid } = await stat(nativePath(path));
  return {
    user: (await findUser(uid))?.name ?? String(uid),
    group: (await findGroup(gid))?.name ?? String(gid),
  };
}

/** As `EntryPermissions.permits`. */
export async function permits(path: string, id: PermissionId, perm: number): Promise<boolean> {
  const stats = await stat(nativePath(path));
  const subject = await subjectOf(stats, id);
  if (perm & Permission.Owner && subject.user?.uid !== stats.uid) return false;
  const wanted = bitsOf(perm);
  if (subject.user?.uid === ROOT) {
    // Root is asked for nothing but that somebody may execute it.
    return !(wanted & 1) || stats.isDirectory() || (stats.mode & 0o111) !== 0;
  }
  return subject.classes.every((each) => grants(stats, each, wanted));
}

/** As `EntryPermissions.allow`. */
export async function allow(path: string, id: PermissionId, perm: number): Promise<void> {
  const native = nativePath(path);
  const bits = bitsOf(perm);
  let stats = await stat(native);
  if (perm & Permission.Owner) {
    await chown(native, (await newOwner(id)).uid, stats.gid);
    stats = await stat(native);
  }
  const subject = await subjectOf(stats, id);
  if (bits === 0 || subject.classes.every((each) => grants(stats, each, bits))) return;
  requireOwnClass(path, id, subject);
  await chmod(
    native,
    subject.classes.reduce((mode, each) => mode | (bits << CLASSES[each]), stats.mode & 0o7777),
  );
}

/** As `EntryPermissions.deny`. */
export async function deny(path: string, id: PermissionId, perm: number): Promise<void> {
  const native = nativePath(path);
  const stats = await stat(native);
  const subject = await subjectOf(stats, id);
  if (perm & Permission.Owner && (id.kind === 'all' || subject.user?.uid === stats.uid)) {
    throw new BadParameter(`Owner can't be taken from ${id.text}: a file always has one. Grant Owner to another user`);
  }
  if (perm & Permission.Query) {
    throw new BadParameter(
      `Query can't be denied: whoever reaches '${path}' may look at it; deny Exec of its directory`,
    );
  }
  const bits = bitsOf(perm);
  if (subject.classes.every((each) => (bitsIn(stats, each) & bits) === 0)) return;
  requireOwnClass(path, id, subject);
  await chmod(
    native,
    subject.classes.reduce((mode, each) => mode & ~(bits << CLASSES[each]), stats.mode & 0o7777),
  );
}

/** Whom an id means, and which bits decide for them. */
interface Subject {
  readonly user?: User;
  readonly classes: readonly Class[];
  /** Nobody else shares the bits. */
  readonly isAlone: boolean;
}

async function subjectOf(stats: Stats, id: PermissionId): Promise<Subject> {
  if (id.kind === 'all') return { classes: ['owner', 'group', 'others'], isAlone: true };
  if (id.kind === 'group') {
    const isOwning = (await requireGroup(id)).gid === stats.gid;
    return { classes: [isOwning ? 'group' : 'others'], isAlone: isOwning };
  }
  const user = await requireUser(id);
  if (user.uid === stats.uid) return { user, classes: ['owner'], isAlone: true };
  const group = await findGroup(stats.gid);
  const isMember = user.gid === stats.gid || group?.members.includes(user.name) === true;
  return { user, classes: [isMember ? 'group' : 'others'], isAlone: false };
}

async function requireUser({ name }: PermissionId): Promise<User> {
  const user = await findUser(name);
  if (user) return user;
  throw new BadParameter(`this machine knows no user '${name}'`);
}

async function requireGroup({ name }: PermissionId): Promise<Group> {
  const group = await findGroup(name);
  if (group) return group;
  throw new BadParameter(`this machine knows no group '${name}'`);
}

async function newOwner(id: PermissionId): Promise<User> {
  if (id.kind === 'user') return requireUser(id);
  throw new BadParameter(`Owner can't be given to ${id.text}: a file is owned by exactly one user`);
}

function requireOwnClass(path: string, id: PermissionId, { isAlone }: Subject): void {
  if (isAlone) return;
  throw new BadParameter(
    `'${path}' has permission bits for its owner, its group and all others, but none for ${id.text} alone; ` +
      'use its owner, its group or "*"',
  );
}

function grants(stats: Stats, each: Class, bits: number): boolean {
  return (bitsIn(stats, each) & bits) === bits;
}

function bitsIn({ mode }: Stats, each: Class): number {
  return (mode >> CLASSES[each]) & 0o7;
}

function bitsOf(perm: number): number {
  return (perm & Permission.Read ? 4 : 0) | (perm & Permission.Write ? 2 : 0) | (perm & Permission.Exec ? 1 : 0);
}
