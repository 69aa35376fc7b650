/**
 * What an adaptor of name spaces and files implements. Two methods make a readable service, `stat` and `openRead`; each
 * further capability is a small interface of its own. What is missing the engine derives, or refuses by name: a copy is
 * read and write, a move is copy and remove, recursion is list.
 *
 * A path is the decoded path of the URL: absolute, without `.` and `..`, without a slash at its end (but for `/`). It is a
 * native string (core/native-string.ts), in which every byte string has a form. Entries are never followed when they are
 * links, unless the method says so. What is not there is DoesNotExist, but for `stat`.
 *
 * `connect` gets the URL of the service: scheme, user, host and port with the path `/`.
 */
import type { CallOptions } from '../core/call-options.js';
import type { PermissionId } from '../core/permissions.js';

/** `other`: devices, sockets and pipes, which have a name and nothing more that SAGA could reach. */
export type EntryKind = 'file' | 'directory' | 'link' | 'other';

/** What is known of an entry. Absent fields are unknown. */
export interface EntryStat {
  readonly kind: EntryKind;
  /** Bytes; 0 for what has no content. */
  readonly size: number;
  readonly modified?: Date;
  /** The POSIX permission bits. */
  readonly mode?: number;
  /** The same text for the same entry under another name (hard link, mount), and for no other. */
  readonly identity?: string;
}

export interface ListedEntry {
  readonly name: string;
  readonly kind: EntryKind;
}

/** `namespace.stat`: required of every service. */
export interface EntryLookup {
  /**
   * @param follow - What the link leads to, at the end of all links, in place of the link.
   * @returns undefined when there is no such entry, a parent is missing or no directory, or a followed link leads nowhere.
   */
  stat(path: string, follow: boolean, options: CallOptions): Promise<EntryStat | undefined>;
}

/** `namespace.list`. */
export interface EntryList {
  /**
   * The entries of a directory in batches as they come, without `.` and `..`, in any order and in bounded memory. Who stops
   * early calls `return`. A link to a directory in the place of `path` is followed only with `follow`, else BadParameter.
   */
  list(path: string, follow: boolean, options: CallOptions): AsyncIterable<readonly ListedEntry[]>;
}

/** `namespace.write`: directories are made, and entries removed. */
export interface EntryChange {
  /** @throws AlreadyExists for any entry of that name; DoesNotExist when the parent is missing. */
  makeDir(path: string, options: CallOptions): Promise<void>;
  /** Removes an empty directory. @throws IncorrectState when it is not empty. */
  removeDir(path: string, options: CallOptions): Promise<void>;
  /** Removes what is no directory; of a link, the link. @throws BadParameter for a directory. */
  remove(path: string, options: CallOptions): Promise<void>;
}

/** `namespace.link`: symbolic links. */
export interface EntryLink {
  /** The text of the link, a path: one that begins without a slash is relative to the directory of the link. */
  readLink(path: string, options: CallOptions): Promise<string>;
  /** Makes a link at `path`. @throws AlreadyExists for any entry of that name. */
  makeLink(path: string, text: string, options: CallOptions): Promise<void>;
}

/** `namespace.rename`. */
export interface EntryRename {
  /**
   * Gives an entry another name, in one step: at each instant the target is the old one or the new one.
   * @param overwrite - Replace a target that is no directory.
   * @throws AlreadyExists for a target that may not be replaced; NotImplemented when the two places lie on different
   * devices, and so on: the engine then copies and removes.
   */
  rename(source: string, target: string, overwrite: boolean, options: CallOptions): Promise<void>;
}

/** `namespace.permissions`. Links are followed. */
export interface EntryPermissions {
  /** The names of the owner and the owning group; the group is empty where there are none. */
  owner(path: string, options: CallOptions): Promise<{ user: string; group: string }>;
  /** Whether all bits of `perm` are granted. @throws BadParameter for an unknown id. */
  permits(path: string, id: PermissionId, perm: number, options: CallOptions): Promise<boolean>;
  /** @throws BadParameter for an unknown id, or one that the backend cannot tell apart; PermissionDenied. */
  allow(path: string, id: PermissionId, perm: number, options: CallOptions): Promise<void>;
  deny(path: string, id: PermissionId, perm: number, options: CallOptions): Promise<void>;
}

/** `namespace.lock`: advisory locks that die with their holder. */
export interface EntryLock {
  /** @returns what frees the lock. @throws NoSuccess when it is held, naming the holder where that is known. */
  lock(path: string, options: CallOptions): Promise<() => Promise<void>>;
}

/** `namespace.metadata`: what a copy keeps of its source when it is asked to. */
export interface EntryMetadata {
  setMetadata(path: string, metadata: Pick<EntryStat, 'mode' | 'modified'>, options: CallOptions): Promise<void>;
}

/** A file that is open for reading. Reads are positioned and may be under way side by side. */
export interface ReadableFile {
  /** Fills `into` from its start. @returns the bytes read: fewer than fit where that is natural, 0 at the end alone. */
  read(into: Uint8Array, position: number, options: CallOptions): Promise<number>;
  /** May be repeated. */
  close(): Promise<void>;
}

/** A file that is open for writing. */
export interface WritableFile {
  /** Writes all of `from`; what lies between the end and `position` becomes null bytes. */
  write(from: Uint8Array, position: number, options: CallOptions): Promise<void>;
  /** Resolves when what was written is there for others. May be repeated. */
  close(): Promise<void>;
}

/** `file.read`. Links are followed. */
export interface FileRead {
  /** @throws BadParameter for a directory. */
  openRead(path: string, options: CallOptions): Promise<ReadableFile>;
}

/** How a file is opened for writing. */
export interface WriteMode {
  /** Make it when it is missing; else DoesNotExist. */
  readonly create?: boolean;
  /** With `create`: it must be new, and no link of that name is followed; else AlreadyExists. */
  readonly exclusive?: boolean;
  /** Cut it to length 0. */
  readonly truncate?: boolean;
}

/** `file.write`. Links are followed. */
export interface FileWrite {
  /** @throws BadParameter for a directory. */
  openWrite(path: string, mode: WriteMode, options: CallOptions): Promise<WritableFile>;
}

/** `file.readWrite`: one open file for both. */
export interface FileReadWrite {
  openReadWrite(path: string, mode: WriteMode, options: CallOptions): Promise<ReadableFile & WritableFile>;
}

/** What a copy inside a service is asked for. */
export interface CopyMode {
  /** Replace files that are there; else AlreadyExists. Directories are merged, and never replaced by files. */
  readonly overwrite: boolean;
  /** Keep the permission bits and times of the source; else the copy has at most those bits that a new file gets (umask). */
  readonly preserve: boolean;
}

/** `file.serverCopy`: one file copied inside the service, faster than through the client. */
export interface FileServerCopy {
  /**
   * Copies the content of a file; a link in the place of `source` is followed. The target is complete or as it was, whatever
   * fails and whoever is killed. Heeds `signal` and reports bytes to `onProgress`, of which file by its path in `source`'s service.
   */
  copyFile(source: string, target: string, mode: CopyMode, options: CallOptions): Promise<void>;
}

/**
 * `file.tree`: whole trees at once. Links in a tree are links: they are copied and removed themselves, and never followed,
 * even when somebody puts one in the place of a directory while it is being worked on.
 */
export interface FileTree {
  /**
   * Makes `target` a copy of the directory `source`; merges into a directory that is there, when `overwrite` is given. Each
   * file is complete or as it was; when it fails or is aborted, a target that was not there is not there.
   */
  copyTree(source: string, target: string, mode: CopyMode, options: CallOptions): Promise<void>;
  /** Removes the entry and everything beneath it. */
  removeTree(path: string, options: CallOptions): Promise<void>;
}
