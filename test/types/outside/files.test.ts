/** The fixed outside of the package file: what an application compiles against. */
import { expect, test } from '@jest/globals';
import type { Readable, Writable } from 'node:stream';
import type * as saga from '../../../src/index.js';
import type { Holds, Same } from '../../support/types.js';

type Options = saga.CallOptions;

interface FixedIOVec {
  clone(): saga.IOVec;
  setOffset(offset: number): void;
  getOffset(): number;
  setLenIn(lenIn: number): void;
  getLenIn(): number;
  getLenOut(): number;
}

interface FixedFile {
  clone(): saga.File;
  getSize(options?: Options): Promise<number>;
  read(buf: saga.BufferLike, lenIn?: number, options?: Options): Promise<number>;
  write(buf: saga.BufferLike, lenIn?: number, options?: Options): Promise<number>;
  seek(offset: number, whence?: saga.SeekMode, options?: Options): Promise<number>;
  readV(iovecs: readonly saga.IOVec[], options?: Options): Promise<void>;
  writeV(iovecs: readonly saga.IOVec[], options?: Options): Promise<void>;
  sizeP(pattern: string, options?: Options): Promise<number>;
  readP(pattern: string, buf: saga.BufferLike, options?: Options): Promise<number>;
  writeP(pattern: string, buf: saga.BufferLike, options?: Options): Promise<number>;
  readable(options?: Options & { start?: number; end?: number }): Readable;
  writable(options?: Options & { start?: number }): Writable;
  modesE(options?: Options): Promise<string[]>;
  sizeE(emode: string, spec: string, options?: Options): Promise<number>;
  readE(emode: string, spec: string, buf: saga.BufferLike, options?: Options): Promise<number>;
  writeE(emode: string, spec: string, buf: saga.BufferLike, options?: Options): Promise<number>;
  readonly async: saga.Tasks<saga.File>;
  readonly task: saga.Tasks<saga.File>;
}

interface FixedDirectory {
  clone(): saga.Directory;
  getSize(name: saga.UrlLike, flags?: number, options?: Options): Promise<number>;
  isFile(name: saga.UrlLike, options?: Options): Promise<boolean>;
  openDir(name: saga.UrlLike, flags?: number, options?: Options): Promise<saga.Directory>;
  open(name: saga.UrlLike, flags?: number, options?: Options): Promise<saga.File>;
  readonly async: saga.Tasks<saga.Directory>;
  readonly task: saga.Tasks<saga.Directory>;
}

type Create<T> = (name: saga.UrlLike, flags?: number, options?: saga.CreateOptions) => Promise<T>;

test('files, directories and the parts of scattered I/O', () => {
  const proofs: [
    Holds<saga.IOVec, FixedIOVec>,
    saga.IOVec extends saga.Buffer ? true : false,
    Same<
      ConstructorParameters<typeof saga.IOVec>,
      [data: Uint8Array | number, size?: number | undefined, offset?: number | undefined, lenIn?: number | undefined]
    >,
    Holds<saga.File, FixedFile>,
    saga.File extends saga.NSEntry ? true : false,
    Same<typeof saga.File.create, Create<saga.File>>,
    Holds<saga.Directory, FixedDirectory>,
    saga.Directory extends saga.NSDirectory ? true : false,
    Same<typeof saga.Directory.create, Create<saga.Directory>>,
  ] = [true, true, true, true, true, true, true, true, true];
  expect(proofs).not.toContain(false);
});
