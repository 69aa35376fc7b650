/** The handles behind an open file: every call goes through the layers, and none is forgotten while it is under way. */
import type { CallOptions } from '../core/call-options.js';
import { PermissionDenied } from '../core/exceptions.js';
import type { Capabilities, Capability } from '../spi/adaptor.js';
import type { ReadableFile, WritableFile, WriteMode } from '../spi/file.js';
import type { Binding } from './binding.js';
import type { Call } from './entry-service.js';

/** What a file is opened for. */
export interface Access {
  readonly read: boolean;
  readonly write: boolean;
}

/** One handle for both, or two, or one of them. */
interface Handles {
  readonly reader?: ReadableFile | undefined;
  readonly writer?: WritableFile | undefined;
  /** How many hold them. */
  users: number;
}

interface Closable {
  close(): Promise<void>;
}

/** A hold on the handles of an open file; the last one that is closed closes them. */
export class FileHandles {
  readonly #binding: Binding;
  readonly #path: string;
  readonly #handles: Handles;
  /** The calls, and what the adaptor is at, whether or not a call still waits for it. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(binding: Binding, path: string, handles: Handles) {
    this.#binding = binding;
    this.#path = path;
    this.#handles = handles;
    handles.users += 1;
  }

  /** Another hold on the same handles. */
  share(): FileHandles {
    return new FileHandles(this.#binding.share(), this.#path, this.#handles);
  }

  get access(): Access {
    const { reader, writer } = this.#handles;
    return { read: reader !== undefined, write: writer !== undefined };
  }

  /** @throws PermissionDenied when the file is open for writing only. */
  requireReadable({ operation }: Call): ReadableFile {
    const { reader } = this.#handles;
    if (reader) return reader;
    throw new PermissionDenied(`${operation}: the file is open for writing only; open it with Flags.ReadWrite`, {
      operation,
    });
  }

  /** @throws PermissionDenied when the file is open for reading only. */
  requireWritable({ operation }: Call): WritableFile {
    const { writer } = this.#handles;
    if (writer) return writer;
    throw new PermissionDenied(`${operation}: the file is open for reading only; open it with Flags.ReadWrite`, {
      operation,
    });
  }

  /** As `ReadableFile.read`. */
  async read(into: Uint8Array, position: number, call: Call): Promise<number> {
    const reader = this.requireReadable(call);
    return this.#call('file.read', call, (o) => reader.read(into, position, o));
  }

  /** As `WritableFile.write`. */
  async write(from: Uint8Array, position: number, call: Call): Promise<void> {
    const writer = this.requireWritable(call);
    return this.#call('file.write', call, (o) => writer.write(from, position, o));
  }

  /** Resolves when the adaptor has let go of everything that it is at now, also of what was aborted. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /** Waits for what is under way. @throws what the adaptor does when it can't keep what was written. */
  async close(call: Call): Promise<void> {
    while (this.#underWay.size > 0) await this.settled();
    const handles = this.#handles;
    handles.users -= 1;
    try {
      if (handles.users > 0) return;
      const { reader, writer } = handles;
      const closings: Promise<void>[] = [];
      if (writer) closings.push(this.#call('file.write', call, () => writer.close()));
      // One handle for both is closed once.
      if (reader && !Object.is(reader, writer)) closings.push(this.#call('file.read', call, () => reader.close()));
      await Promise.allSettled(closings);
      await Promise.all(closings);
    } finally {
      await this.#binding.close();
    }
  }

  /** What is read or written at a place can be so again. */
  #call<T>(capability: Capability, { operation, options }: Call, run: (o: CallOptions) => Promise<T>): Promise<T> {
    const kind = { operation, path: this.#path, repeatable: true };
    return this.#track(this.#binding.call(capability, kind, (_, o) => this.#track(run(o)), options));
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const over = (): void => {
      this.#underWay.delete(work);
    };
    work.then(over, over);
    return work;
  }
}

/**
 * Opens the file for what is wanted: by one handle, or by two where the service has none for both.
 * @throws what `openRead`, `openWrite` and `openReadWrite` of the adaptor throw.
 */
export async function openHandles(
  binding: Binding,
  path: string,
  access: Access,
  mode: WriteMode,
  call: Call,
): Promise<FileHandles> {
  const held = (handles: Omit<Handles, 'users'>): FileHandles =>
    new FileHandles(binding.share(), path, { ...handles, users: 0 });
  if (access.read && access.write && binding.offers('file.readWrite')) {
    const both = await opened(binding, 'file.readWrite', path, call, (a, o) => a.openReadWrite(path, mode, o));
    return held({ reader: both, writer: both });
  }
  const writer = access.write
    ? await opened(binding, 'file.write', path, call, (a, o) => a.openWrite(path, mode, o))
    : undefined;
  try {
    const reader = access.read
      ? await opened(binding, 'file.read', path, call, (a, o) => a.openRead(path, o))
      : undefined;
    return held({ reader, writer });
  } catch (error) {
    if (writer) discard(Promise.resolve(writer));
    throw error;
  }
}

/** A handle; those that came too late, after an abort or a time limit, are closed. */
async function opened<C extends Capability, H extends Closable>(
  binding: Binding,
  capability: C,
  path: string,
  { operation, options }: Call,
  open: (adaptor: Capabilities[C], options: CallOptions) => Promise<H>,
): Promise<H> {
  const attempts: Promise<H>[] = [];
  let taken: H | undefined;
  try {
    const attempt = (adaptor: Capabilities[C], o: CallOptions): Promise<H> => {
      const handle = open(adaptor, o);
      attempts.push(handle);
      return handle;
    };
    taken = await binding.call(capability, { operation, path }, attempt, options);
    return taken;
  } finally {
    for (const attempt of attempts) discard(attempt, taken);
  }
}

function discard<H extends Closable>(coming: Promise<H>, unless?: H): void {
  coming
    .then((handle) => (handle === unless ? undefined : handle.close()))
    .catch(() => {
      // Nobody has it, so nobody is told.
    });
}
