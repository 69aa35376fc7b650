/** What the engine makes of services that can do little: between two services, and without rename, trees or copies of their own. */
import { describe, expect, test } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as saga from '../../src/index.js';
import type { Capability } from '../../src/saga/spi/adaptor.js';
import { type MemoryFiles, memoryFiles } from '../support/memory-files.js';
import { rule } from '../support/rules.js';

const LEAST: readonly Capability[] = ['namespace.stat', 'namespace.list', 'namespace.write', 'file.read', 'file.write'];
const MORE: readonly Capability[] = [...LEAST, 'namespace.rename', 'namespace.link', 'namespace.metadata'];
const { Flags } = saga;

let count = 0;

/** A service of its own for a test. */
function service(capabilities: readonly Capability[]): MemoryFiles & { url: string } {
  const scheme = `mem${String(++count)}`;
  const memory = memoryFiles(scheme, capabilities);
  saga.registerAdaptor(memory.manifest);
  return Object.assign(memory, { url: `${scheme}://host/` });
}

async function write({ url, nodes }: { url: string; nodes: MemoryFiles['nodes'] }, path: string, text: string) {
  await using entry = await saga.NSEntry.create(url + path, Flags.Create | Flags.CreateParents);
  expect(await entry.isEntry()).toBe(true);
  nodes.get(`/${path}`)!.data = new TextEncoder().encode(text);
}

function text({ nodes }: MemoryFiles, path: string): string | undefined {
  const node = nodes.get(path);
  return node && new TextDecoder().decode(node.data);
}

function paths({ nodes }: MemoryFiles): string[] {
  return [...nodes.keys()].sort();
}

async function open({ url }: { url: string }, path = ''): Promise<saga.NSDirectory> {
  return saga.NSDirectory.create(url + path);
}

describe('between two services', () => {
  test('a file is copied by reading and writing, with progress', async () => {
    const [from, to] = [service(LEAST), service(MORE)];
    await write(from, 'a/data', 'x'.repeat(3_000_000));
    await using dir = await open(from, 'a');
    const seen: saga.Progress[] = [];
    await dir.copy('data', `${to.url}out/`, Flags.CreateParents, { onProgress: (p) => seen.push(p) });
    expect(text(to, '/out/data')).toBe('x'.repeat(3_000_000));
    expect(paths(to)).toEqual(['/', '/out', '/out/data']);
    expect(seen.map((p) => p.done)).toEqual([1048576, 2097152, 3000000]);
    expect(seen.at(-1)).toEqual({ done: 3000000, total: 3000000, what: `${from.url}a/data` });
  });

  test.each([
    ['with rename', MORE],
    ['without rename', [...LEAST, 'namespace.link'] as Capability[]],
  ])('a tree is copied, links as links, %s', async (_, capabilities) => {
    const [from, to] = [service(MORE), service(capabilities)];
    await write(from, 'tree/one', '1');
    await write(from, 'tree/deep/er/two', '2');
    await using dir = await open(from);
    await dir.link('tree/one', 'tree/link');
    await dir.copy('tree', `${to.url}copy`, Flags.Recursive);
    expect(paths(to)).toEqual([
      '/',
      '/copy',
      '/copy/deep',
      '/copy/deep/er',
      '/copy/deep/er/two',
      '/copy/link',
      '/copy/one',
    ]);
    expect(text(to, '/copy/deep/er/two')).toBe('2');
    expect(to.nodes.get('/copy/link')?.kind).toBe('link');
  });

  test('a move is a copy, and the source removed when the copy is complete', async () => {
    const [from, to] = [service(MORE), service(MORE)];
    await write(from, 'tree/one', '1');
    from.nodes.get('/tree/one')!.mode = 0o751;
    await using dir = await open(from, 'tree');
    await dir.move(to.url, Flags.Recursive);
    expect(paths(from)).toEqual(['/']);
    expect(paths(to)).toEqual(['/', '/tree', '/tree/one']);
    expect(to.nodes.get('/tree/one')?.mode).toBe(0o751);
    expect((await dir.getUrl()).getString()).toBe(`${to.url}tree/`);
  });

  test('permission bits are kept where that is asked for, else a program stays one', async () => {
    const [from, to] = [service(MORE), service(MORE)];
    await write(from, 'run', '#!');
    from.nodes.get('/run')!.mode = 0o750;
    await using dir = await open(from);
    await dir.copy('run', `${to.url}plain`);
    await dir.copy('run', `${to.url}kept`, Flags.None, { preserve: true });
    expect(to.nodes.get('/plain')?.mode).toBe(0o755);
    expect(to.nodes.get('/kept')?.mode).toBe(0o750);
    expect(to.nodes.get('/kept')?.modified).toEqual(from.nodes.get('/run')?.modified);
  });

  test('a link cannot be made or moved to another service', async () => {
    const [from, to] = [service(MORE), service(MORE)];
    await write(from, 'data', '');
    await using dir = await open(from);
    await dir.link('data', 'link');
    await expect(dir.link('data', to.url)).rejects.toThrow('links lead to entries of their own; copy it instead');
    await expect(dir.move('link', to.url)).rejects.toThrow('the flag Dereference moves what it leads to');
    await dir.move('link', to.url, Flags.Dereference);
    expect(paths(to)).toEqual(['/', '/link']);
    expect(paths(from)).toEqual(['/', '/link']);
  });

  test('the trace says that a copy was derived', async () => {
    const [from, to] = [service(LEAST), service(LEAST)];
    await write(from, 'data', '1');
    const seen: string[] = [];
    const trace = (call: unknown): void => {
      const { operation, adaptor, url } = call as { operation: string; adaptor: string; url: string };
      seen.push(`${operation} ${url.slice(adaptor.length + '://host'.length)}`);
    };
    await using dir = await open(from);
    subscribe('tracing:xosaga:call:start', trace);
    await dir.copy('data', to.url);
    unsubscribe('tracing:xosaga:call:start', trace);
    expect(seen).toContain('ns_directory.copy (by read and write) /data');
    expect(seen).toContain('ns_directory.copy /data');
  });

  test('all connections are closed with the objects', async () => {
    const [from, to] = [service(LEAST), service(LEAST)];
    await write(from, 'data', '');
    const dir = await open(from);
    await dir.copy('da*', to.url);
    await expect(dir.copy('nothing', to.url)).rejects.toThrow('does not exist');
    await expect(dir.copy('no*', to.url)).rejects.toThrow('nothing in');
    const copy = dir.clone();
    await dir.close();
    expect([from.connections, to.connections]).toEqual([1, 0]);
    await copy.close();
    expect(from.connections).toBe(0);
  });
});

rule([28, 227], 'an object that nobody has any more gives its connection back, and throws nowhere', async () => {
  const memory = service(LEAST);
  let closings = 0;
  memory.before = (method) => {
    if (method !== 'close') return;
    closings += 1;
    throw new saga.NoSuccess('the connection is broken');
  };
  const forget = async (): Promise<void> => {
    await saga.NSDirectory.create(memory.url);
  };
  await forget();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  while (closings === 0) {
    collect();
    await setImmediate();
  }
  expect(closings).toBe(1);
});

describe('a copy that fails', () => {
  test.each([
    ['with rename', MORE],
    ['without rename', LEAST],
  ])('leaves nothing of a file, %s', async (_, capabilities) => {
    const [from, to] = [service(LEAST), service(capabilities)];
    await write(from, 'data', 'x'.repeat(3_000_000));
    to.before = (method) => {
      if (method === 'write') throw new saga.NoSuccess('the disk is full');
    };
    await using dir = await open(from);
    await expect(dir.copy('data', to.url)).rejects.toThrow('the disk is full');
    expect(paths(to)).toEqual(['/']);
  });

  test('leaves nothing of a tree, and what it was to replace', async () => {
    const [from, to] = [service(MORE), service(MORE)];
    await write(from, 'tree/one', '1');
    await write(from, 'tree/two', '2');
    await write(to, 'kept', 'old');
    to.before = (method, path) => {
      if (method === 'openWrite' && paths(to).some((each) => each.endsWith('/one'))) {
        throw new saga.NoSuccess(`no more files: ${path}`);
      }
      if (method === 'rename' && path.endsWith('.part')) throw new saga.NoSuccess('no names left');
    };
    await using dir = await open(from);
    await expect(dir.copy('tree', to.url, Flags.Recursive)).rejects.toThrow(/no more files|no names left/);
    await expect(dir.copy('tree/one', `${to.url}kept`, Flags.Overwrite)).rejects.toThrow('no names left');
    expect(paths(to)).toEqual(['/', '/kept']);
    expect(text(to, '/kept')).toBe('old');
  });

  test('tells where', async () => {
    const [from, to] = [service(LEAST), service(MORE)];
    await write(from, 'a/data', '1');
    to.before = (method) => {
      if (method === 'rename') throw new Error('out of order');
    };
    await using dir = await open(from, 'a');
    await expect(dir.copy('data', to.url)).rejects.toMatchObject({
      code: 'NoSuccess',
      message: 'out of order',
      operation: 'ns_directory.copy',
      adaptor: to.manifest.name,
      url: expect.stringMatching(`^${to.url}\\.xosaga-.*\\.part$`),
    });
  });

  test('leaves what it could not even open', async () => {
    const [from, to] = [service(LEAST), service(LEAST)];
    await write(from, 'data', 'new');
    await write(to, 'data', 'old');
    to.before = (method) => {
      if (method === 'openWrite') throw new saga.PermissionDenied('it is read-only');
    };
    await using dir = await open(from);
    await expect(dir.copy('data', to.url, Flags.Overwrite)).rejects.toThrow('it is read-only');
    expect(text(to, '/data')).toBe('old');
    to.before = () => undefined;
    await dir.copy('data', to.url, Flags.Overwrite);
    expect(text(to, '/data')).toBe('new');
  });

  test('leaves nothing when it is aborted', async () => {
    const [from, to] = [service(LEAST), service(MORE)];
    await write(from, 'data', 'x'.repeat(5_000_000));
    const abort = new AbortController();
    await using dir = await open(from);
    const copied = dir.copy('data', to.url, Flags.None, {
      signal: abort.signal,
      onProgress: () => {
        abort.abort(new Error('enough'));
      },
    });
    await expect(copied).rejects.toMatchObject({ code: 'NoSuccess', message: expect.stringContaining('aborted') });
    expect(paths(to)).toEqual(['/']);
  });

  test('is noticed by verify', async () => {
    const [from, to] = [service(LEAST), service(MORE)];
    await write(from, 'data', 'what was sent');
    to.before = (method, path) => {
      if (method === 'openRead') to.nodes.get(path)!.data[0] = 0;
    };
    await using dir = await open(from);
    await expect(dir.copy('data', to.url, Flags.None, { verify: true })).rejects.toThrow('SHA-256 digests differ');
    expect(paths(to)).toEqual(['/']);
    to.before = () => undefined;
    await dir.copy('data', to.url, Flags.None, { verify: true });
    expect(text(to, '/data')).toBe('what was sent');
  });
});

describe('a service that lies', () => {
  test('about names is not believed', async () => {
    for (const name of ['..', '.', '']) {
      const [from, to] = [service(MORE), service(MORE)];
      await write(from, 'tree/one', '1');
      from.nodes.set(`/tree/${name}`, from.nodes.get('/tree/one')!);
      await using dir = await open(from);
      await expect(dir.copy('tree', to.url, Flags.Recursive)).rejects.toThrow('which is no name');
      await expect(dir.list('tree')).rejects.toThrow('which is no name');
      expect(paths(to)).toEqual(['/']);
    }
  });

  test('a link in the place of a file is replaced, never written through', async () => {
    for (const capabilities of [MORE, [...LEAST, 'namespace.link'] as Capability[]]) {
      const [from, to] = [service(MORE), service(capabilities)];
      await write(from, 'data', 'new');
      await write(to, 'kept', 'old');
      await using target = await open(to);
      await target.link('kept', 'data');
      await using dir = await open(from);
      await dir.copy('data', to.url, Flags.Overwrite);
      expect([text(to, '/kept'), text(to, '/data'), to.nodes.get('/data')?.kind]).toEqual(['old', 'new', 'file']);
    }
  });

  test('about links leads nowhere outside the target', async () => {
    const [from, to] = [service(MORE), service(MORE)];
    await write(from, 'tree/sub/evil', '1');
    await write(to, 'tree/one', '');
    await write(to, 'elsewhere/kept', '');
    to.nodes.set('/tree/sub', {
      ...to.nodes.get('/tree/one')!,
      kind: 'link',
      data: new TextEncoder().encode('/elsewhere'),
    });
    await using dir = await open(from);
    const added = dir.copy('tree', to.url, Flags.Recursive | Flags.Overwrite);
    await expect(added).rejects.toMatchObject({ code: 'AlreadyExists' });
    expect(paths(to)).not.toContain('/elsewhere/evil');
  });
});

describe('a service that can do little', () => {
  test('moves by copy and remove, and removes trees entry by entry', async () => {
    const least = service(LEAST);
    await write(least, 'tree/deep/one', '1');
    await write(least, 'tree/two', '2');
    await using dir = await open(least);
    await dir.move('tree', 'moved', Flags.Recursive);
    expect(paths(least)).toEqual(['/', '/moved', '/moved/deep', '/moved/deep/one', '/moved/two']);
    await dir.remove('moved', Flags.Recursive);
    expect(paths(least)).toEqual(['/']);
  });

  test('says which capability is missing', async () => {
    const least = service(['namespace.stat', 'file.read', 'namespace.write', 'file.write']);
    await write(least, 'data', '1');
    await using dir = await open(least);
    await expect(dir.list()).rejects.toThrow(`does not offer namespace.list`);
    await expect(dir.link('data', 'link')).rejects.toThrow('does not offer namespace.link');
    await expect(dir.open('data', Flags.Lock)).rejects.toThrow('has no locks; open without the flag Lock');
    await expect(dir.getOwner()).rejects.toMatchObject({ code: 'NotImplemented' });
  });

  test('two directories that hold each other by links end a walk', async () => {
    const memory = service(MORE);
    await write(memory, 'a/b/data', '');
    await using dir = await open(memory);
    await dir.link('a', 'a/b/up');
    const found = await dir.find('*', Flags.Recursive | Flags.Dereference);
    expect(found.map((url) => url.getPath()).sort()).toEqual(['a', 'a/b', 'a/b/data', 'a/b/up']);
  });
});
