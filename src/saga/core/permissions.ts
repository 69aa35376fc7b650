/** The SAGA permission model (GFD.90 section 3.7): bits, ids, and a table of who may do what. */
import type { CallOptions } from './call-options.js';
import { BadParameter, PermissionDenied } from './exceptions.js';

/** The permission bits; they combine by bitwise or. */
export const Permission = {
  None: 0,
  Query: 1,
  Read: 2,
  Write: 4,
  Exec: 8,
  Owner: 16,
  All: 31,
} as const;
export type Permission = (typeof Permission)[keyof typeof Permission];

/**
 * Who may do what with an entity. An id is `user-NAME`, `group-NAME`, `*` for all users, or a bare NAME, which is a
 * user.
 */
export interface Permissions {
  /**
   * Grants the permissions. Granting Owner hands the entity over: there is exactly one owner.
   * @throws BadParameter when the id is unknown, or Owner is to go to `*` or a group.
   * @throws PermissionDenied when the caller does not own the entity.
   */
  permissionsAllow(id: string, perm: number, flags?: number, options?: CallOptions): Promise<void>;
  /** As `permissionsAllow`, the other way; Owner can't be taken, only handed on. */
  permissionsDeny(id: string, perm: number, flags?: number, options?: CallOptions): Promise<void>;
  /** Whether all the permissions are granted to the id. */
  permissionsCheck(id: string, perm: number, options?: CallOptions): Promise<boolean>;
  /** The owner, as `user-NAME`. */
  getOwner(options?: CallOptions): Promise<string>;
  /** The owning group, as `group-NAME`; empty when the backend has no groups. */
  getGroup(options?: CallOptions): Promise<string>;
}

/** A parsed id. `text` is its canonical form: `*`, `user-NAME`, `group-NAME`. */
export interface PermissionId {
  readonly kind: 'all' | 'user' | 'group';
  readonly name: string;
  readonly text: string;
}

/** @throws BadParameter when the id is not `*`, `user-NAME`, `group-NAME` or a bare user name. */
export function parsePermissionId(id: string): PermissionId {
  const given = typeof id === 'string' ? id : '';
  if (given === '*') return { kind: 'all', name: '*', text: '*' };
  const [, kind = 'user', name = ''] = /^(?:(user|group)-)?(.*)$/s.exec(given) ?? [];
  if (name === '' || /[\s*\x00-\x1f\x7f]/.test(name)) {
    throw new BadParameter(`"${given}" is no id: use "user-NAME", "group-NAME", or "*" for all users`);
  }
  return { kind: kind === 'group' ? 'group' : 'user', name, text: `${kind}-${name}` };
}

/** @throws BadParameter when `perm` is not a combination of the permission bits. */
export function demandBits(perm: number): void {
  if (Number.isInteger(perm) && perm >= Permission.None && perm <= Permission.All) return;
  throw new BadParameter(
    `${String(perm)} is no permission: combine Permission.Query, Read, Write, Exec and Owner with |, or use All (31)`,
  );
}

/** How an `AccessControl` table starts. */
export interface AccessControlInit {
  /** Who owns the entity: a user. */
  owner: string;
  /** The owning group; none when left out. */
  group?: string;
  /** Which permissions who has, by id. The owner needs no entry. */
  grants?: Iterable<readonly [string, number]>;
  /** Whether the backend knows the id; all that are well formed when left out. */
  knows?: (id: PermissionId) => boolean;
}

/**
 * The permissions of one entity whose backend keeps none itself.
 *
 * A user or group with an entry of its own has what that says, all others what `*` has. `allow` and `deny` of `*`
 * change every entry, so that afterwards all users have, or lack, the permission. The owner may do everything but
 * what was taken from it, and can always grant itself that again.
 */
export class AccessControl {
  #owner: PermissionId;
  readonly #group: string;
  readonly #grants = new Map<string, number>();
  readonly #knows: (id: PermissionId) => boolean;

  constructor({ owner, group, grants = [], knows = () => true }: AccessControlInit) {
    this.#knows = knows;
    this.#owner = this.#parse(owner);
    if (this.#owner.kind !== 'user') throw new BadParameter(`an entity is owned by a user, not by "${owner}"`);
    this.#group = group ? this.#parseGroup(group) : '';
    this.#grants.set(this.#owner.text, Permission.All);
    for (const [id, perm] of grants) {
      demandBits(perm);
      const { text } = this.#parse(id);
      this.#grants.set(text, text === this.#owner.text ? perm | Permission.Owner : perm & ~Permission.Owner);
    }
  }

  /** The canonical id of the one owner. */
  get owner(): string {
    return this.#owner.text;
  }

  /** The canonical id of the group, or the empty string. */
  get group(): string {
    return this.#group;
  }

  /** The entries, by canonical id: what the constructor takes as `grants`. */
  get grants(): ReadonlyMap<string, number> {
    return this.#grants;
  }

  /** Whether all bits of `perm` are granted to the id. */
  check(id: string, perm: number): boolean {
    demandBits(perm);
    return (this.#bitsOf(this.#parse(id)) & perm) === perm;
  }

  allow(id: string, perm: number): void {
    demandBits(perm);
    const to = this.#parse(id);
    if (perm & Permission.Owner) this.#handOver(to);
    this.#change(to, (bits) => bits | perm);
  }

  deny(id: string, perm: number): void {
    demandBits(perm);
    const from = this.#parse(id);
    if (perm & Permission.Owner && (from.kind === 'all' || from.text === this.owner)) {
      throw new BadParameter(
        `Owner can't be taken from ${from.text}: an entity always has one owner. Grant Owner to another user instead`,
      );
    }
    this.#change(from, (bits) => bits & ~perm);
  }

  /**
   * Refuses a caller that lacks a permission.
   * @throws PermissionDenied naming the operation and what it needs.
   */
  demand(caller: string, perm: Permission, operation: string): void {
    if (this.check(caller, perm)) return;
    const needed = Object.entries(Permission).find(([, bits]) => bits === perm)?.[0] ?? String(perm);
    throw new PermissionDenied(
      `${operation} needs the permission ${needed}, which ${caller} lacks; ask ${this.owner}`,
      {
        operation,
      },
    );
  }

  #handOver(to: PermissionId): void {
    if (to.kind !== 'user') {
      throw new BadParameter(`Owner can't be given to ${to.text}: an entity is owned by exactly one user`);
    }
    this.#grants.set(this.owner, this.#bitsOf(this.#owner) & ~Permission.Owner);
    this.#owner = to;
  }

  #change(id: PermissionId, change: (bits: number) => number): void {
    const everybody = id.kind === 'all' ? [...this.#grants.keys(), '*'] : [];
    const changed = [...everybody, id.text].map((text) => [text, change(this.#bitsOf({ ...id, text }))] as const);
    for (const [text, bits] of changed) this.#grants.set(text, bits);
  }

  #bitsOf({ text }: PermissionId): number {
    return this.#grants.get(text) ?? this.#grants.get('*') ?? Permission.None;
  }

  #parse(id: string): PermissionId {
    const parsed = parsePermissionId(id);
    if (parsed.kind === 'all' || this.#knows(parsed)) return parsed;
    throw new BadParameter(`there is no ${parsed.kind} "${parsed.name}"`);
  }

  #parseGroup(group: string): string {
    return this.#parse(group.startsWith('group-') ? group : `group-${group}`).text;
  }
}
