import { describe, expect, jest, test } from '@jest/globals';

import { Context } from '../../src/saga/core/context.js';
import { AuthorizationFailed } from '../../src/saga/core/exceptions.js';
import type { CallbackLike } from '../../src/saga/core/callback.js';
import { Metric, type MetricEvent, MetricMode } from '../../src/saga/core/metric.js';
import { AttributeType } from '../../src/saga/core/attributes.js';
import { rule } from '../support/rules.js';

const temperature = (mode: MetricMode = 'ReadWrite'): Metric =>
  new Metric('app.temperature', 'of the room', mode, 'K', 'Float', '293.5');

/** A callback that reports the values that it was told, and answers as it is told to. */
function recorder(answer: (told: number) => boolean | Promise<boolean> = () => true): {
  values: string[];
  cb: (mt: unknown, metric: Metric) => boolean | Promise<boolean>;
} {
  const values: string[] = [];
  return {
    values,
    cb: (_, metric) => {
      values.push(metric.value);
      return answer(values.length);
    },
  };
}

/** Lets everything run that is ready to. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A promise that the test settles. */
function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('callbacks', () => {
  rule(
    102,
    'a callback that returns true stays, one that returns false has been called for the last time',
    async () => {
      const metric = temperature();
      const twice = recorder((told) => told < 2);
      metric.addCallback(twice.cb);
      for (let i = 0; i < 4; i++) {
        await metric.fire();
        await settle();
      }
      expect(twice.values).toHaveLength(2);
    },
  );

  rule(102, 'an asynchronous callback is judged by what it resolves to', async () => {
    const metric = temperature();
    const stays = recorder(() => Promise.resolve(true));
    const goes = recorder(() => Promise.resolve(false));
    metric.addCallback(stays.cb);
    metric.addCallback({ cb: goes.cb });
    for (let i = 0; i < 3; i++) {
      await metric.fire();
      await settle();
    }
    expect(stays.values).toHaveLength(3);
    expect(goes.values).toHaveLength(1);
  });

  rule(103, 'a callback that throws or rejects stays, and nobody hears of its error', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const metric = temperature();
    const throws = recorder(() => {
      throw new Error('in the callback');
    });
    const rejects = recorder(() => Promise.reject(new Error('in the callback')));
    metric.addCallback(throws.cb);
    metric.addCallback(rejects.cb);
    await metric.fire();
    await settle();
    await metric.fire();
    await settle();
    process.off('unhandledRejection', unhandled);
    expect(throws.values).toHaveLength(2);
    expect(rejects.values).toHaveLength(2);
    expect(unhandled).not.toHaveBeenCalled();
  });

  rule(104, 'a callback that returns nothing is removed', async () => {
    const metric = temperature();
    const values: string[] = [];
    const forgetful = ((_: unknown, told: Metric) => {
      values.push(told.value);
    }) as unknown as CallbackLike;
    metric.addCallback(forgetful);
    await metric.fire();
    await settle();
    await metric.fire();
    expect(values).toHaveLength(1);
  });

  rule(105, 'false removes one registration of the callback and leaves its others', async () => {
    const metric = temperature();
    const other = temperature();
    const first = recorder((told) => told !== 1);
    metric.addCallback(first.cb);
    metric.addCallback(first.cb);
    other.addCallback(first.cb);
    await metric.fire();
    await settle();
    expect(first.values).toHaveLength(2);
    await metric.fire();
    await other.fire();
    expect(first.values).toHaveLength(4);
  });

  rule(
    [106, 117],
    'a registration is never called while it runs; it gets every event in order afterwards',
    async () => {
      const metric = temperature('ReadOnly');
      const gates = [deferred(), deferred(), deferred()];
      let running = 0;
      const values: string[] = [];
      metric.addCallback(async (_, told) => {
        expect(++running).toBe(1);
        values.push(told.value);
        await gates[values.length - 1]?.promise;
        running--;
        return true;
      });
      metric.update('1');
      metric.update('2');
      metric.update('2');
      await settle();
      expect(values).toEqual(['1']);
      for (const gate of gates) {
        gate.resolve();
        await settle();
      }
      expect(values).toEqual(['1', '2', '2']);
    },
  );

  rule(106, 'two registrations of one callback may run at the same time', () => {
    const metric = temperature();
    const gate = deferred();
    const slow = recorder(() => gate.promise.then(() => true));
    metric.addCallback(slow.cb);
    metric.addCallback(slow.cb);
    metric.update('1');
    expect(slow.values).toEqual(['1', '1']);
    gate.resolve();
  });

  rule(107, 'the context of a callback is of type Unknown when nobody knows the cause', async () => {
    const metric = temperature();
    const contexts: Context[] = [];
    metric.addCallback((_mt, _metric, context) => {
      contexts.push(context);
      return true;
    });
    const peer = new Context('', { UserID: 'ann' });
    await metric.fire();
    await settle();
    metric.update('1', peer);
    expect(contexts[0]?.type).toBe('Unknown');
    expect(contexts[0]?.attributeExists('UserID')).toBe(false);
    expect(contexts[1]).toBe(peer);
  });

  rule(108, 'a callback may refuse with AuthorizationFailed; it stays registered', async () => {
    const metric = temperature();
    const refuses = recorder(() => {
      throw new AuthorizationFailed('not from you');
    });
    metric.addCallback(refuses.cb);
    await metric.fire();
    await settle();
    await metric.fire();
    expect(refuses.values).toHaveLength(2);
  });

  test('what is no callback is refused', () => {
    const metric = temperature();
    expect(() => metric.addCallback({} as CallbackLike)).toThrow(
      'a callback is a function, or an object with a function',
    );
    expect(() => metric.addCallback(undefined as unknown as CallbackLike)).toThrow('a callback is a function');
    expect(() => metric.addCallback(null as unknown as CallbackLike)).toThrow('a callback is a function');
  });

  test('a metric of nobody is its own monitored object', async () => {
    const metric = temperature();
    const told = deferred();
    metric.addCallback(async (mt) => {
      expect(await mt.listMetrics()).toEqual(['app.temperature']);
      expect((await mt.getMetric('app.temperature')).value).toBe('293.5');
      told.resolve();
      return true;
    });
    await metric.fire();
    await expect(told.promise).resolves.toBeUndefined();
  });
});

describe('metric', () => {
  rule(109, 'the constructor refuses empty arguments, but for the unit', () => {
    const good = ['app.x', 'description', 'ReadWrite', '', 'Int', '1'] as const;
    expect(new Metric(...good).unit).toBe('');
    for (const [place, name] of ['Name', 'Description', 'Mode', 'Unit', 'Type', 'Value'].entries()) {
      if (name === 'Unit') continue;
      const bad = good.map((value, i) => (i === place ? '' : value)) as unknown as typeof good;
      expect(() => new Metric(...bad)).toThrow(`the ${name} of a metric must not be empty`);
    }
  });

  rule(109, 'the constructor refuses a bad mode, type or value', () => {
    expect(() => new Metric('x', 'y', 'Writable' as MetricMode, '', 'Int', '1')).toThrow(
      'the Mode of a metric is one of ReadOnly, ReadWrite, Final, not "Writable"',
    );
    expect(() => new Metric('x', 'y', 'ReadOnly', '', 'Integer' as AttributeType, '1')).toThrow(
      'the Type of a metric is one of String, Int, Enum, Float, Bool, Time, Trigger, not "Integer"',
    );
    for (const [type, value] of [
      ['Int', '1.5'],
      ['Float', 'much'],
      ['Bool', 'true'],
      ['Time', 'noon'],
    ] as const) {
      expect(() => new Metric('x', 'y', 'ReadOnly', '', type, value)).toThrow(
        `the Value of a metric of type ${type} takes`,
      );
    }
    expect(() => new Metric('x', 'y', 'ReadOnly', '', 'Int', 1 as unknown as string)).toThrow(
      'the Value of a metric is a string, not number',
    );
    expect(new Metric('x', 'y', 'ReadOnly', '', 'Trigger', '').value).toBe('');
    expect(new Metric('x', 'y', 'ReadOnly', '', 'Trigger', '1').value).toBe('1');
  });

  test('its attributes are those of SAGA; only the value of a ReadWrite metric can be set', () => {
    const metric = temperature();
    expect(metric.listAttributes().sort()).toEqual(['Description', 'Mode', 'Name', 'Type', 'Unit', 'Value']);
    expect([metric.name, metric.description, metric.mode, metric.unit, metric.type, metric.value]).toEqual([
      'app.temperature',
      'of the room',
      'ReadWrite',
      'K',
      'Float',
      '293.5',
    ]);
    metric.setAttribute('Value', '280');
    expect(metric.value).toBe('280');
    metric.value = '281.5';
    expect(metric.getAttribute('Value')).toBe('281.5');
    expect(() => {
      metric.value = 'cold';
    }).toThrow('Metric attribute Value takes a finite decimal number');
    expect(() => {
      metric.setAttribute('Name', 'other');
    }).toThrow(expect.objectContaining({ code: 'PermissionDenied' }));
    expect(() => {
      metric.removeAttribute('Value');
    }).toThrow('the value of a metric can only be set, not removed');
    expect([metric.attributeIsWritable('Value'), metric.attributeIsRemovable('Value')]).toEqual([true, false]);
    expect(() => {
      temperature('ReadOnly').value = '1';
    }).toThrow(expect.objectContaining({ code: 'PermissionDenied' }));
  });

  rule(110, 'a Final metric takes no callbacks', () => {
    const metric = temperature('Final');
    expect(() => metric.addCallback(() => true)).toThrow(
      expect.objectContaining({ code: 'IncorrectState', message: expect.stringContaining('app.temperature is Final') }),
    );
  });

  rule(111, 'fire is refused on Final and ReadOnly metrics', async () => {
    await expect(temperature('Final').fire()).rejects.toMatchObject({ code: 'IncorrectState' });
    await expect(temperature('ReadOnly').fire()).rejects.toMatchObject({
      code: 'PermissionDenied',
      message: 'metric app.temperature is ReadOnly: only the implementation fires it',
    });
  });

  rule([112, 117], 'fire calls the callbacks of this process, also when the value is the same', async () => {
    const metric = temperature();
    const told = recorder();
    metric.addCallback(told.cb);
    await metric.fire();
    await settle();
    await metric.fire();
    expect(told.values).toEqual(['293.5', '293.5']);
  });

  rule(113, 'setting the value fires nothing', async () => {
    const metric = temperature();
    const told = recorder();
    metric.addCallback(told.cb);
    metric.value = '1';
    metric.setAttribute('Value', '2');
    await settle();
    expect(told.values).toEqual([]);
    await metric.fire();
    expect(told.values).toEqual(['2']);
  });

  rule(114, 'each registration has a cookie of its own', () => {
    const metric = temperature();
    const cb = (): boolean => true;
    const cookies = [metric.addCallback(cb), metric.addCallback(cb), temperature().addCallback(cb)];
    expect(new Set(cookies).size).toBe(3);
  });

  rule(115, "removeCallback refuses another metric's cookie and ignores a removed one", async () => {
    const metric = temperature();
    const told = recorder();
    const cookie = metric.addCallback(told.cb);
    expect(() => {
      temperature().removeCallback(cookie);
    }).toThrow(
      expect.objectContaining({ code: 'BadParameter', message: expect.stringContaining(`${cookie} is no cookie`) }),
    );
    metric.removeCallback(cookie);
    expect(() => {
      metric.removeCallback(cookie);
    }).not.toThrow();
    const once = metric.addCallback(() => false);
    await metric.fire();
    await settle();
    expect(() => {
      metric.removeCallback(once);
    }).not.toThrow();
    expect(told.values).toEqual([]);
  });

  rule(116, 'after removeCallback the callback is not called any more, not even for queued events', async () => {
    const metric = temperature();
    const gate = deferred();
    const slow = recorder(() => gate.promise.then(() => true));
    const cookie = metric.addCallback(slow.cb);
    metric.update('1');
    metric.update('2');
    metric.removeCallback(cookie);
    gate.resolve();
    await settle();
    expect(slow.values).toEqual(['1']);
  });

  rule(118, 'a metric has no session', () => {
    expect(() => temperature().getSession()).toThrow(expect.objectContaining({ code: 'DoesNotExist' }));
  });

  test('a handle shares value, callbacks and end with the metric', async () => {
    const metric = temperature();
    const handle = metric.handle();
    expect(handle.getId()).not.toBe(metric.getId());
    const told = recorder();
    handle.addCallback(told.cb);
    metric.value = '1';
    expect(handle.value).toBe('1');
    await handle.fire();
    expect(told.values).toEqual(['1']);
    metric.finish();
    expect(handle.mode).toBe('Final');
  });

  test('firing the metric that a callback was given fires the metric itself', async () => {
    const metric = temperature();
    const told = recorder();
    let given: Metric | undefined;
    metric.addCallback((_, it) => {
      given = it;
      return false;
    });
    await metric.fire();
    await settle();
    metric.addCallback(told.cb);
    given!.value = '7';
    await given?.fire();
    expect(metric.value).toBe('7');
    expect(told.values).toEqual(['7']);
  });

  test('a clone has attributes of its own, and the same callbacks', async () => {
    const metric = temperature();
    const told = recorder();
    const cookie = metric.addCallback(told.cb);
    const clone = metric.clone();
    clone.value = '1';
    expect(metric.value).toBe('293.5');
    expect(clone.getType()).toBe(metric.getType());
    await clone.fire();
    expect(told.values).toEqual(['1']);
    clone.removeCallback(cookie);
    await metric.fire();
    await settle();
    expect(told.values).toEqual(['1', '293.5']);
  });

  test('finish keeps the value, drops events, and ends the listeners', () => {
    const metric = temperature('ReadOnly');
    const events: MetricEvent[] = [];
    const complete = jest.fn();
    metric.subscribe({ next: (event) => events.push(event), complete });
    metric.update('1');
    metric.finish();
    metric.update('2');
    expect(events.map(({ name, value }) => [name, value])).toEqual([['app.temperature', '1']]);
    expect(events[0]?.time.getTime()).toBeLessThanOrEqual(Date.now());
    expect(complete).toHaveBeenCalledTimes(1);
    expect(metric.value).toBe('1');
    const late = jest.fn();
    metric.subscribe({ next: late, complete: late });
    expect(late).toHaveBeenCalledTimes(1);
  });

  test('fire with an aborted signal fires nothing', async () => {
    const metric = temperature();
    const told = recorder();
    metric.addCallback(told.cb);
    await expect(metric.fire({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'NoSuccess' });
    expect(told.values).toEqual([]);
  });

  test('the literals', () => {
    expect(Object.keys(MetricMode)).toEqual(['ReadOnly', 'ReadWrite', 'Final']);
    expect(Object.keys(AttributeType)).toEqual(['String', 'Int', 'Enum', 'Float', 'Bool', 'Time', 'Trigger']);
  });
});
