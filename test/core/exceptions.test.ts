import { inspect } from 'node:util';
import { createContext, runInContext } from 'node:vm';

import { describe, expect, test } from '@jest/globals';

import { Buffer } from '../../src/saga/core/buffer.js';
import { Context } from '../../src/saga/core/context.js';
import * as exceptions from '../../src/saga/core/exceptions.js';
import {
  AuthenticationFailed,
  AuthorizationFailed,
  BadParameter,
  DoesNotExist,
  ExceptionCategory,
  IncorrectURL,
  mostSpecificFirst,
  NoSuccess,
  NotImplemented,
  PermissionDenied,
  SagaException,
  Timeout,
} from '../../src/saga/core/exceptions.js';
import { Metric } from '../../src/saga/core/metric.js';
import { Session } from '../../src/saga/core/session.js';
import { TaskContainer } from '../../src/saga/core/task-container.js';
import { URL } from '../../src/saga/core/url.js';
import { AdaptorRegistry } from '../../src/saga/engine/registry.js';
import { JobDescription } from '../../src/saga/job/job-description.js';
import { rule } from '../support/rules.js';

const ORDER = [
  'IncorrectURL',
  'BadParameter',
  'AlreadyExists',
  'DoesNotExist',
  'IncorrectState',
  'IncorrectType',
  'PermissionDenied',
  'AuthorizationFailed',
  'AuthenticationFailed',
  'Timeout',
  'NoSuccess',
  'NotImplemented',
] as const;

const one = (category: ExceptionCategory, message = 'why'): SagaException => new exceptions[category](message);
const codes = (errors: readonly SagaException[]): string[] => errors.map((e) => e.code);

describe('SAGA exceptions', () => {
  rule(1, 'the most specific error comes first, whatever the order of their coming', () => {
    expect(codes(mostSpecificFirst(ORDER.map((category) => one(category)).reverse()))).toEqual(ORDER);
    const [low, first, second] = [one('Timeout'), one('BadParameter', 'first'), one('BadParameter', 'second')];
    expect(mostSpecificFirst([low, first, second])).toEqual([first, second, low]);
  });

  rule(2, 'NotImplemented is the least specific, as in v1.1', () => {
    for (const category of ORDER.slice(0, -1)) {
      expect(codes(mostSpecificFirst([new NotImplemented('n'), one(category)]))).toEqual([category, 'NotImplemented']);
    }
  });

  rule(3, 'NoSuccess never hides a more specific error', () => {
    for (const category of ORDER.slice(0, -2)) {
      expect(mostSpecificFirst([new NoSuccess('generic'), one(category)])[0]?.code).toBe(category);
    }
  });

  rule(4, 'every method is there, whether it is implemented or not', () => {
    const attributes =
      'setAttribute getAttribute setVectorAttribute getVectorAttribute removeAttribute listAttributes findAttributes ' +
      'attributeExists attributeIsReadonly attributeIsWritable attributeIsRemovable attributeIsVector';
    const monitorable = 'listMetrics getMetric addCallback removeCallback';
    const object = 'getId getType getSession clone';
    const methods: [prototype: object, names: string][] = [
      [SagaException.prototype, 'getMessage getType getObject getAllExceptions getAllMessages'],
      [
        URL.prototype,
        `${object} setString getString setScheme getScheme setHost getHost setPort getPort setFragment getFragment ` +
          'setPath getPath setQuery getQuery setUserinfo getUserinfo translate getEscaped',
      ],
      [Buffer.prototype, `${object} setSize getSize setData getData close`],
      [Session.prototype, `${object} addContext removeContext listContexts`],
      [Context.prototype, `${object} ${attributes} setDefaults`],
      [Metric.prototype, `${object} ${attributes} addCallback removeCallback fire`],
      [
        TaskContainer.prototype,
        `${object} ${monitorable} add remove run cancel wait size listTasks getTask getTasks getStates`,
      ],
      [JobDescription.prototype, `${object} ${attributes}`],
    ];
    for (const [prototype, names] of methods) {
      const missing = names
        .split(' ')
        .filter((name) => typeof (prototype as Record<string, unknown>)[name] !== 'function');
      expect(missing).toEqual([]);
    }
  });

  rule(5, 'getMessage is "<category>: <detail>"', () => {
    for (const category of ORDER) {
      const error = one(category, 'the detail');
      expect(error.getMessage()).toBe(`${category}: the detail`);
      expect(error.message).toBe('the detail');
      expect(error.getType()).toBe(ExceptionCategory[category]);
      expect(error.name).toBe(category);
    }
  });

  rule(6, 'getObject gives the object or throws DoesNotExist', () => {
    const url = new URL('http://h/');
    expect(new BadParameter('why', { object: url }).getObject()).toBe(url);
    expect(() => new BadParameter('why').getObject()).toThrow(DoesNotExist);
    expect(() => new BadParameter('why').getObject()).toThrow('no SAGA object is attached');
  });

  rule(7, 'getAllExceptions has the error itself, then the lower ones, and getAllMessages their messages', () => {
    const timeout = new Timeout('slow');
    const denied = new PermissionDenied('not yours');
    const error = new PermissionDenied('nobody could', { lower: [timeout, denied] });
    expect(error.getAllExceptions()).toEqual([error, denied, timeout]);
    expect(error.getAllMessages()).toEqual([
      'PermissionDenied: nobody could',
      'PermissionDenied: not yours',
      'Timeout: slow',
    ]);
    expect(new Timeout('alone').getAllMessages()).toEqual(['Timeout: alone']);
    error.getAllExceptions().pop();
    expect(error.getAllExceptions()).toHaveLength(3);
  });

  rule(8, 'one handler catches all', () => {
    for (const category of ORDER) {
      expect(one(category)).toBeInstanceOf(SagaException);
      expect(one(category)).toBeInstanceOf(Error);
      expect(SagaException.is(one(category))).toBe(true);
    }
    for (const other of [new Error('no'), null, undefined, 'BadParameter', {}]) {
      expect(SagaException.is(other)).toBe(false);
    }
  });

  rule(9, 'IncorrectURL is for what nobody serves, BadParameter for what is no URL', async () => {
    expect(() => new URL('http://:80/')).toThrow(BadParameter);
    const foreign = new URL('nosuch://host/');
    const registry = new AdaptorRegistry([]);
    await expect(registry.serving(foreign.getScheme(), 'job.submit')).rejects.toThrow(IncorrectURL);
  });

  rule(10, 'a name that no entry can have is BadParameter', () => {
    for (const call of [() => new URL('file:///tmp/a%00b'), () => new URL('file:///tmp/').resolve('a\0b')]) {
      expect(call).toThrow(BadParameter);
      expect(call).toThrow('NUL');
    }
  });

  rule(11, 'of three backends the one that came furthest tells why', () => {
    const authentication = new AuthenticationFailed('who are you');
    const authorization = new AuthorizationFailed('you may not use this service');
    const permission = new PermissionDenied('you may not do this');
    expect(mostSpecificFirst([authentication, authorization, permission])).toEqual([
      permission,
      authorization,
      authentication,
    ]);
  });

  rule(13, 'there is no error_handler beside exceptions', () => {
    for (const object of [new URL(), new Buffer(), new Session(false), new Context(), new TaskContainer()]) {
      expect(object).not.toHaveProperty('hasError');
      expect(object).not.toHaveProperty('getError');
    }
  });

  test('an error knows where it happened', () => {
    const cause = new Error('native');
    const error = new NoSuccess('why', { cause, adaptor: 'local', operation: 'job.run', url: 'local://h' });
    expect(error).toMatchObject({ cause, adaptor: 'local', operation: 'job.run', url: 'local://h' });
    expect(new NoSuccess('why')).not.toHaveProperty('cause');
    expect(new NoSuccess('why', { cause: undefined })).toHaveProperty('cause', undefined);
  });

  test('what the thrower did not know is filled in, what it knew stays', () => {
    const error = new NoSuccess('why', { operation: 'job.run' });
    error.locate({ adaptor: 'local', operation: 'job.cancel', url: 'local://h' });
    expect(error).toMatchObject({ adaptor: 'local', operation: 'job.run', url: 'local://h' });
  });

  test('stack and inspect begin with the category', () => {
    const error = new BadParameter('why');
    expect(error.stack).toMatch(/^BadParameter: why\n/);
    expect(inspect(error)).toMatch(/^BadParameter: why\n/);
    expect(String(error)).toBe('BadParameter: why');
  });

  test('errors of another copy of the library are recognised', () => {
    const elsewhere = runInContext(
      `class Foreign extends Error {}; Foreign.prototype[Symbol.for('xosaga.SagaException')] = true; new Foreign('x')`,
      createContext({}),
    ) as unknown;
    expect(elsewhere).not.toBeInstanceOf(SagaException);
    expect(SagaException.is(elsewhere)).toBe(true);
  });
});
