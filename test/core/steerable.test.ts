import { describe, expect, jest, test } from '@jest/globals';

import { Metric, type MetricMode } from '../../src/saga/core/metric.js';
import { MetricSet } from '../../src/saga/core/monitorable.js';
import { steerable, type Steerable } from '../../src/saga/core/steerable.js';
import { rule } from '../support/rules.js';

interface Simulation extends Steerable {}
class Simulation {
  readonly name = 'simulation';

  constructor(extensible = true) {
    const state = new Metric('sim.state', 'state of the simulation', 'ReadOnly', '1', 'Enum', 'Running');
    new MetricSet(this, [state], { extensible });
  }
}
steerable(Simulation);

const residual = (mode: MetricMode = 'ReadWrite'): Metric =>
  new Metric('sim.residual', 'of the solver', mode, '1', 'Float', '1');

describe('steerable', () => {
  rule(122, 'addMetric tells that it added the metric, and throws AlreadyExists for a name that is taken', async () => {
    const simulation = new Simulation();
    await expect(simulation.addMetric(residual())).resolves.toBe(true);
    expect((await simulation.listMetrics()).sort()).toEqual(['sim.residual', 'sim.state']);
    await expect(simulation.addMetric(residual())).rejects.toMatchObject({
      code: 'AlreadyExists',
      message: 'there is a metric sim.residual here already',
    });
  });

  rule(123, 'addMetric throws IncorrectState on an object with its default metrics only', async () => {
    await expect(new Simulation(false).addMetric(residual())).rejects.toMatchObject({
      code: 'IncorrectState',
      message: "metric sim.residual can't be added: this object has its built-in metrics only",
    });
  });

  rule(124, 'callbacks that are on the metric stay when it is added', async () => {
    const simulation = new Simulation();
    const metric = residual();
    const told = jest.fn<(mt: unknown, metric: Metric) => boolean>(() => true);
    metric.addCallback(told);
    await simulation.addMetric(metric);
    await simulation.fireMetric('sim.residual');
    expect(told).toHaveBeenCalledTimes(1);
    expect(told.mock.calls[0]?.[0]).toBe(simulation);
    metric.value = '0.5';
    await metric.fire();
    expect((await simulation.getMetric('sim.residual')).value).toBe('0.5');
  });

  test('a metric belongs to one object', async () => {
    const metric = residual();
    await new Simulation().addMetric(metric);
    const other = new Simulation();
    await expect(other.addMetric(metric)).rejects.toMatchObject({
      code: 'IncorrectState',
      message: 'metric sim.residual belongs to another object; add a clone of it',
    });
    await expect(other.addMetric(metric.clone())).resolves.toBe(true);
  });

  rule(125, 'removeMetric: DoesNotExist for an unknown metric, IncorrectState for a built-in one', async () => {
    const simulation = new Simulation();
    await expect(simulation.removeMetric('sim.residual')).rejects.toMatchObject({ code: 'DoesNotExist' });
    await expect(simulation.removeMetric('sim.state')).rejects.toMatchObject({
      code: 'IncorrectState',
      message: "metric sim.state is built in and can't be removed",
    });
  });

  rule(126, 'removeMetric takes all callbacks from the metric', async () => {
    const simulation = new Simulation();
    const metric = residual();
    await simulation.addMetric(metric);
    const told = jest.fn(() => true);
    await simulation.addCallback('sim.residual', told);
    metric.addCallback(told);
    await simulation.removeMetric('sim.residual');
    await metric.fire();
    expect(told).not.toHaveBeenCalled();
    await expect(simulation.getMetric('sim.residual')).rejects.toMatchObject({ code: 'DoesNotExist' });
    await expect(new Simulation().addMetric(metric)).resolves.toBe(true);
  });

  rule(127, 'fireMetric throws IncorrectState on a ReadOnly or Final metric', async () => {
    const simulation = new Simulation();
    await simulation.addMetric(residual('Final'));
    await expect(simulation.fireMetric('sim.state')).rejects.toMatchObject({
      code: 'IncorrectState',
      message: "metric sim.state is ReadOnly: the application can't fire it",
    });
    await expect(simulation.fireMetric('sim.residual')).rejects.toMatchObject({ code: 'IncorrectState' });
    await expect(simulation.fireMetric('sim.pressure')).rejects.toMatchObject({ code: 'DoesNotExist' });
  });

  test('aborted calls do nothing', async () => {
    const simulation = new Simulation();
    const options = { signal: AbortSignal.abort() };
    await expect(simulation.addMetric(residual(), options)).rejects.toMatchObject({ code: 'NoSuccess' });
    expect(await simulation.listMetrics()).toEqual(['sim.state']);
    await simulation.addMetric(residual());
    await expect(simulation.removeMetric('sim.residual', options)).rejects.toMatchObject({ code: 'NoSuccess' });
    await expect(simulation.fireMetric('sim.residual', options)).rejects.toMatchObject({ code: 'NoSuccess' });
    expect(await simulation.listMetrics()).toHaveLength(2);
  });
});
