import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import jsonwebtoken from 'jsonwebtoken';

import { Context, isContextOfType } from '../../src/saga/core/context.js';
import { tokenOf } from '../../src/saga/core/context-types/jwt.js';
import { contextTypes, registerContextType } from '../../src/saga/core/context-types.js';
import {
  AlreadyExists,
  BadParameter,
  DoesNotExist,
  IncorrectState,
  NoSuccess,
  PermissionDenied,
  SagaException,
} from '../../src/saga/core/exceptions.js';
import { ObjectType } from '../../src/saga/core/object.js';
import { Session } from '../../src/saga/core/session.js';
import { rule } from '../support/rules.js';
import * as credentials from './credentials.js';

const saved = { ...process.env };
let home: string;

beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'xosaga-context-')));
  for (const name of Object.keys(process.env)) {
    if (/^(X509_|SLURM_|XOSAGA_|SSH_)/.test(name)) Reflect.deleteProperty(process.env, name);
  }
  process.env['HOME'] = home;
});

afterEach(async () => {
  process.env = { ...saved };
  await rm(home, { recursive: true, force: true });
});

/** A file below the home directory; returns its path. */
async function file(name: string, text: string, mode = 0o600): Promise<string> {
  const path = join(home, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text, { mode });
  return path;
}

/** What `addContext` of a fresh session makes of the context: the verified copy. */
async function verified(context: Context): Promise<Context> {
  const session = new Session(false);
  await session.addContext(context);
  const [copy] = session.listContexts();
  if (!copy) throw new Error('the session has no context');
  return copy;
}

/** The error with which a session refuses the context. */
async function refused(context: Context): Promise<SagaException> {
  const error: unknown = await new Session(false).addContext(context).then(
    () => undefined,
    (e: unknown) => e,
  );
  if (SagaException.is(error)) return error;
  throw new Error('the context was not refused by a SAGA error', { cause: error });
}

/** A context of the type whose defaults were not asked for. */
function bare(type: string, init: Partial<Record<string, string>> = {}): Context {
  return new Context('', { Type: type, ...init });
}

describe('the context', () => {
  rule(64, 'a type calls setDefaults, an empty type does not', () => {
    const context = new Context('UserPass');
    expect(context.type).toBe('UserPass');
    expect(context.userID).toBe(userInfo().username);
    expect(new Context('').listAttributes()).toEqual(['LifeTime']);
    expect(new Context().type).toBeUndefined();
    expect(bare('UserPass').userID).toBeUndefined();
  });

  rule(65, 'setDefaults without type is IncorrectState', () => {
    expect(() => {
      new Context().setDefaults();
    }).toThrow(new IncorrectState('the context has no type: set Type before setDefaults, or use new Context(type)'));
    expect(() => {
      bare('').setDefaults();
    }).toThrow(IncorrectState);
  });

  rule(66, 'setDefaults keeps what is set, fills what is empty, and may be called again', async () => {
    const key = await file('.ssh/id_rsa', credentials.SSH_KEY);
    const context = new Context('ssh', { userID: 'ann' });
    expect(context.userID).toBe('ann');
    expect(context.userKey).toBe(key);
    context.userKey = '';
    context.setDefaults();
    context.setDefaults();
    expect(context.userKey).toBe(key);
    context.userKey = '/other';
    context.setDefaults();
    expect(context.userKey).toBe('/other');
  });

  rule(67, 'setDefaults is NoSuccess with the reason when there are no valid defaults', () => {
    expect(() => new Context('ssh')).toThrow(
      `no ssh key and no agent: looked for id_ed25519, id_ecdsa, id_rsa in ${home}/.ssh and for SSH_AUTH_SOCK`,
    );
    expect(() => new Context('ssh')).toThrow(NoSuccess);
    expect(() => new Context('jwt')).toThrow('XOSAGA_JWT and SLURM_JWT are not set');
    expect(() => new Context('kerberos')).toThrow(NoSuccess);
    expect(() => new Context('kerberos')).toThrow(
      'the context type "kerberos" is unknown: known are UserPass, ssh, x509, jwt or slurm, Unknown',
    );
  });

  rule(68, 'RemoteID, RemoteHost and RemotePort are read-only', () => {
    const context = new Context();
    for (const key of ['RemoteID', 'RemoteHost', 'RemotePort']) {
      expect(context.attributeIsReadonly(key)).toBe(true);
      expect(() => {
        context.setAttribute(key, 'x');
      }).toThrow(PermissionDenied);
    }
  });

  rule(69, 'LifeTime is -1 by default, else seconds since the epoch', () => {
    const context = new Context();
    expect(context.lifeTime).toBe(-1);
    expect(context.getAttribute('LifeTime')).toBe('-1');
    context.lifeTime = 1999999999;
    expect(context.getAttribute('LifeTime')).toBe('1999999999');
    expect(new Context('', { lifeTime: '17' }).lifeTime).toBe(17);
    expect(() => new Context('', { LifeTime: 'soon' })).toThrow(BadParameter);
  });

  rule(70, 'a context of type Unknown stands for no security information', async () => {
    const context = new Context('Unknown');
    expect(context.toJSON()).toEqual({ type: 'Unknown' });
    await expect(verified(context)).resolves.toBeInstanceOf(Context);
  });

  rule(71, 'unknown keys are DoesNotExist', () => {
    expect(() => {
      new Context().setAttribute('UserFoo', 'x');
    }).toThrow(DoesNotExist);
    expect(() => new Context('', { userFoo: 'x' })).toThrow('Context has no property "userFoo"');
  });

  test('is a SAGA object whose clone shares nothing', () => {
    const context = new Context('UserPass', { UserID: 'ann' });
    const copy = context.clone();
    expect(context.getType()).toBe(ObjectType.Context);
    expect(copy).toBeInstanceOf(Context);
    expect(copy.equals(context)).toBe(true);
    expect(copy.getId()).not.toBe(context.getId());
    copy.userID = 'bob';
    expect(context.userID).toBe('ann');
    expect(copy.equals(context)).toBe(false);
  });

  test('an alias names the same type', () => {
    const context = bare('slurm');
    expect(isContextOfType(context, 'jwt')).toBe(true);
    expect(isContextOfType(context, 'ssh')).toBe(false);
    expect(isContextOfType(new Context(), 'ssh')).toBe(false);
  });
});

describe('UserPass', () => {
  test('needs both user and password', async () => {
    expect((await refused(bare('UserPass'))).message).toContain('has no UserID');
    expect((await refused(new Context('UserPass', { UserID: 'ann' }))).message).toContain('has no UserPass');
    expect((await verified(new Context('UserPass', { UserID: 'ann', UserPass: '' }))).userPass).toBe('');
  });
});

describe('ssh', () => {
  test('takes the best key there is, with its public key', async () => {
    await file('.ssh/id_rsa', credentials.SSH_KEY);
    const best = await file('.ssh/id_ed25519', credentials.SSH_KEY);
    await file('.ssh/id_ed25519.pub', 'ssh-ed25519 AAAA');
    const context = await verified(new Context('ssh'));
    expect(context.userKey).toBe(best);
    expect(context.userCert).toBe(`${best}.pub`);
    expect(context.userID).toBe(userInfo().username);
  });

  test('says what is wrong with a key file', async () => {
    const missing = join(home, 'missing');
    expect(await refused(bare('ssh', { UserKey: missing }))).toEqual(
      new NoSuccess(`the ssh key ${missing} does not exist`),
    );
    const open = await file('open', credentials.SSH_KEY, 0o644);
    expect((await refused(bare('ssh', { UserKey: open }))).message).toBe(
      `the ssh key ${open} is open to others (mode 0644): run chmod 600 ${open}`,
    );
    const pub = await file('key.pub', 'ssh-ed25519 AAAA');
    expect((await refused(bare('ssh', { UserKey: pub }))).message).toContain('is not a private ssh key');
    expect((await refused(bare('ssh', { UserKey: home }))).message).toContain('is not a file');
  });

  test.each([
    ['OpenSSH', credentials.ENCRYPTED_SSH_KEY],
    ['PKCS #8', credentials.ENCRYPTED_KEY],
  ])('asks for the passphrase of an encrypted key (%s)', async (_, text) => {
    const UserKey = await file('key', text);
    expect((await refused(bare('ssh', { UserKey }))).message).toContain('has a passphrase: set UserPass');
    await expect(verified(bare('ssh', { UserKey, UserPass: 'x' }))).resolves.toBeInstanceOf(Context);
  });

  test('an agent serves without a key', async () => {
    const socket = join(home, 'agent');
    process.env['SSH_AUTH_SOCK'] = socket;
    expect((await refused(new Context('ssh'))).message).toBe(
      `the ssh agent is gone: SSH_AUTH_SOCK names ${socket}. Start it with ssh-agent, or set UserKey`,
    );
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(socket, resolve);
    });
    try {
      expect((await verified(new Context('ssh'))).userKey).toBeUndefined();
    } finally {
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }
    process.env['SSH_AUTH_SOCK'] = '';
    expect((await refused(bare('ssh'))).message).toContain('names no agent: set UserKey');
  });
});

describe('x509', () => {
  test('takes certificate and key of ~/.globus, and reads when it ends and whose it is', async () => {
    process.env['X509_USER_CERT'] = await file('.globus/usercert.pem', credentials.CERTIFICATE, 0o644);
    process.env['X509_USER_KEY'] = await file('.globus/userkey.pem', credentials.KEY);
    process.env['X509_CERT_DIR'] = '/certificates';
    // Without UserCert the proxy in /tmp, which a machine may have, would come first.
    const given = new Context('x509', { UserCert: process.env['X509_USER_CERT'] });
    expect(given.userKey).toBe(process.env['X509_USER_KEY']);
    expect(given.certRepository).toBe('/certificates');
    const context = await verified(given);
    expect(context.lifeTime).toBe(Date.UTC(2100, 0, 1) / 1000);
    expect(context.userID).toBe('/C=NZ/O=Example/CN=Ann');
  });

  test('takes a proxy that holds certificate and key', async () => {
    process.env['X509_USER_PROXY'] = await file('proxy', credentials.CERTIFICATE + credentials.KEY);
    const context = await verified(new Context('x509'));
    expect(context.userProxy).toBe(process.env['X509_USER_PROXY']);
    expect(context.userCert).toBeUndefined();
  });

  test('the certificate of a chain that ends first counts', async () => {
    const UserProxy = await file('proxy', credentials.CERTIFICATE + credentials.KEY + credentials.EXPIRED_CERTIFICATE);
    expect((await refused(bare('x509', { UserProxy }))).message).toBe(
      `the x509 proxy ${UserProxy} expired at 2020-02-01T00:00:00.000Z: make a new one (voms-proxy-init, grid-proxy-init)`,
    );
  });

  test('says what is wrong with the files', async () => {
    const UserCert = await file('cert', credentials.CERTIFICATE, 0o644);
    const UserKey = await file('key', credentials.KEY);
    const messageOf = async (init: Record<string, string>): Promise<string> =>
      (await refused(bare('x509', init))).message;
    expect(await messageOf({})).toContain('has neither UserProxy nor UserCert');
    expect(await messageOf({ UserCert })).toContain('has a UserCert but no UserKey');
    expect(await messageOf({ UserCert: UserKey, UserKey })).toContain('holds no readable certificate');
    expect(await messageOf({ UserCert, UserKey: UserCert })).toContain('is open to others (mode 0644)');
    expect(await messageOf({ UserCert, UserKey: await file('none', 'x') })).toContain('holds no readable private key');
    expect(await messageOf({ UserCert, UserKey: await file('other', credentials.OTHER_KEY) })).toContain(
      'does not belong to the certificate',
    );
    expect(await messageOf({ UserCert: await file('future', credentials.FUTURE_CERTIFICATE), UserKey })).toContain(
      'is valid only from 2099-01-01T00:00:00.000Z: check the clock',
    );
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    expect(await messageOf({ UserCert: await file('broken', broken), UserKey })).toContain('no readable certificate');
  });

  test('opens a key with the passphrase in UserPass, and never tells it', async () => {
    const UserCert = await file('cert', credentials.CERTIFICATE);
    const UserKey = await file('key', credentials.ENCRYPTED_KEY);
    expect((await refused(bare('x509', { UserCert, UserKey }))).message).toContain('has a passphrase: set UserPass');
    const wrong = await refused(bare('x509', { UserCert, UserKey, UserPass: 'wrong-horse' }));
    expect(wrong.message).toContain("can't be opened with the passphrase in UserPass");
    expect(inspect(wrong, { depth: Infinity })).not.toContain('wrong-horse');
    const right = bare('x509', { UserCert, UserKey, UserPass: credentials.PASSPHRASE });
    await expect(verified(right)).resolves.toBeInstanceOf(Context);
  });
});

describe('jwt', () => {
  const key = 'a key of at least thirty-two bytes';
  const inAnHour = Math.floor(Date.now() / 1000) + 3600;
  const good = jsonwebtoken.sign({ sun: 'ann', exp: inAnHour }, key);
  const expired = jsonwebtoken.sign({ exp: 1500000000 }, key);

  test('takes the token of the environment, its end and its Slurm user', async () => {
    process.env['SLURM_JWT'] = `${good}\n`;
    const context = await verified(new Context('slurm'));
    expect(context.type).toBe('slurm');
    expect(context.userPass).toBe(good);
    expect(context.lifeTime).toBe(inAnHour);
    expect(context.userID).toBe('ann');
  });

  test('reads a token file anew each time', async () => {
    const UserProxy = await file('token', `${good}\n`);
    const context = await verified(new Context('jwt', { UserProxy }));
    await expect(tokenOf(context)).resolves.toBe(good);
    await file('token', 'renewed');
    await expect(tokenOf(context)).resolves.toBe('renewed');
    expect(context.userPass).toBeUndefined();
  });

  test('refuses a token that is over, not yet valid, or none, and never tells it', async () => {
    const late = await refused(bare('jwt', { UserPass: expired }));
    expect(late.message).toContain('the token expired at 2017-07-14T02:40:00.000Z: get a new one');
    const early = jsonwebtoken.sign({ nbf: inAnHour }, key);
    const soon = await refused(bare('jwt', { UserPass: early }));
    expect(soon.message).toContain('is valid only from');
    const none = await refused(bare('jwt', { UserPass: 'eyJub3QuYS50b2tlbg' }));
    expect(none.message).toContain('is no JSON web token');
    const asPath = await refused(bare('jwt', { UserProxy: good }));
    expect(asPath.message).toContain('UserProxy holds a token but takes the path of a file');
    expect((await refused(bare('jwt'))).message).toContain('has no token');
    const shown = [late, soon, none, asPath].map((e) => inspect(e, { depth: Infinity })).join();
    for (const secret of [expired, early, 'eyJub3QuYS50b2tlbg', good]) expect(shown).not.toContain(secret);
  });

  test('a token file has to be private', async () => {
    const UserProxy = await file('token', good, 0o640);
    expect((await refused(bare('jwt', { UserProxy }))).message).toContain(`run chmod 600 ${UserProxy}`);
  });
});

describe('registered types', () => {
  test('an adaptor brings a type, with defaults and a check', async () => {
    const unregister = registerContextType({
      name: 'kerberos',
      aliases: ['krb5'],
      defaults: () => ({ UserID: 'ann', Server: 'kdc' }),
      verify: (context) => Promise.resolve({ LifeTime: '4000000000', UserVO: context.server }),
    });
    try {
      const context = await verified(new Context('krb5', { UserID: 'bob' }));
      expect(context.toJSON()).toEqual({
        type: 'krb5',
        userID: 'bob',
        server: 'kdc',
        lifeTime: 4000000000,
        userVO: 'kdc',
      });
      expect(contextTypes().map((type) => type.name)).toContain('kerberos');
    } finally {
      unregister();
    }
    expect(() => new Context('krb5')).toThrow(NoSuccess);
  });

  test('a name is taken once, whatever its case', () => {
    expect(() => registerContextType({ name: 'SSH', defaults: () => ({}) })).toThrow(
      new AlreadyExists('there is a context type "ssh" already'),
    );
  });

  test.each([
    ['in the message', (secret: string) => new Error(`bad password ${secret}`)],
    ['in a cause', (secret: string) => new NoSuccess('refused', { cause: new Error(secret) })],
    ['in a field', (secret: string) => Object.assign(new Error('refused'), { headers: { token: secret } })],
  ])('a password %s of its error does not get out', async (_, makeError) => {
    const secret = 'hunter2-and-more';
    const unregister = registerContextType({
      name: 'leaky',
      defaults: () => ({}),
      verify: (context) => Promise.reject(makeError(context.userPass ?? '')),
    });
    try {
      const error = await refused(new Context('leaky', { UserPass: secret }));
      expect(error.code).toBe('NoSuccess');
      expect(error.message).toMatch(/bad password \*\*\*|refused/);
      expect(inspect(error, { depth: Infinity, showHidden: true })).not.toContain(secret);
    } finally {
      unregister();
    }
  });
});

describe('secrets', () => {
  test('nothing that shows a context shows its password', async () => {
    const secret = 'hunter2-and-more';
    const context = new Context('UserPass', { UserID: 'ann', UserPass: secret });
    const session = new Session(false);
    await session.addContext(context);
    for (const object of [context, session, { context, session }, [context]]) {
      expect(JSON.stringify(object)).not.toContain(secret);
      expect(inspect(object, { depth: Infinity, showHidden: true })).not.toContain(secret);
      expect(inspect(object, { depth: Infinity, showHidden: true, customInspect: false })).not.toContain(secret);
    }
    expect([String(context), String(session)]).toEqual([
      'Context(UserPass, UserID=ann)',
      'Session(Context(UserPass, UserID=ann))',
    ]);
    expect(JSON.parse(JSON.stringify(context))).toEqual({ type: 'UserPass', userID: 'ann', userPass: '***' });
    expect(context.getAttribute('UserPass')).toBe(secret);
    expect(() => {
      session.removeContext(new Context('UserPass', { UserID: 'bob', UserPass: secret }));
    }).toThrow('the session has no context equal to Context(UserPass, UserID=bob): a context is removed');
  });
});
