/**
 * A service of files in memory, for what no real one can be made to show: calls that hang, that come back late or short,
 * and services that offer little.
 */
import { type AdaptorManifest, BadParameter, DoesNotExist } from '../../src/index.js';
import type { EntryStat, ReadableFile, WritableFile, WriteMode } from '../../src/saga/spi/file.js';

export interface HeldFiles {
  readonly manifest: AdaptorManifest;
  /** The content of the files by path. */
  readonly contents: Map<string, Uint8Array>;
  /** What was called, such as `read 0 4` or `close`. */
  readonly calls: string[];
  /** Told before each read, write, open and close; the call goes on when it resolves. */
  before: (call: string, signal: AbortSignal | undefined) => Promise<void> | void;
  /** How many bytes a read gives at most. */
  most: number;
}

/** The capabilities beside `namespace.stat`. */
export type Offered = 'file.read' | 'file.write' | 'file.readWrite';

export function heldFiles(scheme: string, offered: readonly Offered[]): HeldFiles {
  const held: HeldFiles = {
    contents: new Map(),
    calls: [],
    before: () => undefined,
    most: Infinity,
    manifest: {
      name: scheme,
      spi: 1,
      summary: 'files whose calls a test holds up',
      schemes: [scheme],
      capabilities: ['namespace.stat', ...offered],
      load: () => Promise.resolve({ connect: () => Promise.resolve(connection as never), translate: () => undefined }),
    },
  };
  const { contents, calls } = held;

  const called = async (call: string, signal?: AbortSignal): Promise<void> => {
    calls.push(call);
    await held.before(call, signal);
  };
  const contentOf = (path: string): Uint8Array => {
    const content = contents.get(path);
    if (!content) throw new DoesNotExist(`${path} does not exist`);
    return content;
  };
  const handle = (path: string): ReadableFile & WritableFile => ({
    read: async (into, position, { signal }) => {
      await called(`read ${position} ${into.length}`, signal);
      const found = contentOf(path).subarray(position, position + Math.min(into.length, held.most));
      into.set(found);
      return found.length;
    },
    write: async (from, position, { signal }) => {
      const bytes = from.slice();
      await called(`write ${position} ${bytes.length}`, signal);
      const before = contentOf(path);
      const after = new Uint8Array(Math.max(before.length, position + bytes.length));
      after.set(before);
      after.set(bytes, position);
      contents.set(path, after);
    },
    close: () => called('close'),
  });
  const open = async (path: string, mode?: WriteMode): Promise<ReadableFile & WritableFile> => {
    await called('open');
    if (mode?.create && !contents.has(path)) contents.set(path, new Uint8Array());
    contentOf(path);
    if (mode?.truncate) contents.set(path, new Uint8Array());
    return handle(path);
  };
  const connection = {
    stat: (path: string): Promise<EntryStat | undefined> => {
      const content = contents.get(path);
      if (content) return Promise.resolve({ kind: 'file', size: content.length });
      return Promise.resolve(path === '/' ? { kind: 'directory', size: 0 } : undefined);
    },
    openRead: (path: string) => {
      if (path === '/') throw new BadParameter('a directory');
      return open(path);
    },
    openWrite: open,
    openReadWrite: open,
    close: () => Promise.resolve(),
  };
  return held;
}
