import { afterEach, describe, expect, test } from '@jest/globals';

import { Buffer } from '../../src/saga/core/buffer.js';
import { Context } from '../../src/saga/core/context.js';
import { DoesNotExist } from '../../src/saga/core/exceptions.js';
import { Metric } from '../../src/saga/core/metric.js';
import { ObjectType, type SagaObject } from '../../src/saga/core/object.js';
import { OperationTask } from '../../src/saga/core/operation-task.js';
import { defaultSession, Session, SessionObject } from '../../src/saga/core/session.js';
import { TaskContainer } from '../../src/saga/core/task-container.js';
import { URL } from '../../src/saga/core/url.js';
import { JobDescription } from '../../src/saga/job/job-description.js';
import { rule } from '../support/rules.js';

const newMetric = (): Metric => new Metric('m', 'a metric', 'ReadWrite', '1', 'Int', '1');
const newTask = (): OperationTask<number> =>
  new OperationTask({ object: new URL(), name: 'url.count', call: () => Promise.resolve(7) });
const newCredential = (): Context => new Context('UserPass', { UserID: 'ann', UserPass: 'pw' });

/** One of each class, with its type. */
const kinds: [name: keyof typeof ObjectType, make: () => SagaObject][] = [
  ['URL', () => new URL('http://h/')],
  ['Buffer', () => new Buffer(Uint8Array.of(1))],
  ['Session', () => new Session(false)],
  ['Context', () => new Context()],
  ['Task', newTask],
  ['TaskContainer', () => new TaskContainer()],
  ['Metric', newMetric],
  ['JobDescription', () => new JobDescription({ executable: '/bin/true' })],
];

/** An object of the kind that a service makes: it gets its session passed on. */
class Made extends SessionObject {
  getType(): number {
    return ObjectType.NSEntry;
  }

  make(): Made {
    return new Made(this.getSession());
  }

  override clone(): this {
    return new Made(this.getSession()) as this;
  }
}

const userIDs = (session: Session): (string | undefined)[] => session.listContexts().map((c) => c.userID);

describe('every SAGA object', () => {
  afterEach(() => {
    const session = defaultSession();
    for (const context of session.listContexts()) if (context.userID === 'ann') session.removeContext(context);
  });

  rule(14, 'getId is a UUID, constant and of this object alone', () => {
    const ids = kinds.flatMap(([, make]) => {
      const [object, other] = [make(), make()];
      expect(object.getId()).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(object.getId()).toBe(object.getId());
      return [object.getId(), other.getId()];
    });
    expect(new Set(ids).size).toBe(2 * kinds.length);
  });

  rule(15, 'getType is the code of the class', () => {
    for (const [name, make] of kinds) expect(make().getType()).toBe(ObjectType[name]);
    expect(Object.values(ObjectType)).toEqual(Array.from({ length: 23 }, (_, i) => i + 1));
  });

  rule(16, 'without a session an object lives in the default session', async () => {
    for (const object of [new URL(), new Buffer(), new Context()]) {
      const context = newCredential();
      await defaultSession().addContext(context);
      expect(userIDs(object.getSession())).toContain('ann');
      new Session().removeContext(context);
      expect(userIDs(object.getSession())).not.toContain('ann');
    }
  });

  rule(17, 'job description, task, metric and session have no session', () => {
    for (const object of [new JobDescription(), newTask(), newMetric(), new Session(false), new Session()]) {
      expect(() => object.getSession()).toThrow(DoesNotExist);
      expect(() => object.getSession()).toThrow('has no session');
    }
  });

  rule(18, 'what is added to the session of an object, the object has', async () => {
    const session = new Session(false);
    const object = new Made(session);
    expect(object.getSession()).not.toBe(session);
    await object.getSession().addContext(newCredential());
    expect(userIDs(object.getSession())).toEqual(['ann']);
    expect(userIDs(session)).toEqual(['ann']);
  });

  rule(19, 'a clone shares nothing but the session', async () => {
    const url = new URL('http://h/a');
    url.clone().setPath('/b');
    expect(url.getPath()).toBe('/a');

    const buffer = new Buffer(Uint8Array.of(1, 2));
    buffer.clone().getData().fill(9);
    expect([...buffer.getData()]).toEqual([1, 2]);

    const context = newCredential();
    context.clone().setAttribute('UserID', 'bob');
    expect(context.userID).toBe('ann');

    const metric = newMetric();
    metric.clone().value = '2';
    expect(metric.value).toBe('1');

    const description = new JobDescription({ executable: '/bin/echo', arguments: ['a'] });
    description.clone().setVectorAttribute('Arguments', ['b', 'c']);
    expect(description.arguments).toEqual(['a']);

    const session = new Session(false);
    await session.clone().addContext(context);
    expect(session.listContexts()).toHaveLength(0);

    const container = new TaskContainer();
    container.clone().add(newTask());
    expect(container.size()).toBe(0);
  });

  rule(20, 'a clone is of the same class and has an id of its own', () => {
    for (const [, make] of kinds) {
      const object = make();
      const clone = object.clone();
      expect(clone).not.toBe(object);
      expect(clone.getId()).not.toBe(object.getId());
      expect(clone.getType()).toBe(object.getType());
      expect(clone).toBeInstanceOf(object.constructor);
    }
  });

  rule(21, 'what an object makes lives in its session', async () => {
    const session = new Session(false);
    const made = new Made(session).make().make();
    await session.addContext(newCredential());
    expect(userIDs(made.getSession())).toEqual(['ann']);
    expect(userIDs(made.clone().getSession())).toEqual(['ann']);
  });

  rule(22, 'assignment is shallow, and arguments are not kept shared', async () => {
    const url = new URL('http://h/a');
    const same = url;
    same.setPath('/b');
    expect(url.getPath()).toBe('/b');
    const taken = new URL(url);
    url.setPath('/c');
    expect(taken.getPath()).toBe('/b');

    const session = new Session(false);
    const context = newCredential();
    await session.addContext(context);
    context.userID = 'bob';
    expect(userIDs(session)).toEqual(['ann']);

    const words = ['a'];
    const description = new JobDescription({ executable: '/bin/echo', arguments: words });
    words.push('b');
    expect(description.getVectorAttribute('Arguments')).toEqual(['a']);
    description.getVectorAttribute('Arguments').push('c');
    expect(description.getVectorAttribute('Arguments')).toEqual(['a']);
  });

  test('an object without a session says which', () => {
    expect(() => newMetric().getSession()).toThrow('a Metric has no session');
  });
});
