/** The SAGA error for an errno of the file system (errno(3)). */
import { isNativeError } from 'node:util/types';

import {
  AlreadyExists,
  BadParameter,
  DoesNotExist,
  IncorrectState,
  NoSuccess,
  NotImplemented,
  PermissionDenied,
  SagaException,
} from '../../saga/core/exceptions.js';

const CATEGORIES: Readonly<Record<string, new (message: string, options: { cause: unknown }) => SagaException>> = {
  ENOENT: DoesNotExist,
  ENOTDIR: DoesNotExist,
  EEXIST: AlreadyExists,
  EACCES: PermissionDenied,
  EPERM: PermissionDenied,
  EROFS: PermissionDenied,
  EISDIR: BadParameter,
  EINVAL: BadParameter,
  ENAMETOOLONG: BadParameter,
  ENOTEMPTY: IncorrectState,
  ELOOP: IncorrectState,
  EXDEV: NotImplemented,
  EBUSY: NoSuccess,
  ETXTBSY: NoSuccess,
  EFBIG: NoSuccess,
  EMLINK: NoSuccess,
  ENOSPC: NoSuccess,
  EDQUOT: NoSuccess,
  EMFILE: NoSuccess,
  ENFILE: NoSuccess,
  ENOMEM: NoSuccess,
  EIO: NoSuccess,
  ESTALE: NoSuccess,
};

/** What the user can do, where the system's own message does not say it. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOTDIR: 'something above it is no directory',
  ENAMETOOLONG: 'a name takes at most 255 bytes, and a path 4095 on most systems',
  ELOOP: 'its links lead in a circle',
  EXDEV: 'the two places are on different file systems',
  ENOSPC: 'free some space, or choose another file system',
  EDQUOT: 'your disk quota is used up; free some space, or choose another file system',
  EROFS: 'choose a place on a writable file system',
  EMFILE: 'this process has too many open files; see ulimit -n',
};

export function isErrno(error: unknown, ...codes: string[]): boolean {
  return isNativeError(error) && 'code' in error && codes.includes(String(error.code));
}

export function translate(error: unknown): SagaException | undefined {
  return isNativeError(error) ? explained(error, error.message) : undefined;
}

/** The error of something that was done to `subject`, for people: names may have been reached by descriptors. */
export function failureOf(subject: string, error: unknown): unknown {
  if (SagaException.is(error) || !isNativeError(error)) return error;
  // "ENOENT: no such file or directory, open '/proc/self/fd/20/name'"
  const reason = error.message.replace(/, \w+(?: '.*)?$/s, '');
  return explained(error, `${subject}: ${reason}`) ?? error;
}

function explained(error: Error, message: string): SagaException | undefined {
  if (!('code' in error) || typeof error.code !== 'string') return undefined;
  const Category = CATEGORIES[error.code];
  if (!Category) return undefined;
  const advice = ADVICE[error.code];
  return new Category(advice ? `${message}: ${advice}` : message, { cause: error });
}
