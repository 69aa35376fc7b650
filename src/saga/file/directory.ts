/** Directories of files (GFD.90 section 4.3). */
import { asynchronous, type Tasks } from '../core/call-modes.js';
import type { CallOptions, CreateOptions } from '../core/call-options.js';
import { BadParameter, DoesNotExist, IncorrectState } from '../core/exceptions.js';
import { encodeNative } from '../core/native-string.js';
import { ObjectType } from '../core/object.js';
import type { UrlLike } from '../core/url.js';
import { type Call, FOLLOW, NO_FOLLOW } from '../engine/entry-service.js';
import { checkedFlags, Flags, has } from '../namespace/flags.js';
import { closing, type NamedLocation } from '../namespace/location.js';
import { NSDirectory } from '../namespace/ns-directory.js';
import { openEntryOf } from '../namespace/ns-entry.js';
import type { OpenEntry } from '../namespace/open-entry.js';
import { OPEN_FLAGS, openEntry, type Opening } from '../namespace/opening.js';
import { type File, openFile } from './file.js';

const DIRECTORY: Opening = { type: 'directory', opens: 'directory', flags: OPEN_FLAGS, defaults: Flags.Read };

let made: (open: OpenEntry) => Directory;

/**
 * An open directory whose entries are files.
 *
 * ```ts
 * await using dir = await saga.Directory.create('file:///home/me/run-7/');
 * await using log = await dir.open('steps.log', saga.Flags.Write | saga.Flags.Create);
 * ```
 */
export class Directory extends NSDirectory {
  declare readonly async: Tasks<Directory>;
  declare readonly task: Tasks<Directory>;

  static {
    made = (open) => new Directory(open);
  }

  /**
   * Opens a directory.
   * @param flags - Create, Exclusive, CreateParents, Lock, and Read, Write or ReadWrite, which mean nothing here; default Read.
   * @throws BadParameter when it is no directory; else as `NSEntry.create`.
   */
  static override async create(name: UrlLike, flags?: number, options?: CreateOptions): Promise<Directory> {
    return made(await openEntry(DIRECTORY, name, flags, options));
  }

  override getType(): ObjectType {
    return ObjectType.Directory;
  }

  /**
   * The size of a file in bytes.
   * @param flags - Dereference: of what the link leads to; without it that of the link, the length of its text. Default None.
   * @throws DoesNotExist when it is missing; BadParameter for a directory, and for Dereference on what is no link;
   * IncorrectState for a link that leads nowhere.
   */
  getSize(name: UrlLike, flags?: number, options?: CallOptions): Promise<number> {
    const open = openEntryOf(this);
    return open.perform(this, 'getSize', options, async (call) => {
      const given = checkedFlags(flags, Flags.Dereference, call.operation);
      const place = await open.locate(name, call);
      return closing(place, sizeOf(place, has(given, Flags.Dereference), call));
    });
  }

  /** As `isEntry`. */
  isFile(name: UrlLike, options?: CallOptions): Promise<boolean> {
    return this.isEntry(name, options);
  }

  /**
   * Opens a directory.
   * @param flags - As for `create`.
   */
  override openDir(name: UrlLike, flags?: number, options?: CallOptions): Promise<Directory> {
    const open = openEntryOf(this);
    return open.perform(this, 'openDir', options, async () => {
      return made(await openEntry(DIRECTORY, name, flags, options, open));
    });
  }

  /**
   * Opens a file.
   * @param flags - As for `File.create`; default Read.
   */
  override open(name: UrlLike, flags?: number, options?: CallOptions): Promise<File> {
    const open = openEntryOf(this);
    return open.perform(this, 'open', options, () => openFile(name, flags, options, open));
  }
}

async function sizeOf({ service, path, url: named }: NamedLocation, follow: boolean, call: Call): Promise<number> {
  const url = named.toString();
  const entry = await service.stat(path, NO_FOLLOW, call);
  if (!entry) throw new DoesNotExist(`${url} does not exist`, { url });
  if (follow && entry.kind !== 'link') {
    throw new BadParameter(`${url} is no link; leave out the flag Dereference`, { url });
  }
  if (entry.kind === 'link' && !follow) return encodeNative(await service.readLink(path, call)).length;
  const there = follow ? await service.stat(path, FOLLOW, call) : entry;
  if (!there) throw new IncorrectState(`${url} is a link that leads nowhere`, { url });
  if (there.kind === 'directory') throw new BadParameter(`${url} is a directory, which has no size`, { url });
  return there.size;
}

asynchronous(Directory);
