/** The fixed outside of the packages error, object, url, buffer, session and context: what an application compiles against. */
import { expect, test } from '@jest/globals';
import type * as saga from '../../../src/index.js';
import type { Holds, Same } from '../../support/types.js';

interface FixedObject {
  getId(): string;
  getType(): number;
  getSession(): saga.Session;
  clone(): saga.SagaObject;
}

interface FixedException {
  message: string;
  cause?: unknown;
  readonly code: saga.ExceptionCategory;
  readonly adaptor: string | undefined;
  readonly operation: string | undefined;
  readonly url: string | undefined;
  getMessage(): string;
  getType(): saga.ExceptionCategory;
  getObject(): saga.SagaObject;
  getAllExceptions(): saga.SagaException[];
  getAllMessages(): string[];
}

type ExceptionArguments = [
  message: string,
  options?: {
    cause?: unknown;
    object?: saga.SagaObject;
    adaptor?: string;
    operation?: string;
    url?: string;
    lower?: readonly saga.SagaException[];
  },
];

interface FixedURL {
  clone(): saga.URL;
  setString(url?: string): void;
  getString(): string;
  setScheme(scheme?: string): void;
  getScheme(): string;
  setHost(host?: string): void;
  getHost(): string;
  setPort(port?: number): void;
  getPort(): number;
  setFragment(fragment?: string): void;
  getFragment(): string;
  setPath(path?: string): void;
  getPath(): string;
  setQuery(query?: string): void;
  getQuery(): string;
  setUserinfo(userinfo?: string): void;
  getUserinfo(): string;
  translate(scheme: string): saga.URL;
  getEscaped(): string;
}

interface FixedBuffer {
  clone(): saga.Buffer;
  setSize(size?: number): void;
  getSize(): number;
  setData(data: Uint8Array, size: number): void;
  getData(): Uint8Array;
  close(timeout?: number): void;
}

interface FixedSession {
  clone(): saga.Session;
  addContext(c: saga.Context, options?: saga.CallOptions): Promise<void>;
  removeContext(c: saga.Context): void;
  listContexts(): saga.Context[];
}

interface FixedContext {
  clone(): saga.Context;
  type: string | undefined;
  server: string | undefined;
  certRepository: string | undefined;
  userProxy: string | undefined;
  userCert: string | undefined;
  userKey: string | undefined;
  userID: string | undefined;
  userPass: string | undefined;
  userVO: string | undefined;
  lifeTime: number | undefined;
  readonly remoteID: string | undefined;
  readonly remoteHost: string | undefined;
  readonly remotePort: string | undefined;
  setDefaults(): void;
}

type Category = saga.ExceptionCategory;
type Exceptions = Pick<typeof saga, Category>;
/** Each category has a class of its name, which is made alike and says its category. */
type ExceptionClasses = {
  [C in Category]: Exceptions[C] extends new (...args: ExceptionArguments) => saga.SagaException & { readonly code: C }
    ? true
    : false;
};

test('exceptions', () => {
  const proofs: [
    Holds<saga.SagaException, FixedException>,
    saga.SagaException extends Error ? true : false,
    Same<typeof saga.SagaException.is, (e: unknown) => e is saga.SagaException>,
    Same<ExceptionClasses, Record<Category, true>>,
    typeof saga.SagaException extends abstract new (...args: ExceptionArguments) => saga.SagaException ? true : false,
  ] = [true, true, true, true, true];
  expect(proofs).not.toContain(false);
});

test('objects and their ids', () => {
  const proofs: [
    Holds<saga.SagaObject, FixedObject>,
    saga.URL | saga.Buffer | saga.Session | saga.Context extends saga.SagaObject ? true : false,
    Same<ConstructorParameters<typeof saga.UUID>, [s?: string | undefined]>,
    Holds<saga.UUID, { toString(): string; compare(other: saga.UUID): number }>,
  ] = [true, true, true, true];
  expect(proofs).not.toContain(false);
});

test('URLs and buffers', () => {
  const proofs: [
    Same<saga.UrlLike, string | saga.URL | globalThis.URL>,
    Same<ConstructorParameters<typeof saga.URL>, [url?: saga.UrlLike | undefined]>,
    Holds<saga.URL, FixedURL>,
    Same<saga.BufferLike, saga.Buffer | Uint8Array>,
    Same<
      ConstructorParameters<typeof saga.Buffer>,
      [data?: Uint8Array | number | undefined, size?: number | undefined]
    >,
    Holds<saga.Buffer, FixedBuffer>,
  ] = [true, true, true, true, true, true];
  expect(proofs).not.toContain(false);
});

test('sessions and contexts', () => {
  const proofs: [
    Same<ConstructorParameters<typeof saga.Session>, [useDefault?: boolean | undefined]>,
    Holds<saga.Session, FixedSession>,
    Same<
      ConstructorParameters<typeof saga.Context>,
      [type?: string | undefined, init?: Partial<Record<string, string>> | undefined]
    >,
    Holds<saga.Context, FixedContext>,
    saga.Context extends saga.Attributes ? true : false,
  ] = [true, true, true, true, true];
  expect(proofs).not.toContain(false);
});
