/**
 * A process that runs many jobs, 16 in flight, and prints how long it took and what processor time it used itself.
 *
 *     node throughput.mjs spawn|jobs|batch COUNT
 */
import { spawnAndWait } from './baseline.mjs';

const IN_FLIGHT = 16;

const [way = '', countText = ''] = process.argv.slice(2);
const count = Number(countText);

/**
 * @param {() => Promise<void>} once
 * @returns {Promise<void>}
 */
async function inFlight(once) {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await once();
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/**
 * @param {() => Promise<void>} work
 * @returns {Promise<void>}
 */
async function measured(work) {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(JSON.stringify({ perSecond: count / seconds, cpuPerJob: (user + system) / 1000 / count }));
}

if (way === 'spawn') {
  await spawnAndWait();
  await measured(() => inFlight(spawnAndWait));
} else {
  // Imported here so that the baseline's process stays as small as a program without the library.
  const { openService, runAndWait, runBatchAndWait } = await import('./subject.mjs');
  // As many at a time as are in flight: the baseline waits for no turn either.
  process.env['XOSAGA_SLOTS'] = String(way === 'batch' ? count : IN_FLIGHT);
  const service = await openService();
  await runAndWait(service);
  await measured(() => (way === 'batch' ? runBatchAndWait(service, count) : inFlight(() => runAndWait(service))));
  await service.close();
}
