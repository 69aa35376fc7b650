/** A directory of a name space (GFD.90 section 4.2.5). */
import { asynchronous, type Tasks } from '../core/call-modes.js';
import type { CallOptions, CreateOptions } from '../core/call-options.js';
import { BadParameter, DoesNotExist } from '../core/exceptions.js';
import { ObjectType } from '../core/object.js';
import { entriesOf, type URL, type UrlLike } from '../core/url.js';
import { type Call, FOLLOW, NO_FOLLOW } from '../engine/entry-service.js';
import type { EntryKind } from '../spi/file.js';
import type { TransferOptions } from './copying.js';
import { createDirectory, requireDirectory } from './directories.js';
import { checkedFlags, Flags } from './flags.js';
import { isLeaf, kindOf } from './kinds.js';
import { linkTarget } from './links.js';
import { find, list, relativeUrl } from './listing.js';
import { type Location, closing, type NamedLocation, urlAt } from './location.js';
import { NSEntry, openEntryOf, openFrom } from './ns-entry.js';
import type { OpenEntry } from './open-entry.js';
import { OPEN_FLAGS, openEntry, type Opening } from './opening.js';
import { copyTo, ITSELF, linkTo, moveTo, removeAll } from './operations.js';
import { isName, splitOptions } from './overloads.js';
import { changePermissions, type PermissionChange } from './permission-changes.js';

const DIRECTORY: Opening = { type: 'ns_directory', opens: 'directory', flags: OPEN_FLAGS };

let made: (open: OpenEntry) => NSDirectory;

/** An entry of a directory as it is met. */
export interface DirectoryEntry {
  readonly name: string;
  readonly url: URL;
  readonly kind: EntryKind;
}

/**
 * An open directory. Names are relative to it. In the strings that `list`, `copy`, `link`, `move`, `remove`,
 * `permissionsAllow` and `permissionsDeny` take for entries of it, `*`, `?`, `[a-z]`, `[!a]` and `{a,b}` are wildcards;
 * in a URL object they are not.
 *
 * ```ts
 * await using dir = await saga.NSDirectory.create('file:///home/me/run-7/');
 * await dir.copy('*.dat', 'out/', saga.Flags.CreateParents);
 * for await (const { name, kind } of dir) console.log(kind, name);
 * ```
 */
export class NSDirectory extends NSEntry {
  declare readonly async: Tasks<NSDirectory>;
  declare readonly task: Tasks<NSDirectory>;
  /** The names that `getEntry` counts, as they were when it was last asked for the first one, or for their number. */
  #counted: readonly string[] | undefined;

  static {
    made = (open) => new NSDirectory(open);
  }

  /**
   * Opens a directory.
   * @param flags - Create, Exclusive, CreateParents, Lock; default None.
   * @throws BadParameter when it is no directory; else as `NSEntry.create`.
   */
  static override async create(name: UrlLike, flags?: number, options?: CreateOptions): Promise<NSDirectory> {
    return made(await openEntry(DIRECTORY, name, flags, options));
  }

  override getType(): ObjectType {
    return ObjectType.NSDirectory;
  }

  /**
   * From now on the object is another directory.
   * @throws DoesNotExist when that is missing, BadParameter when it is none.
   */
  changeDir(dir: UrlLike, options?: CallOptions): Promise<void> {
    return this.#perform('changeDir', options, async (open, call) => {
      const place = await open.locate(dir, call);
      const url = urlAt(place.url, place.path === '/' ? '/' : `${place.path}/`);
      await closing(
        place,
        requireDirectory(place, call).then(() => open.moveTo({ ...place, url, service: place.service.share() })),
      );
      this.#counted = undefined;
    });
  }

  /**
   * The names in the directory, in the one that the pattern names, or those that match it.
   * @param namePattern - Default all.
   * @param flags - With Dereference, links appear by the names of what they lead to; default None.
   * @returns bare names, or paths relative to this directory; URLs for what is not beneath it. In no order.
   * @throws DoesNotExist for a name without wildcards that is missing; BadParameter for a malformed pattern.
   */
  list(namePattern?: string, flags?: number, options?: CallOptions): Promise<URL[]> {
    return this.#perform('list', options, (open, call) => list(open, demandText(namePattern ?? ''), flags, call));
  }

  /**
   * The entries in this directory and those beneath it whose names match.
   * @param namePattern - For the last element of the path; with a slash in it, for the path relative to this directory.
   * @param flags - Recursive; Dereference follows links to directories. Default Recursive.
   * @returns paths relative to this directory, in no order.
   * @throws PermissionDenied naming a directory that can't be read.
   */
  find(namePattern: string, flags?: number, options?: CallOptions): Promise<URL[]> {
    return this.#perform('find', options, (open, call) => find(open, demandText(namePattern), flags, call));
  }

  /** Whether there is an entry of that name, and be it a link that leads nowhere. */
  exists(name: UrlLike, options?: CallOptions): Promise<boolean> {
    return this.#at('exists', name, options, async ({ service, path }, call) => {
      return (await service.stat(path, NO_FOLLOW, call)) !== undefined;
    });
  }

  override isDir(options?: CallOptions): Promise<boolean>;
  override isDir(name: UrlLike, options?: CallOptions): Promise<boolean>;
  override isDir(...args: unknown[]): Promise<boolean> {
    return this.#kindIs('isDir', args, (kind) => kind === 'directory');
  }

  override isEntry(options?: CallOptions): Promise<boolean>;
  override isEntry(name: UrlLike, options?: CallOptions): Promise<boolean>;
  override isEntry(...args: unknown[]): Promise<boolean> {
    return this.#kindIs('isEntry', args, isLeaf);
  }

  override isLink(options?: CallOptions): Promise<boolean>;
  override isLink(name: UrlLike, options?: CallOptions): Promise<boolean>;
  override isLink(...args: unknown[]): Promise<boolean> {
    return this.#kindIs('isLink', args, (kind) => kind === 'link');
  }

  override readLink(options?: CallOptions): Promise<URL>;
  override readLink(name: UrlLike, options?: CallOptions): Promise<URL>;
  override readLink(...args: unknown[]): Promise<URL> {
    return this.#named('readLink', args, async (link, call) => urlAt(link.url, await linkTarget(link, call)));
  }

  /** How many entries are in the directory. */
  getNumEntries(options?: CallOptions): Promise<number> {
    return this.#perform('getNumEntries', options, async (open, call) => (await this.#count(open, call)).length);
  }

  /**
   * One of the entries, as a relative URL. They are counted anew when the first one or their number is asked for.
   * @param entry - From 0.
   * @throws DoesNotExist when there are not that many.
   */
  getEntry(entry: number, options?: CallOptions): Promise<URL> {
    return this.#perform('getEntry', options, async (open, call) => {
      const names = entry === 0 ? await this.#count(open, call) : (this.#counted ?? (await this.#count(open, call)));
      const name = Number.isInteger(entry) ? names[entry] : undefined;
      if (name !== undefined) return relativeUrl(name);
      const url = open.url.toString();
      throw new DoesNotExist(`${url} has no entry ${String(entry)}: there are ${names.length}, counted from 0`, {
        url,
      });
    });
  }

  override copy(target: UrlLike, flags?: number, options?: TransferOptions): Promise<void>;
  override copy(source: UrlLike, target: UrlLike, flags?: number, options?: TransferOptions): Promise<void>;
  override copy(...args: unknown[]): Promise<void> {
    return this.#transfer('copy', copyTo, args);
  }

  override link(target: UrlLike, flags?: number, options?: CallOptions): Promise<void>;
  override link(source: UrlLike, target: UrlLike, flags?: number, options?: CallOptions): Promise<void>;
  override link(...args: unknown[]): Promise<void> {
    return this.#transfer('link', linkTo, args);
  }

  override move(target: UrlLike, flags?: number, options?: TransferOptions): Promise<void>;
  override move(source: UrlLike, target: UrlLike, flags?: number, options?: TransferOptions): Promise<void>;
  override move(...args: unknown[]): Promise<void> {
    return this.#transfer('move', moveTo, args);
  }

  override remove(flags?: number, options?: CallOptions): Promise<void>;
  override remove(target: UrlLike, flags?: number, options?: CallOptions): Promise<void>;
  override remove(...args: unknown[]): Promise<void> {
    const { values, options } = splitOptions(args);
    const [first, flags] = values;
    if (!isName(first)) return super.remove(first as number | undefined, options);
    return this.#perform('remove', options, (open, call) => removeAll(open, first, flags as number | undefined, call));
  }

  /**
   * Makes a directory; one that is there already is as good.
   * @param flags - CreateParents, Exclusive; default None.
   * @throws AlreadyExists with Exclusive, and for any other entry of that name; DoesNotExist when the parent is missing.
   */
  makeDir(target: UrlLike, flags?: number, options?: CallOptions): Promise<void> {
    return this.#at('makeDir', target, options, async (place, call) => {
      const given = checkedFlags(flags, Flags.CreateParents | Flags.Exclusive, call.operation);
      await createDirectory(place, given, call);
    });
  }

  /**
   * Opens an entry that is no directory.
   * @param flags - Create, Exclusive, CreateParents, Lock; default None.
   * @throws BadParameter for a directory; else as `NSEntry.create`.
   */
  open(name: UrlLike, flags?: number, options?: CallOptions): Promise<NSEntry> {
    return this.#perform('open', options, (open) => openFrom(open, name, flags, options));
  }

  /**
   * Opens a directory.
   * @param flags - Create, Exclusive, CreateParents, Lock; default None.
   * @throws BadParameter when it is no directory; else as `NSEntry.create`.
   */
  openDir(name: UrlLike, flags?: number, options?: CallOptions): Promise<NSDirectory> {
    return this.#perform('openDir', options, async (open) => {
      return made(await openEntry(DIRECTORY, name, flags, options, open));
    });
  }

  override permissionsAllow(id: string, perm: number, flags?: number, options?: CallOptions): Promise<void>;
  override permissionsAllow(
    target: UrlLike,
    id: string,
    perm: number,
    flags?: number,
    options?: CallOptions,
  ): Promise<void>;
  override permissionsAllow(...args: unknown[]): Promise<void> {
    return this.#changePermissions('permissionsAllow', 'allow', args);
  }

  override permissionsDeny(id: string, perm: number, flags?: number, options?: CallOptions): Promise<void>;
  override permissionsDeny(
    target: UrlLike,
    id: string,
    perm: number,
    flags?: number,
    options?: CallOptions,
  ): Promise<void>;
  override permissionsDeny(...args: unknown[]): Promise<void> {
    return this.#changePermissions('permissionsDeny', 'deny', args);
  }

  /** The entries one by one as the service tells them, in bounded memory. */
  async *[Symbol.asyncIterator](): AsyncGenerator<DirectoryEntry, void> {
    const open = openEntryOf(this);
    const { url, path } = open;
    const call = await open.perform(this, 'list', undefined, (started) => Promise.resolve(started));
    const urlOf = entriesOf(url, path);
    // It goes on when the object is closed meanwhile, as every call does.
    const service = open.service.share();
    try {
      for await (const batch of service.list(path, FOLLOW, call)) {
        for (const { name, kind } of batch) yield { name, url: urlOf(name), kind };
      }
    } finally {
      await service.close();
    }
  }

  async #count(open: OpenEntry, call: Call): Promise<readonly string[]> {
    const names: string[] = [];
    for await (const batch of open.service.list(open.path, FOLLOW, call)) {
      for (const { name } of batch) names.push(name);
    }
    return (this.#counted = names);
  }

  #perform<T>(
    method: string,
    options: CallOptions | undefined,
    run: (open: OpenEntry, call: Call) => Promise<T>,
  ): Promise<T> {
    const open = openEntryOf(this);
    return open.perform(this, method, options, (call) => run(open, call));
  }

  /** Runs a call on the entry of that name. */
  #at<T>(
    method: string,
    name: UrlLike,
    options: CallOptions | undefined,
    run: (place: NamedLocation, call: Call) => Promise<T>,
  ): Promise<T> {
    return this.#perform(method, options, async (open, call) => {
      const place = await open.locate(name, call);
      return closing(place, run(place, call));
    });
  }

  /** The same where the name may be left out, for the directory itself. */
  #named<T>(method: string, args: unknown[], run: (place: NamedLocation, call: Call) => Promise<T>): Promise<T> {
    const { values, options } = splitOptions(args);
    const [name] = values;
    if (isName(name)) return this.#at(method, name, options, run);
    return this.#perform(method, options, (open, call) => run(open, call));
  }

  #kindIs(method: string, args: unknown[], fits: (kind: EntryKind) => boolean): Promise<boolean> {
    return this.#named(method, args, async (place: Location, call) => fits(await kindOf(place, call)));
  }

  /** `(target, flags)` or `(source, target, flags)`: a second argument that is a number or missing means the first form. */
  #transfer(method: string, transfer: typeof copyTo, args: unknown[]): Promise<void> {
    const { values, options } = splitOptions(args);
    const [first, second, third] = values as [UrlLike, unknown, number | undefined];
    return this.#perform(method, options, (open, call) =>
      isName(second)
        ? transfer(open, first, second, third, call)
        : transfer(open, ITSELF, first, second as number | undefined, call),
    );
  }

  /** `(id, perm, flags)` or `(target, id, perm, flags)`: a second argument that is a number means the first form. */
  #changePermissions(method: string, change: PermissionChange['change'], args: unknown[]): Promise<void> {
    const { values, options } = splitOptions(args);
    const target = typeof values[1] === 'number' ? ITSELF : (values[0] as UrlLike);
    const [id, perm, flags] = (target === ITSELF ? values : values.slice(1)) as [string, number, number | undefined];
    return this.#perform(method, options, (open, call) =>
      changePermissions(open, target, { change, id, perm, flags }, call),
    );
  }
}

/** For callers without types. */
function demandText(pattern: unknown): string {
  if (typeof pattern === 'string') return pattern;
  throw new BadParameter('a pattern is a string; names of URL objects hold no wildcards');
}

asynchronous(NSDirectory);
