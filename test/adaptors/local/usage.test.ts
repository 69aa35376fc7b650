import { describe, expect, test } from '@jest/globals';

import { Processes, UsageMeter } from '../../../src/adaptors/local/usage.js';

/** A line of /proc/PID/stat (proc(5)): 20 ticks of its own, 5 of its children, 1 MiB virtual, 100 pages. */
function stat(pid: number, parent: number, group: number, command = 'sh', start = '77'): string {
  const times = '15 5 4 1';
  return `${String(pid)} (${command}) S ${String(parent)} ${String(group)} 1 0 -1 0 0 0 0 0 ${times} 20 0 1 0 ${start} 1048576 100 0\n`;
}

function processes(...lines: [pid: number, parent: number, group: number, command?: string][]): Processes {
  const all = new Processes({ pageSize: 4096, ticksPerSecond: 100 });
  for (const [pid, ...more] of lines) all.add(pid, stat(pid, ...more));
  return all;
}

const KEEPER = { pid: 10, start: '77' };

describe('what a job uses', () => {
  test('is that of all descendants of its keeper, and of what the keeper has waited for', () => {
    const all = processes([1, 0, 1], [10, 1, 10], [13, 12, 13], [11, 10, 11], [12, 11, 11], [20, 1, 20]);
    expect(all.usageOf(KEEPER, 11)).toEqual({ cpu: 0.05 + 3 * 0.25, memory: (3 * 100 * 4096) / 2 ** 20, vmemory: 3 });
  });

  test('is that of its group, too, whoever the parents are; each process once', () => {
    const all = processes([10, 1, 10], [11, 10, 11], [12, 1, 11], [13, 12, 99]);
    expect(all.usageOf(KEEPER, 11)?.vmemory).toBe(3);
  });

  test('is read right whatever a program is called', () => {
    const all = processes([10, 1, 10], [11, 10, 11, 'a) S 1 (b'], [12, 11, 11, ')']);
    expect(all.usageOf(KEEPER, 11)).toEqual({ cpu: 0.55, memory: (200 * 4096) / 2 ** 20, vmemory: 2 });
  });

  test('is nothing of somebody else who has got the number of the keeper', () => {
    expect(processes([10, 1, 10], [11, 10, 11]).usageOf({ pid: 10, start: '78' }, 11)).toBeUndefined();
    expect(processes([11, 10, 11]).usageOf(KEEPER, 11)).toBeUndefined();
  });
});

test('a job that was not measured is observed as it was', () => {
  const observation = { state: 'Done', detail: 'EXITED', cpuTime: 1 } as const;
  expect(new UsageMeter().complete({}, observation)).toBe(observation);
});
