/**
 * A process with a heap of 1 GB that runs one job after the other and prints how long its event loop stood still meanwhile.
 *
 *     node --max-old-space-size=4096 --expose-gc stall.mjs spawn|jobs COUNT
 *
 * The heap is live JavaScript objects and strings, every page of them written. A chain of setImmediate notes the longest
 * time between two of its turns: nothing else of the program could run in that time.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnAndWait } from './baseline.mjs';
import { median } from './statistics.mjs';

const HEAP_BYTES = 1e9;
const OBJECTS_A_STEP = 10_000;

const [way = '', countText = ''] = process.argv.slice(2);

/** @returns {object[]} */
function fillHeap() {
  /** @type {object[]} */
  const objects = [];
  while (process.memoryUsage().heapUsed < HEAP_BYTES) {
    for (let i = 0; i < OBJECTS_A_STEP; i++) {
      const number = objects.length;
      objects.push({ number, name: `object ${String(number)}`, values: [number, number / 3, number / 7, number / 9] });
    }
  }
  return objects;
}

/**
 * @param {() => Promise<void>} once
 * @returns {Promise<number>} the longest stall while it ran, in milliseconds
 */
async function longestStall(once) {
  let longest = 0;
  let last = performance.now();
  let watching = true;
  const turn = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (watching) setImmediate(turn);
  };
  setImmediate(turn);
  await once();
  watching = false;
  turn();
  return longest;
}

/**
 * @param {() => Promise<void>} once
 * @returns {Promise<void>}
 */
async function measured(once) {
  const objects = fillHeap();
  // What filling left to be collected is not the jobs' doing.
  globalThis.gc?.();
  const idle = await longestStall(() => sleep(100));
  const first = await longestStall(once);
  const stalls = [];
  for (let left = Number(countText); left > 0; left--) stalls.push(await longestStall(once));
  const { rss } = process.memoryUsage();
  const figures = { first, median: median(stalls), worst: Math.max(...stalls), idle, objects: objects.length, rss };
  console.log(JSON.stringify(figures));
}

if (way === 'spawn') {
  await measured(spawnAndWait);
} else {
  const { openService, runAndWait } = await import('./subject.mjs');
  const service = await openService();
  await measured(() => runAndWait(service));
  await service.close();
}
