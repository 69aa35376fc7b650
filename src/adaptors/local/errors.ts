/** The SAGA error for an errno of this machine (errno(3)). */
import { isNativeError } from 'node:util/types';

import {
  AlreadyExists,
  BadParameter,
  DoesNotExist,
  NoSuccess,
  PermissionDenied,
  type SagaException,
} from '../../saga/core/exceptions.js';

const CATEGORIES: Readonly<Record<string, new (message: string, options: { cause: unknown }) => SagaException>> = {
  ENOENT: DoesNotExist,
  ESRCH: DoesNotExist,
  EEXIST: AlreadyExists,
  EACCES: PermissionDenied,
  EPERM: PermissionDenied,
  EROFS: PermissionDenied,
  ENOTDIR: BadParameter,
  EISDIR: BadParameter,
  EINVAL: BadParameter,
  ENAMETOOLONG: BadParameter,
  ELOOP: BadParameter,
  ENOSPC: NoSuccess,
  EDQUOT: NoSuccess,
  EMFILE: NoSuccess,
  ENFILE: NoSuccess,
  EAGAIN: NoSuccess,
  ENOMEM: NoSuccess,
  EIO: NoSuccess,
};

/** What the user can do, where the system's own message does not say it. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space, or set XOSAGA_HOME to another file system',
  EDQUOT: 'your disk quota is used up; free some space, or set XOSAGA_HOME to another file system',
  EROFS: 'the file system is read-only; set XOSAGA_HOME to a writable directory',
  EMFILE: 'this process has too many open files; see ulimit -n',
  EAGAIN: 'no more processes can be started; see ulimit -u',
};

/** What a write that was cut short means: the system has written what there was room for. */
export function noSpace(): NodeJS.ErrnoException {
  return Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
}

export function translate(error: unknown): SagaException | undefined {
  if (!isNativeError(error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const Category = CATEGORIES[error.code];
  if (!Category) return undefined;
  const advice = ADVICE[error.code];
  return new Category(advice ? `${error.message}: ${advice}` : error.message, { cause: error });
}
