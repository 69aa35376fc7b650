/** Random operations on a name space, compared with a model of it and with the disk after each. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as file from '../../src/adaptors/file/index.js';
import * as saga from '../../src/index.js';
import { type Form, ModelFileSystem, type Node, Refused, ROOT_NAME, Unspecified } from './model-file-system.js';

const { Flags } = saga;

/** More of them by hand, after changes: each is a sequence of up to 25 operations. */
const RUNS = Number(process.env['XOSAGA_TEST_MODEL_RUNS'] ?? 25);

/** The same disk by services that leave more and more to the engine. */
const SERVICES: Readonly<Record<string, readonly saga.Capability[]>> = {
  file: file.manifest.capabilities,
  renaming: ['namespace.link', 'namespace.rename', 'file.write', 'file.serverCopy'],
  plain: ['namespace.link', 'file.write'],
};

for (const [scheme, more] of Object.entries(SERVICES).slice(1)) {
  saga.registerAdaptor({
    name: scheme,
    spi: 1,
    summary: `the file adaptor with less: ${more.join(', ')}`,
    schemes: [scheme],
    capabilities: ['namespace.stat', 'namespace.list', 'namespace.write', 'file.read', ...more],
    load: () =>
      Promise.resolve({
        translate: file.translate,
        connect: async () => {
          const connection = await file.connect(new saga.URL('file:///'));
          return { ...connection, serviceUrl: new saga.URL(`${scheme}://localhost/`) } as never;
        },
      }),
  });
}

type Transfer = 'copy' | 'move' | 'link';

type Operation =
  | {
      readonly call: Transfer;
      readonly form: Form;
      readonly source: string;
      readonly target: string;
      readonly flags: number;
    }
  | { readonly call: 'remove'; readonly form: Form; readonly source: string; readonly flags: number }
  | { readonly call: 'makeDir'; readonly source: string; readonly flags: number }
  | { readonly call: 'write'; readonly source: string; readonly flags: number };

const NAMES = fc.constantFrom('a', 'b', 'c');
const PATHS = fc.oneof(
  { weight: 5, arbitrary: NAMES },
  { weight: 4, arbitrary: fc.tuple(NAMES, NAMES).map(([one, two]) => `${one}/${two}`) },
  { weight: 1, arbitrary: fc.tuple(NAMES, NAMES, NAMES).map((names) => names.join('/')) },
  { weight: 1, arbitrary: fc.constantFrom('.', 'a/..', 'b/../c', 'a/./b') },
);
const WILDCARDS = ['*', '?', 'a*', '[ab]', '[!a]', '{a,c}', '*/b', 'a/*', '*/*'];
const PATTERNS = fc.constantFrom(...WILDCARDS);
const SOURCES = fc.oneof({ weight: 5, arbitrary: PATHS }, { weight: 1, arbitrary: PATTERNS });

/** Some of the flags together, each as often as its number of ten. */
function flags(...chances: (readonly [flag: number, often: number])[]): fc.Arbitrary<number> {
  const each = chances.map(([flag, often]) => fc.integer({ min: 0, max: 9 }).map((n) => (n < 10 - often ? 0 : flag)));
  return fc.tuple(...each).map((chosen) => chosen.reduce((all, flag) => all | flag, 0));
}

const MAKE_FLAGS = flags([Flags.CreateParents, 5], [Flags.Exclusive, 3]);
const REMOVE_FLAGS = flags([Flags.Recursive, 5], [Flags.Dereference, 2]);
const TRANSFER_FLAGS = flags(
  [Flags.Recursive, 6],
  [Flags.Dereference, 2],
  [Flags.Overwrite, 6],
  [Flags.CreateParents, 5],
);

const OPERATIONS: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      call: fc.constant('makeDir' as const),
      source: PATHS,
      flags: MAKE_FLAGS,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      call: fc.constant('write' as const),
      source: PATHS,
      flags: MAKE_FLAGS,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      call: fc.constantFrom<Transfer>('copy', 'copy', 'move', 'link'),
      form: fc.constant('name' as const),
      source: SOURCES,
      target: PATHS,
      flags: TRANSFER_FLAGS,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      call: fc.constantFrom<Transfer>('copy', 'move', 'link'),
      form: fc.constant('entry' as const),
      source: PATHS,
      target: PATHS,
      flags: TRANSFER_FLAGS,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      call: fc.constant('remove' as const),
      form: fc.constantFrom<Form>('name', 'entry'),
      source: PATHS,
      flags: REMOVE_FLAGS,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      call: fc.constant('remove' as const),
      form: fc.constant('name' as const),
      source: PATTERNS,
      flags: REMOVE_FLAGS,
    }),
  },
);

/** What there is before the first operation: the more there is, the fewer operations end with DoesNotExist. */
const BEGINNING: readonly Operation[] = [
  { call: 'makeDir', source: 'a/b', flags: Flags.CreateParents },
  { call: 'write', source: 'a/c', flags: Flags.None },
  { call: 'write', source: 'a/b/a', flags: Flags.None },
  { call: 'write', source: 'b', flags: Flags.None },
  { call: 'link', form: 'name', source: 'a', target: 'c', flags: Flags.None },
];

/** `a/../b` as the path that it is, from the root of the model. */
function absolute(name: string): string {
  return new URL(name, 'file:///').pathname.replace(/(?<=.)\/$/, '');
}

const WILD = /[*?[{]/;

/** What a pattern of the above matches in the model. */
function expanded(model: ModelFileSystem, pattern: string): string[] {
  let paths = ['/'];
  for (const element of pattern.split('/')) {
    const regular = element
      .replace('*', '[^/]*')
      .replace('?', '[^/]')
      .replace('[!', '[^')
      .replace(/\{(.),(.)\}/, '($1|$2)');
    const matcher = new RegExp(`^${regular}$`);
    paths = paths.flatMap((path) =>
      model.node(path, true)?.kind === 'directory'
        ? model
            .names(path)
            .filter((name) => matcher.test(name))
            .map((name) => `${path === '/' ? '' : path}/${name}`)
        : [],
    );
  }
  return paths;
}

/** How the operation ends in the model: `done`, the code of the error, or undefined where anything may happen. */
function modelled(model: ModelFileSystem, operation: Operation, content: string): string | undefined {
  const { source, flags: given } = operation;
  try {
    if (operation.call === 'makeDir') model.makeDir(absolute(source), given);
    else if (operation.call === 'write') model.write(absolute(source), given, content);
    else modelledEach(model, operation);
    return 'done';
  } catch (error) {
    if (error instanceof Refused) return error.code;
    if (error instanceof Unspecified) return undefined;
    throw error;
  }
}

/** What is done with one entry, or with all that match. */
function modelledEach(model: ModelFileSystem, operation: Extract<Operation, { form: Form }>): void {
  const { call, form, source, flags: given } = operation;
  const target = 'target' in operation ? absolute(operation.target) : undefined;
  const apply = (one: string): void => {
    if (call === 'remove') model.remove(form, one, given);
    else model[call](form, one, target ?? '', given);
  };
  if (!WILD.test(source)) {
    apply(absolute(source));
    return;
  }
  const sources = expanded(model, source);
  const [only] = sources;
  if (only === undefined) throw new Refused('DoesNotExist');
  if (sources.length === 1) {
    apply(only);
    return;
  }
  // The order is not specified. It matters for entries of one name, and for links that are followed and then gone.
  const names = new Set(sources.map((one) => one.slice(one.lastIndexOf('/'))));
  const isOrdered = names.size < sources.length || (call === 'remove' && (given & Flags.Dereference) !== 0);
  if (isOrdered) throw new Unspecified();
  if (target !== undefined && model.node(target, true)?.kind !== 'directory') throw new Refused('BadParameter');
  try {
    sources.forEach(apply);
  } catch {
    // What was to be done before and after the failure may be done or not (rule 244).
    throw new Unspecified();
  }
}

/** The same by the library. */
async function performed(
  directory: saga.Directory,
  root: saga.URL,
  operation: Operation,
  content: string,
): Promise<string> {
  const { source, flags: given } = operation;
  try {
    if (operation.call === 'makeDir') await directory.makeDir(source, given);
    else if (operation.call === 'write') {
      await using file = await directory.open(source, given | Flags.Create | Flags.Write);
      await file.write(Buffer.from(content));
    } else if (operation.form === 'entry') {
      await using entry = await saga.NSEntry.create(root.resolve(source));
      if (operation.call === 'remove') await entry.remove(given);
      else await entry[operation.call](root.resolve(operation.target), given);
    } else if (operation.call === 'remove') await directory.remove(source, given);
    else await directory[operation.call](source, operation.target, given);
    return 'done';
  } catch (error) {
    if (saga.SagaException.is(error)) return error.code;
    throw error;
  }
}

/** What is on the disk, as the model has it. */
async function onDisk(root: string, path = '/', found = new Map<string, Node>()): Promise<Map<string, Node>> {
  const at = join(root, path);
  const stat = await lstat(at);
  if (stat.isSymbolicLink()) {
    const to = await readlink(at);
    found.set(path, { kind: 'link', to: to === root ? '/' : to.startsWith(`${root}/`) ? to.slice(root.length) : to });
  } else if (stat.isDirectory()) {
    found.set(path, { kind: 'directory' });
    for (const name of await readdir(at)) await onDisk(root, join(path, name), found);
  } else found.set(path, { kind: 'file', content: await readFile(at, 'utf8') });
  return found;
}

function sorted(nodes: ReadonlyMap<string, Node>): [string, Node][] {
  return [...nodes].sort(([a], [b]) => (a < b ? -1 : 1));
}

let base: string;
beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'xosaga-test-')));
});
afterAll(() => rm(base, { recursive: true, force: true }));

describe('random operations', () => {
  test.each(Object.keys(SERVICES))(
    'on %s:// end as those on a model do, and leave the disk as the model',
    async (scheme) => {
      await fc.assert(
        fc.asyncProperty(fc.array(OPERATIONS, { minLength: 1, maxLength: 25, size: 'max' }), async (operations) => {
          const parent = await mkdtemp(join(base, 'run-'));
          const root = join(parent, ROOT_NAME);
          await mkdir(root);
          const directory = await saga.Directory.create(`${scheme}://localhost${root}`);
          const url = await directory.getUrl();
          let model = new ModelFileSystem();
          for (const [i, operation] of [...BEGINNING, ...operations].entries()) {
            // An entry of its own may do with the open directory what it likes; there would be nothing left to compare.
            const isEntry = 'form' in operation && operation.form === 'entry';
            if (isEntry && model.real(absolute(operation.source), true) === '/') continue;
            const before = model;
            const content = `content ${i}`;
            const after = new ModelFileSystem(model.nodes);
            const expected = modelled(after, operation, content);
            const outcome = await performed(directory, url, operation, content);
            const disk = await onDisk(root);
            const context = { operation, before: sorted(before.nodes) };
            // Nothing of a copy is left that was not completed, however the operation ends.
            const strange = [...disk.keys()].filter((path) => !/^(?:\/(?:[abc]|here)?)+$/.test(path));
            expect({ ...context, strange }).toEqual({ ...context, strange: [] });
            if (expected !== undefined) {
              const nodes = sorted((expected === 'done' ? after : before).nodes);
              expect({ ...context, outcome, disk: sorted(disk) }).toEqual({
                ...context,
                outcome: expected,
                disk: nodes,
              });
            }
            model = new ModelFileSystem(disk);
          }
          await expectQueries(directory, model);
          await directory.close();
          await rm(parent, { recursive: true });
        }),
        { numRuns: RUNS, interruptAfterTimeLimit: 60_000 },
      );
    },
    120_000,
  );
});

/** What the directory tells is what the model has. */
async function expectQueries(directory: saga.Directory, model: ModelFileSystem): Promise<void> {
  const texts = (urls: saga.URL[]): string[] => urls.map((url) => url.getPath()).sort();
  expect(texts(await directory.list())).toEqual(model.names('/').sort());
  expect(texts(await directory.find('*'))).toEqual(model.beneath('/').sort());
  expect(texts(await directory.find('*', Flags.None))).toEqual(model.names('/').sort());
  expect(texts(await directory.find('[bc]'))).toEqual(
    model
      .beneath('/')
      .filter((path) => /[bc]$/.test(path))
      .sort(),
  );
  for (const pattern of WILDCARDS) {
    const matches = expanded(model, pattern).map((path) => path.slice(1));
    expect([pattern, texts(await directory.list(pattern))]).toEqual([pattern, matches.sort()]);
  }
  expect(await directory.getNumEntries()).toBe(model.names('/').length);
  for (const name of ['a', 'b', 'c', 'a/b', 'b/c', 'c/a']) {
    const node = model.node(`/${name}`, false);
    expect([name, await directory.exists(name)]).toEqual([name, node !== undefined]);
    if (!node) {
      await expect(directory.isDir(name)).rejects.toThrow(saga.DoesNotExist);
      continue;
    }
    const kinds = [await directory.isDir(name), await directory.isEntry(name), await directory.isLink(name)];
    expect(kinds).toEqual([node.kind === 'directory', node.kind === 'file', node.kind === 'link']);
    if (node.kind === 'link') {
      const { pathname } = new URL((await directory.readLink(name)).getEscaped());
      expect(pathname.split(`/${ROOT_NAME}`).at(-1)).toBe(node.to === '/' ? '' : node.to);
    } else await expect(directory.readLink(name)).rejects.toThrow(saga.IncorrectState);
    if (node.kind === 'file') expect(await directory.getSize(name)).toBe(node.content.length);
  }
}
