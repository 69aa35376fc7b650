/** A service of entries, files and directories: the calls of its adaptor, each with its capability and what is known of it. */
import type { CallOptions } from '../core/call-options.js';
import { NoSuccess } from '../core/exceptions.js';
import type { PermissionId } from '../core/permissions.js';
import type { URL } from '../core/url.js';
import type { Capabilities, Capability } from '../spi/adaptor.js';
import type { CopyMode, EntryStat, ListedEntry, WriteMode } from '../spi/file.js';
import type { Binding, CallKind } from './binding.js';
import { type Access, type FileHandles, openHandles } from './file-handles.js';

/** The call of the application that an adaptor is asked for. */
export interface Call {
  /** For example `ns_entry.copy`; shown in errors and traces. */
  readonly operation: string;
  readonly options?: CallOptions | undefined;
}

/** What follows links, and what takes a link for what it is. */
export const FOLLOW = true;
export const NO_FOLLOW = false;

/** What a file is opened for. */
export const READ: Access = { read: true, write: false };
export const WRITE: Access = { read: false, write: true };

type Kind = Omit<CallKind, 'operation' | 'path'>;
const REPEATABLE: Kind = { repeatable: true };
const ONCE: Kind = {};
const TRANSFER: Kind = { transfer: true };

/** Paths are as in spi/file.ts, and so is what the methods throw. */
export class EntryService {
  readonly #binding: Binding;

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  /** Its URL in the one form that all its entries share. */
  get url(): URL {
    return this.#binding.url;
  }

  get adaptor(): string {
    return this.#binding.manifest.name;
  }

  offers(capability: Capability): boolean {
    return this.#binding.offers(capability);
  }

  /** Whether a path means the same entry there as here. */
  isSameAs(other: EntryService): boolean {
    return this.adaptor === other.adaptor && this.url.getEscaped() === other.url.getEscaped();
  }

  /** Another hold on the same connection. */
  share(): EntryService {
    return new EntryService(this.#binding.share());
  }

  /** May be repeated. */
  close(): Promise<void> {
    return this.#binding.close();
  }

  stat(path: string, follow: boolean, call: Call): Promise<EntryStat | undefined> {
    return this.#call('namespace.stat', REPEATABLE, path, call, (adaptor, o) => adaptor.stat(path, follow, o));
  }

  /** @throws NoSuccess when the service tells what can be no name: what is copied from it could land anywhere. */
  async *list(
    path: string,
    follow: boolean,
    { operation, options }: Call,
  ): AsyncGenerator<readonly ListedEntry[], void> {
    const kind = { operation, path };
    for await (const batch of this.#binding.iterate(
      'namespace.list',
      kind,
      (a, o) => a.list(path, follow, o),
      options,
    )) {
      const wrong = batch.find(({ name }) => !isName(name));
      if (wrong)
        throw new NoSuccess(`the service lists ${JSON.stringify(wrong.name)} in ${path}, which is no name`, kind);
      yield batch;
    }
  }

  makeDir(path: string, call: Call): Promise<void> {
    return this.#call('namespace.write', ONCE, path, call, (adaptor, o) => adaptor.makeDir(path, o));
  }

  removeDir(path: string, call: Call): Promise<void> {
    return this.#call('namespace.write', ONCE, path, call, (adaptor, o) => adaptor.removeDir(path, o));
  }

  remove(path: string, call: Call): Promise<void> {
    return this.#call('namespace.write', ONCE, path, call, (adaptor, o) => adaptor.remove(path, o));
  }

  readLink(path: string, call: Call): Promise<string> {
    return this.#call('namespace.link', REPEATABLE, path, call, (adaptor, o) => adaptor.readLink(path, o));
  }

  makeLink(path: string, text: string, call: Call): Promise<void> {
    return this.#call('namespace.link', ONCE, path, call, (adaptor, o) => adaptor.makeLink(path, text, o));
  }

  rename(source: string, target: string, overwrite: boolean, call: Call): Promise<void> {
    return this.#call('namespace.rename', ONCE, source, call, (a, o) => a.rename(source, target, overwrite, o));
  }

  owner(path: string, call: Call): Promise<{ user: string; group: string }> {
    return this.#call('namespace.permissions', REPEATABLE, path, call, (adaptor, o) => adaptor.owner(path, o));
  }

  permits(path: string, id: PermissionId, perm: number, call: Call): Promise<boolean> {
    return this.#call('namespace.permissions', REPEATABLE, path, call, (a, o) => a.permits(path, id, perm, o));
  }

  allow(path: string, id: PermissionId, perm: number, call: Call): Promise<void> {
    return this.#call('namespace.permissions', ONCE, path, call, (adaptor, o) => adaptor.allow(path, id, perm, o));
  }

  deny(path: string, id: PermissionId, perm: number, call: Call): Promise<void> {
    return this.#call('namespace.permissions', ONCE, path, call, (adaptor, o) => adaptor.deny(path, id, perm, o));
  }

  /** @returns what frees the lock. */
  lock(path: string, call: Call): Promise<() => Promise<void>> {
    return this.#call('namespace.lock', ONCE, path, call, (adaptor, o) => adaptor.lock(path, o));
  }

  setMetadata(path: string, metadata: Pick<EntryStat, 'mode' | 'modified'>, call: Call): Promise<void> {
    return this.#call('namespace.metadata', REPEATABLE, path, call, (a, o) => a.setMetadata(path, metadata, o));
  }

  /** Whoever has it closes it. `mode` is for writing. */
  openFile(path: string, access: Access, mode: WriteMode, call: Call): Promise<FileHandles> {
    return openHandles(this.#binding, path, access, mode, call);
  }

  copyFile(source: string, target: string, mode: CopyMode, call: Call): Promise<void> {
    return this.#call('file.serverCopy', TRANSFER, source, call, (a, o) => a.copyFile(source, target, mode, o));
  }

  copyTree(source: string, target: string, mode: CopyMode, call: Call): Promise<void> {
    return this.#call('file.tree', TRANSFER, source, call, (a, o) => a.copyTree(source, target, mode, o));
  }

  removeTree(path: string, call: Call): Promise<void> {
    return this.#call('file.tree', TRANSFER, path, call, (adaptor, o) => adaptor.removeTree(path, o));
  }

  #call<C extends Capability, T>(
    capability: C,
    kind: Kind,
    path: string,
    { operation, options }: Call,
    run: (adaptor: Capabilities[C], options: CallOptions) => Promise<T>,
  ): Promise<T> {
    return this.#binding.call(capability, { ...kind, operation, path }, run, options);
  }
}

function isName(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && !text.includes('/') && !text.includes('\0');
}
