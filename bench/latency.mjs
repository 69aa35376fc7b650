/**
 * A process that runs one job at a time and prints how long each took from the call to the known end.
 *
 *     node latency.mjs spawn|jobs COUNT
 */
import { spawnAndWait } from './baseline.mjs';
import { median, percentile } from './statistics.mjs';

const [way = '', countText = ''] = process.argv.slice(2);

/**
 * @param {() => Promise<void>} once
 * @returns {Promise<number>} milliseconds
 */
async function timed(once) {
  const start = performance.now();
  await once();
  return performance.now() - start;
}

/**
 * @param {() => Promise<void>} once
 * @returns {Promise<void>}
 */
async function measured(once) {
  const first = await timed(once);
  const times = [];
  for (let left = Number(countText); left > 0; left--) times.push(await timed(once));
  console.log(JSON.stringify({ first, median: median(times), p95: percentile(times, 0.95) }));
}

if (way === 'spawn') {
  await measured(spawnAndWait);
} else {
  const { openService, runAndWait } = await import('./subject.mjs');
  const service = await openService();
  await measured(() => runAndWait(service));
  await service.close();
}
