/** A service of files in memory, with the capabilities that a test wants: what is left out, the engine derives or refuses. */
import { type AdaptorManifest, AlreadyExists, BadParameter, DoesNotExist, type EntryKind } from '../../src/index.js';
import type { Capability } from '../../src/saga/spi/adaptor.js';

interface Node {
  kind: EntryKind;
  data: Uint8Array;
  mode: number;
  modified: Date;
}

/** A manifest for `scheme://`, and what its service holds, by path. */
export interface MemoryFiles {
  readonly manifest: AdaptorManifest;
  readonly nodes: Map<string, Node>;
  /** Called before each call of the adaptor with the name of the method and the path; what it throws the call throws. */
  before: (method: string, path: string) => void | Promise<void>;
  /** How many connections are open. */
  connections: number;
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

export function memoryFiles(scheme: string, capabilities: readonly Capability[]): MemoryFiles {
  const nodes = new Map<string, Node>();
  const add = (path: string, kind: EntryKind, text = ''): Node => {
    const node = { kind, data: new TextEncoder().encode(text), mode: 0o644, modified: new Date() };
    nodes.set(path, node);
    return node;
  };
  add('/', 'directory');
  const wanted = (path: string): Node => {
    const node = nodes.get(path);
    if (!node) throw new DoesNotExist(`${path} does not exist`);
    return node;
  };
  const requireNew = (path: string): void => {
    if (nodes.has(path)) throw new AlreadyExists(`${path} exists`);
    if (wanted(parent(path)).kind !== 'directory') throw new BadParameter(`${parent(path)} is no directory`);
  };
  /** The path without a link at its end. */
  const followed = (path: string): string => {
    const node = nodes.get(path);
    if (node?.kind !== 'link') return path;
    const text = new TextDecoder().decode(node.data);
    return followed(text.startsWith('/') ? text : `${parent(path) === '/' ? '' : parent(path)}/${text}`);
  };
  const opened = (path: string) => {
    const node = wanted(path);
    if (node.kind === 'directory') throw new BadParameter(`${path} is a directory`);
    return {
      async read(into: Uint8Array, position: number) {
        await memory.before('read', path);
        const part = node.data.subarray(position, position + into.length);
        into.set(part);
        return part.length;
      },
      async write(from: Uint8Array, position: number) {
        await memory.before('write', path);
        const grown = new Uint8Array(Math.max(node.data.length, position + from.length));
        grown.set(node.data);
        grown.set(from, position);
        node.data = grown;
      },
      close: () => Promise.resolve(),
    };
  };
  const methods = {
    stat(path: string, follow: boolean) {
      const end = follow ? followed(path) : path;
      const node = nodes.get(end);
      if (!node) return undefined;
      return { kind: node.kind, size: node.data.length, mode: node.mode, modified: node.modified, identity: end };
    },
    makeDir(path: string) {
      requireNew(path);
      add(path, 'directory');
    },
    removeDir(path: string) {
      nodes.delete(path);
    },
    remove(path: string) {
      if (wanted(path).kind === 'directory') throw new BadParameter(`${path} is a directory`);
      nodes.delete(path);
    },
    readLink: (path: string) => new TextDecoder().decode(wanted(path).data),
    makeLink(path: string, text: string) {
      requireNew(path);
      add(path, 'link', text);
    },
    rename(source: string, target: string, overwrite: boolean) {
      if (!overwrite) requireNew(target);
      for (const path of [...nodes.keys()].filter((each) => each === source || each.startsWith(`${source}/`))) {
        nodes.set(target + path.slice(source.length), wanted(path));
        nodes.delete(path);
      }
    },
    setMetadata(path: string, metadata: Partial<Node>) {
      Object.assign(wanted(path), metadata);
    },
    openRead: (path: string) => opened(followed(path)),
    openWrite(path: string, mode: { create?: boolean; exclusive?: boolean; truncate?: boolean }) {
      if (mode.exclusive) requireNew(path);
      const end = followed(path);
      if (!nodes.has(end) && mode.create) add(end, 'file');
      if (mode.truncate) wanted(end).data = new Uint8Array();
      return opened(end);
    },
  };
  const connection: Record<string, unknown> = {
    async *list(path: string) {
      await memory.before('list', path);
      wanted(path);
      for (const [each, { kind }] of [...nodes]) {
        if (each !== '/' && parent(each) === path) yield [{ name: each.slice(each.lastIndexOf('/') + 1), kind }];
      }
    },
    async close() {
      await memory.before('close', '/');
      memory.connections -= 1;
    },
  };
  for (const [name, method] of Object.entries(methods)) {
    connection[name] = async (...args: [never, never, never]) => {
      await memory.before(name, args[0]);
      return method(...args);
    };
  }
  const memory: MemoryFiles = {
    nodes,
    before: () => undefined,
    connections: 0,
    manifest: {
      name: scheme,
      spi: 1,
      summary: 'files in memory',
      schemes: [scheme],
      capabilities,
      load: () =>
        Promise.resolve({
          connect() {
            memory.connections += 1;
            return Promise.resolve(connection as never);
          },
          translate: () => undefined,
        }),
    },
  };
  return memory;
}
