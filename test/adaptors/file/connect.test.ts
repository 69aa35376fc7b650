import { describe, expect, test } from '@jest/globals';
import { hostname } from 'node:os';

import { failureOf, translate } from '../../../src/adaptors/file/errors.js';
import { connect } from '../../../src/adaptors/file/index.js';
import { BadParameter } from '../../../src/saga/core/exceptions.js';
import { URL } from '../../../src/saga/core/url.js';
import { failure } from './files.js';

const errno = (code: string, message: string): Error => Object.assign(new Error(message), { code });

describe('connect', () => {
  test.each(['file:///', 'file://localhost/', `file://${hostname()}/`])('%s is one service', async (url) => {
    expect((await connect(new URL(url))).serviceUrl?.toString()).toBe('file:///');
  });

  test('another host is refused', async () => {
    const error = await failure(connect(new URL('file://elsewhere.example/')));
    expect(error).toMatchObject({ code: 'IncorrectURL' });
    expect(error.message).toContain('names another host');
  });

  test('a user and a port are refused', async () => {
    const error = await failure(connect(new URL('file://me@localhost:80/')));
    expect(error).toMatchObject({ code: 'BadParameter' });
    expect(error.message).toContain('has a user and a port');
  });
});

describe('errors', () => {
  test.each([
    ['ENOENT', 'DoesNotExist'],
    ['ENOTDIR', 'DoesNotExist'],
    ['EEXIST', 'AlreadyExists'],
    ['EACCES', 'PermissionDenied'],
    ['EROFS', 'PermissionDenied'],
    ['EISDIR', 'BadParameter'],
    ['ENOTEMPTY', 'IncorrectState'],
    ['ELOOP', 'IncorrectState'],
    ['EXDEV', 'NotImplemented'],
    ['ENOSPC', 'NoSuccess'],
  ])('%s is %s', (code, category) => {
    expect(translate(errno(code, 'x'))).toMatchObject({ code: category });
  });

  test('what they do not know they leave', () => {
    expect(translate(errno('EWHATEVER', 'x'))).toBeUndefined();
    expect(translate(new Error('x'))).toBeUndefined();
    expect(translate('x')).toBeUndefined();
  });

  test('people see names, not descriptors', () => {
    const error = errno('EACCES', "EACCES: permission denied, open '/proc/self/fd/20/a, b'");
    expect(failureOf("copying '/x'", error)).toMatchObject({
      message: "copying '/x': EACCES: permission denied",
      cause: error,
    });
    const known = new BadParameter('x');
    expect(failureOf('y', known)).toBe(known);
  });
});
