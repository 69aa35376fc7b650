/** An entry of a name space (GFD.90 section 4.2.4): a file, a directory, a link, or what else has a name. */
import { asynchronous, type Tasks } from '../core/call-modes.js';
import type { CallOptions, CreateOptions } from '../core/call-options.js';
import { BadParameter } from '../core/exceptions.js';
import { inspectable } from '../core/inspection.js';
import { ObjectType } from '../core/object.js';
import { demandBits, parsePermissionId, type Permissions } from '../core/permissions.js';
import { SessionObject } from '../core/session.js';
import type { URL, UrlLike } from '../core/url.js';
import type { Call } from '../engine/entry-service.js';
import type { TransferOptions } from './copying.js';
import { isLeaf, kindOf } from './kinds.js';
import { linkTarget } from './links.js';
import { relativeUrl } from './listing.js';
import { nameOf, urlAt } from './location.js';
import type { OpenEntry } from './open-entry.js';
import { OPEN_FLAGS, openEntry, type Opening } from './opening.js';
import { copyTo, ITSELF, linkTo, moveTo, removeAll } from './operations.js';
import { changePermissions } from './permission-changes.js';

/** Whatever has the name can be opened as an entry. */
const ENTRY: Opening = { type: 'ns_entry', opens: 'any', flags: OPEN_FLAGS };

let openOf: (entry: NSEntry) => OpenEntry;
let made: (open: OpenEntry) => NSEntry;

/**
 * An open entry. Names that its methods take are relative to the directory that it is in; wildcards are for directories.
 *
 * ```ts
 * await using entry = await saga.NSEntry.create('file:///home/me/results.dat');
 * await entry.copy('backup/', saga.Flags.CreateParents);
 * ```
 */
export class NSEntry extends SessionObject implements Permissions {
  declare readonly async: Tasks<NSEntry>;
  declare readonly task: Tasks<NSEntry>;
  readonly #open: OpenEntry;

  static {
    openOf = (entry) => entry.#open;
    made = (open) => new NSEntry(open);
  }

  protected constructor(open: OpenEntry) {
    if (!(open as OpenEntry | undefined)?.session) {
      throw new BadParameter(
        'entries are opened by await create(url), or by the methods open and openDir of a directory',
      );
    }
    super(open.session);
    this.#open = open;
  }

  /**
   * Opens an entry.
   * @param name - A URL, or an absolute path on this machine.
   * @param flags - Create, Exclusive, CreateParents, Lock; default None.
   * @throws DoesNotExist when it is missing, without Create; AlreadyExists with Create and Exclusive; NoSuccess when somebody
   * else has the lock; IncorrectURL when no adaptor serves the URL; BadParameter.
   */
  static async create(name: UrlLike, flags?: number, options?: CreateOptions): Promise<NSEntry> {
    return made(await openEntry(ENTRY, name, flags, options));
  }

  getType(): ObjectType {
    return ObjectType.NSEntry;
  }

  /**
   * An object of its own on the same entry; the lock stays with this one.
   * @throws IncorrectState when it is closed.
   */
  override clone(): this {
    this.#open.requireOpen(this, 'clone');
    const Class = this.constructor as new (open: OpenEntry) => this;
    return new Class(this.#open.share());
  }

  /** The whole URL; that of a directory ends with a slash. */
  getUrl(options?: CallOptions): Promise<URL> {
    return this.#perform('getUrl', options, () => Promise.resolve(this.#open.url.clone()));
  }

  /** The URL of the directory that the entry is in; of a directory, its own. */
  getCwd(options?: CallOptions): Promise<URL> {
    return this.#perform('getCwd', options, () => Promise.resolve(this.#open.cwd));
  }

  /** The last element of the path, as a relative URL. */
  getName(options?: CallOptions): Promise<URL> {
    return this.#perform('getName', options, () => Promise.resolve(relativeUrl(nameOf(this.#open.path))));
  }

  /** Whether it is a directory; a link to one is none. */
  isDir(options?: CallOptions): Promise<boolean> {
    return this.#perform('isDir', options, async (call) => (await kindOf(this.#open, call)) === 'directory');
  }

  /** Whether it is neither a directory nor a link. */
  isEntry(options?: CallOptions): Promise<boolean> {
    return this.#perform('isEntry', options, async (call) => isLeaf(await kindOf(this.#open, call)));
  }

  isLink(options?: CallOptions): Promise<boolean> {
    return this.#perform('isLink', options, async (call) => (await kindOf(this.#open, call)) === 'link');
  }

  /**
   * What the link leads to, one step.
   * @throws IncorrectState when it is no link.
   */
  readLink(options?: CallOptions): Promise<URL> {
    return this.#perform('readLink', options, async (call) => {
      return urlAt(this.#open.url, await linkTarget(this.#open, call));
    });
  }

  /**
   * Copies the entry to the target, or into it when that is a directory. Of a link, what it leads to is copied; links in a
   * directory are copied as links. A copy that fails or is aborted leaves no half of a file.
   * @param flags - Overwrite, Recursive, CreateParents, Dereference; default None.
   * @throws BadParameter for a directory without Recursive, and the other way round, and for a copy into itself;
   * AlreadyExists for a target that is there, without Overwrite; DoesNotExist when the directory of the target is missing,
   * without CreateParents; IncorrectState for a link that leads nowhere.
   */
  copy(target: UrlLike, flags?: number, options?: TransferOptions): Promise<void> {
    return this.#perform('copy', options, (call) => copyTo(this.#open, ITSELF, target, flags, call));
  }

  /**
   * Makes a link at the target, or in it when that is a directory, that leads to the entry. With Recursive, directories are
   * made as in this one, with links to all that is in them.
   * @param flags - Overwrite, Recursive, CreateParents, Dereference; default None.
   * @throws IncorrectURL for a target in another service; else as `copy`.
   */
  link(target: UrlLike, flags?: number, options?: CallOptions): Promise<void> {
    return this.#perform('link', options, (call) => linkTo(this.#open, ITSELF, target, flags, call));
  }

  /**
   * Moves the entry to the target, or into it when that is a directory; the object goes with it.
   * @param flags - Overwrite, Recursive, CreateParents, Dereference; default None.
   * @throws as `copy`.
   */
  move(target: UrlLike, flags?: number, options?: TransferOptions): Promise<void> {
    return this.#perform('move', options, (call) => moveTo(this.#open, ITSELF, target, flags, call));
  }

  /**
   * Removes the entry, and closes the object.
   * @param flags - Recursive, which a directory wants, and Dereference; default None.
   * @throws BadParameter for a directory without Recursive, and the other way round; IncorrectState the second time.
   */
  async remove(flags?: number, options?: CallOptions): Promise<void> {
    await this.#perform('remove', options, (call) => removeAll(this.#open, ITSELF, flags, call));
    await this.#open.close();
  }

  /**
   * Frees the lock and the connection; every other call is refused from now on. May be repeated.
   * @param timeout - Seconds to wait for calls under way, which go on; default 0.
   */
  close(timeout?: number, options?: CallOptions): Promise<void> {
    return this.#open.close(timeout, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open.close();
  }

  /**
   * @param flags - Recursive, for a directory with all in it but links, and Dereference; default None.
   * @throws BadParameter for an unknown id, and where the backend cannot keep the permission; PermissionDenied.
   */
  permissionsAllow(id: string, perm: number, flags?: number, options?: CallOptions): Promise<void> {
    return this.#perform('permissionsAllow', options, (call) => {
      return changePermissions(this.#open, ITSELF, { change: 'allow', id, perm, flags }, call);
    });
  }

  permissionsDeny(id: string, perm: number, flags?: number, options?: CallOptions): Promise<void> {
    return this.#perform('permissionsDeny', options, (call) => {
      return changePermissions(this.#open, ITSELF, { change: 'deny', id, perm, flags }, call);
    });
  }

  permissionsCheck(id: string, perm: number, options?: CallOptions): Promise<boolean> {
    return this.#perform('permissionsCheck', options, async (call) => {
      demandBits(perm);
      return this.#open.service.permits(this.#open.path, parsePermissionId(id), perm, call);
    });
  }

  getOwner(options?: CallOptions): Promise<string> {
    return this.#perform('getOwner', options, async (call) => {
      const { user } = await this.#open.service.owner(this.#open.path, call);
      return `user-${user}`;
    });
  }

  getGroup(options?: CallOptions): Promise<string> {
    return this.#perform('getGroup', options, async (call) => {
      const { group } = await this.#open.service.owner(this.#open.path, call);
      return group === '' ? '' : `group-${group}`;
    });
  }

  /** The URL, without a password. */
  toJSON(): { url: string } {
    return { url: this.#open.url.toString() };
  }

  #perform<T>(method: string, options: CallOptions | undefined, run: (call: Call) => Promise<T>): Promise<T> {
    return this.#open.perform(this, method, options, run);
  }
}

/** @internal What an entry is open on: for the classes that derive from it. */
export function openEntryOf(entry: NSEntry): OpenEntry {
  return openOf(entry);
}

/** @internal Opens what a directory names, which is no directory. */
export async function openFrom(
  directory: OpenEntry,
  name: UrlLike,
  flags?: number,
  options?: CallOptions,
): Promise<NSEntry> {
  return made(await openEntry({ ...ENTRY, opens: 'file' }, name, flags, options, directory));
}

asynchronous(NSEntry);
inspectable(NSEntry);
