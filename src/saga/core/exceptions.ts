/**
 * The SAGA error hierarchy (GFD.90 section 3.1): one class a category, all under `SagaException`.
 *
 * The order of `ExceptionCategory` is the v1.1 order, most specific first; it decides which of several
 * errors a caller sees.
 */
import type { SagaObject } from './object.js';

/** The categories of SAGA errors, most specific first (GFD.90 v1.1). */
export const ExceptionCategory = {
  IncorrectURL: 'IncorrectURL',
  BadParameter: 'BadParameter',
  AlreadyExists: 'AlreadyExists',
  DoesNotExist: 'DoesNotExist',
  IncorrectState: 'IncorrectState',
  IncorrectType: 'IncorrectType',
  PermissionDenied: 'PermissionDenied',
  AuthorizationFailed: 'AuthorizationFailed',
  AuthenticationFailed: 'AuthenticationFailed',
  Timeout: 'Timeout',
  NoSuccess: 'NoSuccess',
  NotImplemented: 'NotImplemented',
} as const;
export type ExceptionCategory = (typeof ExceptionCategory)[keyof typeof ExceptionCategory];

const SPECIFICITY: readonly ExceptionCategory[] = Object.values(ExceptionCategory);

/** Where an error happened. */
interface Where {
  adaptor?: string | undefined;
  operation?: string | undefined;
  url?: string | undefined;
}

/** What an error knows beside its message. None of it may hold a credential. */
export interface SagaExceptionOptions extends Where {
  /** The error or value that led to this one. */
  cause?: unknown;
  /** The SAGA object on which the failed call was made. */
  object?: SagaObject | undefined;
  /** The errors of the backends that were tried; kept most specific first. */
  lower?: readonly SagaException[];
}

const BRAND = Symbol.for('xosaga.SagaException');

/**
 * The base of all SAGA errors. `message` is the detail for the user; `getMessage()` puts the category before it.
 *
 * `SagaException.is(e)` recognises errors of every copy of the library (ESM beside CJS, other realms), which
 * `instanceof` does not.
 */
export abstract class SagaException extends Error {
  /** The category, also the class name. */
  abstract readonly code: ExceptionCategory;
  #place: Where;
  readonly #object: SagaObject | undefined;
  readonly #lower: readonly SagaException[];

  static {
    Object.defineProperty(this.prototype, BRAND, { value: true });
  }

  constructor(message: string, options: SagaExceptionOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.#place = { adaptor: options.adaptor, operation: options.operation, url: options.url };
    this.#object = options.object;
    this.#lower = mostSpecificFirst(options.lower ?? []);
  }

  /** Whether `e` is a SAGA error, of this or another copy of the library. */
  static is(e: unknown): e is SagaException {
    return typeof e === 'object' && e !== null && BRAND in e;
  }

  /** The category as the error's name: `BadParameter: ...` in stack traces. */
  override get name(): string {
    return this.code;
  }

  /** Name of the adaptor that failed, for example `local`. */
  get adaptor(): string | undefined {
    return this.#place.adaptor;
  }

  /** The SAGA operation that failed, for example `job.run`. */
  get operation(): string | undefined {
    return this.#place.operation;
  }

  /** The URL that the operation was about, without its password. */
  get url(): string | undefined {
    return this.#place.url;
  }

  /** @internal Fills in what the thrower did not know; what it knew stays. */
  locate(where: Where): void {
    this.#place = {
      adaptor: this.adaptor ?? where.adaptor,
      operation: this.operation ?? where.operation,
      url: this.url ?? where.url,
    };
  }

  /** `<Category>: <detail>` (GFD.90 section 3.1). */
  getMessage(): string {
    return `${this.code}: ${this.message}`;
  }

  getType(): ExceptionCategory {
    return this.code;
  }

  /**
   * The object on which the failed call was made.
   * @throws DoesNotExist when none is attached.
   */
  getObject(): SagaObject {
    if (!this.#object) throw new DoesNotExist('no SAGA object is attached to this exception');
    return this.#object;
  }

  /** This error first, then the collected lower ones, most specific first. */
  getAllExceptions(): SagaException[] {
    return [this, ...this.#lower];
  }

  /** `getMessage()` of `getAllExceptions()`, in the same order. */
  getAllMessages(): string[] {
    return this.getAllExceptions().map((e) => e.getMessage());
  }
}

/** The URL is well formed but no adaptor can serve it (unknown scheme, foreign backend). */
export class IncorrectURL extends SagaException {
  readonly code: typeof ExceptionCategory.IncorrectURL = ExceptionCategory.IncorrectURL;
}
/** An argument is malformed, out of range, or not honoured by the backend. */
export class BadParameter extends SagaException {
  readonly code: typeof ExceptionCategory.BadParameter = ExceptionCategory.BadParameter;
}
/** What was to be created is there already. */
export class AlreadyExists extends SagaException {
  readonly code: typeof ExceptionCategory.AlreadyExists = ExceptionCategory.AlreadyExists;
}
/** What was asked for is not there. */
export class DoesNotExist extends SagaException {
  readonly code: typeof ExceptionCategory.DoesNotExist = ExceptionCategory.DoesNotExist;
}
/** The object is not in a state that allows the call. */
export class IncorrectState extends SagaException {
  readonly code: typeof ExceptionCategory.IncorrectState = ExceptionCategory.IncorrectState;
}
/** The object is of another type than the call needs (GFD.90 v1.1). */
export class IncorrectType extends SagaException {
  readonly code: typeof ExceptionCategory.IncorrectType = ExceptionCategory.IncorrectType;
}
/** The identity is known and authorised for the service, but not for this operation. */
export class PermissionDenied extends SagaException {
  readonly code: typeof ExceptionCategory.PermissionDenied = ExceptionCategory.PermissionDenied;
}
/** No context of the session is authorised by the backend. */
export class AuthorizationFailed extends SagaException {
  readonly code: typeof ExceptionCategory.AuthorizationFailed = ExceptionCategory.AuthorizationFailed;
}
/** No context of the session is accepted as proof of identity. */
export class AuthenticationFailed extends SagaException {
  readonly code: typeof ExceptionCategory.AuthenticationFailed = ExceptionCategory.AuthenticationFailed;
}
/** The network or the backend did not answer in time. */
export class Timeout extends SagaException {
  readonly code: typeof ExceptionCategory.Timeout = ExceptionCategory.Timeout;
}
/** The operation failed for a reason that no other category names. */
export class NoSuccess extends SagaException {
  readonly code: typeof ExceptionCategory.NoSuccess = ExceptionCategory.NoSuccess;
}
/** The adaptor or this version does not offer the operation. */
export class NotImplemented extends SagaException {
  readonly code: typeof ExceptionCategory.NotImplemented = ExceptionCategory.NotImplemented;
}

/** The errors sorted most specific first; equals keep their order. */
export function mostSpecificFirst<E extends SagaException>(errors: readonly E[]): E[] {
  return [...errors].sort((a, b) => SPECIFICITY.indexOf(a.code) - SPECIFICITY.indexOf(b.code));
}
