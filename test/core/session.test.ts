import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { Context } from '../../src/saga/core/context.js';
import { registerContextType } from '../../src/saga/core/context-types.js';
import { BadParameter, DoesNotExist, NoSuccess, Timeout } from '../../src/saga/core/exceptions.js';
import { ObjectType } from '../../src/saga/core/object.js';
import { contextsOf, defaultSession, Session, sessionKey, SessionObject } from '../../src/saga/core/session.js';
import { rule } from '../support/rules.js';

class Thing extends SessionObject {
  getType(): number {
    return 0;
  }
  override clone(): this {
    return new Thing(this.getSession()) as this;
  }
}

/** A context that is always accepted. */
function password(userID: string): Context {
  return new Context('UserPass', { UserID: userID, UserPass: 'x' });
}

function usersOf(session: Session): (string | undefined)[] {
  return session
    .listContexts()
    .filter((context) => context.type === 'UserPass')
    .map((context) => context.userID);
}

beforeAll(() => {
  // Before anything asks the default session, which looks once: it finds exactly this token.
  for (const name of ['SSH_AUTH_SOCK', 'SLURM_JWT', 'X509_USER_PROXY']) Reflect.deleteProperty(process.env, name);
  process.env['HOME'] = '/nonexistent';
  process.env['XOSAGA_JWT'] = 'offered';
  registerContextType({
    name: 'fickle',
    offered: () => true,
    defaults() {
      throw new NoSuccess('gone in the meantime');
    },
  });
});

afterEach(() => {
  const session = defaultSession();
  for (const context of session.listContexts()) if (context.type === 'UserPass') session.removeContext(context);
});

describe('the session', () => {
  rule(52, 'new Session() is a shallow copy of the default session', async () => {
    const one = new Session();
    const other = new Session(true);
    await one.addContext(password('ann'));
    expect(usersOf(other)).toEqual(['ann']);
    expect(usersOf(defaultSession())).toEqual(['ann']);
    expect(sessionKey(one)).toBe(sessionKey(defaultSession()));
    expect(one.getId()).not.toBe(other.getId());
  });

  rule(53, 'new Session(false) starts empty and stands alone', async () => {
    const own = new Session(false);
    expect(own.listContexts()).toEqual([]);
    await own.addContext(password('ann'));
    expect(usersOf(defaultSession())).toEqual([]);
    expect(usersOf(new Session(false))).toEqual([]);
  });

  rule(54, 'addContext keeps a deep copy', async () => {
    const session = new Session(false);
    const context = password('ann');
    await session.addContext(context);
    context.userID = 'bob';
    expect(usersOf(session)).toEqual(['ann']);
  });

  rule(55, 'an equal context is kept once, also when both are added at once', async () => {
    const session = new Session(false);
    await session.addContext(password('ann'));
    await session.addContext(password('ann'));
    await Promise.all([session.addContext(password('bob')), session.addContext(password('bob'))]);
    expect(usersOf(session)).toEqual(['ann', 'bob']);
    const [listed] = session.listContexts();
    if (listed) await session.addContext(listed);
    expect(usersOf(session)).toEqual(['ann', 'bob']);
  });

  rule([18, 56], 'an object made before may use a context added later; its session is a shallow copy', async () => {
    const session = new Session(false);
    const thing = new Thing(session);
    await session.addContext(password('ann'));
    expect(contextsOf(thing.getSession()).map((context) => context.userID)).toEqual(['ann']);
    await thing.getSession().addContext(password('bob'));
    expect(usersOf(session)).toEqual(['ann', 'bob']);
    expect(thing.getSession()).not.toBe(session);
    expect(sessionKey(thing.getSession())).toBe(sessionKey(session));
  });

  rule(57, 'removeContext goes by equal attributes; without a match DoesNotExist', async () => {
    const session = new Session(false);
    await session.addContext(password('ann'));
    session.removeContext(password('ann'));
    expect(session.listContexts()).toEqual([]);
    expect(() => {
      session.removeContext(password('ann'));
    }).toThrow(DoesNotExist);
  });

  rule(58, 'after removeContext no object of the session has it', async () => {
    const session = new Session(false);
    const thing = new Thing(session);
    await session.addContext(password('ann'));
    session.removeContext(password('ann'));
    expect(contextsOf(thing.getSession())).toEqual([]);
  });

  rule(59, 'listContexts gives deep copies', async () => {
    const session = new Session(false);
    await session.addContext(password('ann'));
    for (const context of session.listContexts()) context.userID = 'bob';
    expect(usersOf(session)).toEqual(['ann']);
  });

  rule(60, 'the default session has what the environment offers', () => {
    const offered = new Session().listContexts().filter((context) => context.type === 'jwt');
    expect(offered.map((context) => context.userPass)).toEqual(['offered']);
    for (const type of ['ssh', 'fickle']) {
      expect(new Session().listContexts().filter((context) => context.type === type)).toEqual([]);
    }
  });

  rule(61, 'the contexts that an operation took stay when the session loses them', async () => {
    const session = new Session(false);
    await session.addContext(password('ann'));
    const taken = contextsOf(session);
    session.removeContext(password('ann'));
    expect(taken.map((context) => context.userPass)).toEqual(['x']);
  });

  rule(62, 'addContext checks: NoSuccess for bad credentials, Timeout when the time is over', async () => {
    const session = new Session(false);
    await expect(session.addContext(new Context('UserPass'))).rejects.toThrow(NoSuccess);
    const past = password('ann');
    past.lifeTime = 1500000000;
    await expect(session.addContext(past)).rejects.toThrow(
      new NoSuccess('the LifeTime of the UserPass context ended at 2017-07-14T02:40:00.000Z: renew the credential'),
    );
    const unregister = registerContextType({
      name: 'stuck',
      defaults: () => ({}),
      verify: () => new Promise(() => undefined),
    });
    try {
      const timeout = new AbortController();
      const adding = session.addContext(new Context('stuck'), { signal: timeout.signal });
      timeout.abort(new DOMException('late', 'TimeoutError'));
      await expect(adding).rejects.toThrow(Timeout);
      const aborting = session.addContext(password('ann'), { signal: AbortSignal.abort() });
      await expect(aborting).rejects.toThrow(NoSuccess);
    } finally {
      unregister();
    }
    expect(session.listContexts()).toEqual([]);
  });

  rule(63, 'the session has no session', () => {
    expect(() => new Session().getSession()).toThrow(DoesNotExist);
    expect(new Session().getType()).toBe(ObjectType.Session);
  });

  test('a clone is a session of its own with the same contexts', async () => {
    const session = new Session(false);
    await session.addContext(password('ann'));
    const copy = session.clone();
    await copy.addContext(password('bob'));
    expect(usersOf(copy)).toEqual(['ann', 'bob']);
    expect(usersOf(session)).toEqual(['ann']);
    expect(copy.getId()).not.toBe(session.getId());
  });

  rule(16, 'an object made without a session is in the default one', () => {
    expect(sessionKey(new Thing().getSession())).toBe(sessionKey(defaultSession()));
  });

  test('what is no context, and a context without or of an unknown type, is BadParameter', async () => {
    const session = new Session(false);
    await expect(session.addContext(JSON.parse('{}') as Context)).rejects.toThrow(
      'a session takes contexts: make one with',
    );
    await expect(session.addContext(undefined as unknown as Context)).rejects.toThrow(BadParameter);
    expect(() => {
      session.removeContext(null as unknown as Context);
    }).toThrow(BadParameter);
    await expect(session.addContext(new Context())).rejects.toThrow(
      new BadParameter(
        'the context has no type: set Type to one of UserPass, ssh, x509, jwt or slurm, Unknown, fickle',
      ),
    );
    await expect(session.addContext(new Context('', { Type: 'kerberos' }))).rejects.toThrow(
      'the context type "kerberos" is unknown: known are UserPass, ssh, x509, jwt or slurm, Unknown, fickle; an',
    );
    expect(() => contextsOf(JSON.parse('{}') as Session)).toThrow('not a session of this copy of xosaga');
  });
});
