/** Opening entries (GFD.90 section 4.2, `open` and `open_dir`): found, made where that is asked for, locked. */
import type { CreateOptions } from '../core/call-options.js';
import { throwIfAborted } from '../core/call-options.js';
import { AlreadyExists, BadParameter, DoesNotExist } from '../core/exceptions.js';
import { defaultSession } from '../core/session.js';
import type { UrlLike } from '../core/url.js';
import { type Call, FOLLOW, NO_FOLLOW, WRITE } from '../engine/entry-service.js';
import { makeDirectory, makeParents, requireParent } from './directories.js';
import { checkedFlags, Flags, has } from './flags.js';
import { type Location, locate, type NamedLocation, urlAt } from './location.js';
import { OpenEntry } from './open-entry.js';

/** What a class opens, and how. */
export interface Opening {
  /** SAGA's name of the class, for messages: `ns_entry`. */
  readonly type: string;
  /** `any`: whatever has the name. */
  readonly opens: 'any' | 'file' | 'directory';
  /** The flags that it takes. */
  readonly flags: number;
  /** The flags when none are given; default None. */
  readonly defaults?: number;
}

/** The flags of every opening. */
export const OPEN_FLAGS: number =
  Flags.Create | Flags.Exclusive | Flags.Lock | Flags.CreateParents | Flags.ReadWrite | Flags.Dereference;

/**
 * Opens an entry by its name.
 * @param from - The directory that the name is relative to.
 * @throws DoesNotExist when it is missing, and its parent even with Create; AlreadyExists with Create and Exclusive;
 * BadParameter for a directory where a file is wanted and the other way round, and for a lock where there are none;
 * NoSuccess when somebody else has the lock.
 */
export async function openEntry(
  opening: Opening,
  name: UrlLike,
  given: number | undefined,
  options?: CreateOptions,
  from?: OpenEntry,
): Promise<OpenEntry> {
  const call: Call = from
    ? { operation: `${from.type}.${opening.opens === 'directory' ? 'openDir' : 'open'}`, options }
    : { operation: `${opening.type}.create`, options };
  throwIfAborted(options, call.operation);
  const flags = checkedFlags(given, opening.flags, call.operation, opening.defaults);
  const session = options?.session ?? from?.session ?? defaultSession();
  const place = await (from ? from.locate(name, call) : locate(name, session, call));
  const entry = new OpenEntry(opening.type, named(place, opening), session);
  try {
    await find(entry, opening, flags, call);
    if (has(flags, Flags.Lock)) await lock(entry, call);
    return entry;
  } catch (error) {
    await entry.close();
    throw error;
  }
}

/** The URL of a directory ends with a slash, that of anything else does not, however it was named. */
function named({ url, path, service }: NamedLocation, { opens }: Opening): NamedLocation {
  const shown = opens === 'directory' && path !== '/' ? `${path}/` : path;
  return { url: urlAt(url, shown), path, service };
}

async function find(entry: OpenEntry, { opens }: Opening, flags: number, call: Call): Promise<void> {
  const { service, path } = entry;
  const url = entry.url.toString();
  // Links are followed to their end; one that leads nowhere is itself an entry.
  const there = (await service.stat(path, FOLLOW, call)) ?? (await service.stat(path, NO_FOLLOW, call));
  const missing = there === undefined || (there.kind === 'link' && opens !== 'any');
  if (there && has(flags, Flags.Create) && has(flags, Flags.Exclusive)) {
    throw new AlreadyExists(`${url} exists already; leave out Exclusive to open it`, { url });
  }
  if (missing) {
    if (has(flags, Flags.Create)) return make(entry, opens, flags, call);
    const reason = there ? 'is a link that leads nowhere' : 'does not exist';
    throw new DoesNotExist(`${url} ${reason}; the flag Create makes it`, { url });
  }
  if (opens === 'directory' && there.kind !== 'directory') {
    throw new BadParameter(`${url} is no directory; open it as an entry or a file`, { url });
  }
  if (opens === 'file' && there.kind === 'directory') {
    throw new BadParameter(`${url} is a directory; open it with openDir`, { url });
  }
}

async function make(entry: Location, opens: Opening['opens'], flags: number, call: Call): Promise<void> {
  const { service, path } = entry;
  if (has(flags, Flags.CreateParents)) await makeParents(entry, call);
  const exclusive = has(flags, Flags.Exclusive);
  try {
    if (opens !== 'directory') {
      const file = await service.openFile(path, WRITE, { create: true, exclusive }, call);
      await file.close(call);
    } else await (exclusive ? service.makeDir(path, call) : makeDirectory(entry, FOLLOW, call));
  } catch (error) {
    // Mostly that is what is wrong, and it has an advice.
    await requireParent(entry, call);
    throw error;
  }
}

async function lock(entry: OpenEntry, call: Call): Promise<void> {
  const { service, path } = entry;
  if (!service.offers('namespace.lock')) {
    throw new BadParameter(`${service.url.toString()} has no locks; open without the flag Lock`, {
      adaptor: service.adaptor,
    });
  }
  entry.onClose(await service.lock(path, call));
}
