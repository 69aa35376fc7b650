import { expect, test } from '@jest/globals';
import type * as saga from '../../../src/index.js';
import type { Same } from '../../support/types.js';

/** What applications written against the fixed outside use of entries; `copy` and `move` take further options. */
interface FixedEntry extends saga.SagaObject, saga.Permissions {
  getUrl(options?: saga.CallOptions): Promise<saga.URL>;
  getCwd(options?: saga.CallOptions): Promise<saga.URL>;
  getName(options?: saga.CallOptions): Promise<saga.URL>;
  isDir(options?: saga.CallOptions): Promise<boolean>;
  isEntry(options?: saga.CallOptions): Promise<boolean>;
  isLink(options?: saga.CallOptions): Promise<boolean>;
  readLink(options?: saga.CallOptions): Promise<saga.URL>;
  copy(target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  link(target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  move(target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  remove(flags?: number, options?: saga.CallOptions): Promise<void>;
  close(timeout?: number, options?: saga.CallOptions): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface FixedDirectory extends FixedEntry {
  [Symbol.asyncIterator](): AsyncIterator<{
    name: string;
    url: saga.URL;
    kind: 'file' | 'directory' | 'link' | 'other';
  }>;
  changeDir(dir: saga.UrlLike, options?: saga.CallOptions): Promise<void>;
  list(namePattern?: string, flags?: number, options?: saga.CallOptions): Promise<saga.URL[]>;
  find(namePattern: string, flags?: number, options?: saga.CallOptions): Promise<saga.URL[]>;
  exists(name: saga.UrlLike, options?: saga.CallOptions): Promise<boolean>;
  isDir(options?: saga.CallOptions): Promise<boolean>;
  isDir(name: saga.UrlLike, options?: saga.CallOptions): Promise<boolean>;
  readLink(options?: saga.CallOptions): Promise<saga.URL>;
  readLink(name: saga.UrlLike, options?: saga.CallOptions): Promise<saga.URL>;
  getNumEntries(options?: saga.CallOptions): Promise<number>;
  getEntry(entry: number, options?: saga.CallOptions): Promise<saga.URL>;
  copy(target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  copy(source: saga.UrlLike, target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  link(target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  link(source: saga.UrlLike, target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  move(target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  move(source: saga.UrlLike, target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  remove(flags?: number, options?: saga.CallOptions): Promise<void>;
  remove(target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  makeDir(target: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<void>;
  open(name: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<saga.NSEntry>;
  openDir(name: saga.UrlLike, flags?: number, options?: saga.CallOptions): Promise<saga.NSDirectory>;
  permissionsAllow(id: string, perm: number, flags?: number, options?: saga.CallOptions): Promise<void>;
  permissionsAllow(
    target: saga.UrlLike,
    id: string,
    perm: number,
    flags?: number,
    options?: saga.CallOptions,
  ): Promise<void>;
}

type Create<T> = (name: saga.UrlLike, flags?: number, options?: saga.CreateOptions) => Promise<T>;
/** Methods that are no calls to a backend, or make no task. */
type Plain = 'async' | 'task' | 'clone' | 'getId' | 'getType' | 'getSession' | 'toJSON' | typeof Symbol.asyncIterator;

test('entries and directories have the fixed methods, as promises and as tasks', () => {
  const proofs: [
    saga.NSEntry extends FixedEntry ? true : false,
    saga.NSDirectory extends FixedDirectory ? true : false,
    Same<typeof saga.NSEntry.create, Create<saga.NSEntry>>,
    Same<typeof saga.NSDirectory.create, Create<saga.NSDirectory>>,
    Same<saga.NSEntry['async'], saga.Tasks<saga.NSEntry>>,
    Same<saga.NSDirectory['task'], saga.Tasks<saga.NSDirectory>>,
    Same<keyof saga.Tasks<saga.NSEntry>, Exclude<keyof saga.NSEntry, Plain>>,
    Same<keyof saga.Tasks<saga.NSDirectory>, Exclude<keyof saga.NSDirectory, Plain | 'toString'>>,
    Same<ReturnType<saga.NSDirectory['task']['openDir']>, saga.Task<saga.NSDirectory>>,
  ] = [true, true, true, true, true, true, true, true, true];
  expect(proofs).not.toContain(false);
});
