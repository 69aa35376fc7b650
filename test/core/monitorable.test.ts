import { describe, expect, jest, test } from '@jest/globals';

import { Metric } from '../../src/saga/core/metric.js';
import { monitorable, type Monitorable, MetricSet, metricSetOf } from '../../src/saga/core/monitorable.js';
import { rule } from '../support/rules.js';

interface Boiler extends Monitorable {}
class Boiler {
  readonly temperature = new Metric('boiler.temperature', 'of the water', 'ReadOnly', 'K', 'Float', '300');
  readonly setpoint = new Metric('boiler.setpoint', 'what is wanted', 'ReadWrite', 'K', 'Float', '330');

  constructor(activate?: () => () => void) {
    new MetricSet(this, [this.temperature, this.setpoint], activate ? { activate } : {});
  }
}
monitorable(Boiler);

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('monitorable', () => {
  rule(119, 'listMetrics gives every name once', async () => {
    const names = await new Boiler().listMetrics();
    expect(names.sort()).toEqual(['boiler.setpoint', 'boiler.temperature']);
  });

  rule(
    120,
    'getMetric throws DoesNotExist for an unknown name, and gives equal copies of one that is there',
    async () => {
      const boiler = new Boiler();
      await expect(boiler.getMetric('boiler.pressure')).rejects.toMatchObject({
        code: 'DoesNotExist',
        message: 'there is no metric "boiler.pressure" here, only boiler.temperature, boiler.setpoint',
      });
      const first = await boiler.getMetric('boiler.setpoint');
      const second = await boiler.getMetric('boiler.setpoint');
      expect(first).not.toBe(second);
      for (const key of first.listAttributes()) expect(first.getAttribute(key)).toBe(second.getAttribute(key));
    },
  );

  test('a callback through a copy is told of the events of the object', async () => {
    const boiler = new Boiler();
    const told: string[] = [];
    (await boiler.getMetric('boiler.temperature')).addCallback((mt, metric) => {
      told.push(metric.value);
      return mt === boiler;
    });
    boiler.temperature.update('301');
    await settle();
    boiler.temperature.update('302');
    expect(told).toEqual(['301', '302']);
    expect((await boiler.getMetric('boiler.temperature')).value).toBe('302');
  });

  rule(121, 'addCallback and removeCallback want the name of a metric, and its cookie', async () => {
    const boiler = new Boiler();
    await expect(boiler.addCallback('boiler.pressure', () => true)).rejects.toMatchObject({ code: 'DoesNotExist' });
    const told = jest.fn(() => true);
    const cookie = await boiler.addCallback('boiler.temperature', told);
    await expect(boiler.removeCallback('boiler.pressure', cookie)).rejects.toMatchObject({ code: 'DoesNotExist' });
    await expect(boiler.removeCallback('boiler.setpoint', cookie)).rejects.toMatchObject({ code: 'BadParameter' });
    await boiler.removeCallback('boiler.temperature', cookie);
    await boiler.removeCallback('boiler.temperature', cookie);
    boiler.temperature.update('301');
    expect(told).not.toHaveBeenCalled();
  });

  rule(116, 'removeCallback waits for a call that is going on, and is followed by none', async () => {
    const boiler = new Boiler();
    const order: string[] = [];
    let finish!: () => void;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const cookie = await boiler.addCallback('boiler.temperature', async () => {
      await gate;
      order.push('callback ended');
      return true;
    });
    boiler.temperature.update('301');
    boiler.temperature.update('302');
    const removed = boiler.removeCallback('boiler.temperature', cookie).then(() => order.push('removed'));
    await settle();
    expect(order).toEqual([]);
    finish();
    await removed;
    await settle();
    expect(order).toEqual(['callback ended', 'removed']);
  });

  test('an abort ends the wait of removeCallback, and the callback is removed', async () => {
    const boiler = new Boiler();
    const told = jest.fn(() => new Promise<boolean>(() => undefined));
    const cookie = await boiler.addCallback('boiler.temperature', told);
    boiler.temperature.update('301');
    const abort = new AbortController();
    const removed = boiler.removeCallback('boiler.temperature', cookie, { signal: abort.signal });
    abort.abort();
    await expect(removed).rejects.toMatchObject({
      code: 'NoSuccess',
      message: 'removeCallback was aborted by its signal',
    });
  });

  test('a callback that removes itself does not wait for itself, also after an await and from another callback', async () => {
    const boiler = new Boiler();
    const done: string[] = [];
    const outer = await boiler.addCallback('boiler.temperature', async () => {
      await settle();
      await boiler.removeCallback('boiler.temperature', outer);
      done.push('own');
      return true;
    });
    boiler.temperature.update('301');
    await settle();
    await settle();
    expect(done).toEqual(['own']);

    const chain = await boiler.addCallback('boiler.temperature', async () => {
      const inner = new Promise<void>((resolve) => {
        boiler.setpoint.addCallback(async () => {
          await boiler.removeCallback('boiler.temperature', chain);
          done.push('inner');
          resolve();
          return false;
        });
      });
      await boiler.setpoint.fire();
      await inner;
      done.push('chain');
      return true;
    });
    boiler.temperature.update('302');
    await settle();
    expect(done).toEqual(['own', 'inner', 'chain']);
  });

  test('the object is active while somebody listens to one of its metrics', async () => {
    const log: string[] = [];
    const boiler = new Boiler(() => {
      log.push('on');
      return () => log.push('off');
    });
    const cookie = await boiler.addCallback('boiler.temperature', () => true);
    const unsubscribe = boiler.setpoint.subscribe({ next: () => undefined, complete: () => undefined });
    expect(log).toEqual(['on']);
    await boiler.removeCallback('boiler.temperature', cookie);
    expect(log).toEqual(['on']);
    unsubscribe();
    unsubscribe();
    expect(log).toEqual(['on', 'off']);
    await boiler.addCallback('boiler.temperature', () => false);
    boiler.temperature.update('301');
    await settle();
    expect(log).toEqual(['on', 'off', 'on', 'off']);
    boiler.setpoint.subscribe({ next: () => undefined, complete: () => undefined });
    boiler.setpoint.finish();
    expect(log).toHaveLength(6);
  });

  test('an object without metrics says so', () => {
    expect(() => metricSetOf({})).toThrow('the object has no metrics');
  });

  test('aborted calls do nothing', async () => {
    const boiler = new Boiler();
    const options = { signal: AbortSignal.abort() };
    await expect(boiler.listMetrics(options)).rejects.toMatchObject({
      message: 'listMetrics was aborted by its signal',
    });
    await expect(boiler.getMetric('boiler.setpoint', options)).rejects.toMatchObject({ code: 'NoSuccess' });
    await expect(boiler.addCallback('boiler.setpoint', () => true, options)).rejects.toMatchObject({
      code: 'NoSuccess',
    });
    await expect(boiler.removeCallback('boiler.setpoint', 1, options)).rejects.toMatchObject({ code: 'NoSuccess' });
  });
});
