/** Where it was measured: a figure without its machine says nothing. */
import { mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { arch, cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from './statistics.mjs';

/** The `f_type` of statfs(2) on Linux. */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x2fc12fc1, 'zfs'],
  [0x794c7630, 'overlay'],
  [0x6969, 'nfs'],
  [0x01021994, 'tmpfs'],
]);

/**
 * @typedef {object} Machine
 * @property {string} system
 * @property {string} processor
 * @property {number} processors
 * @property {number} memoryGB
 * @property {number} load average number of running processes in the last minute, before the first figure
 * @property {string} fileSystem of the state of the jobs
 * @property {number} syncMs what a write of 300 bytes and an fdatasync take there
 */

/**
 * @param {string} directory of the state
 * @returns {Promise<Machine>}
 */
export async function describeMachine(directory) {
  const processors = cpus();
  return {
    system: `${type()} ${release()} ${arch()}`,
    processor: processors[0]?.model.trim() ?? 'unknown',
    processors: processors.length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    load: loadavg()[0] ?? 0,
    fileSystem: await fileSystemOf(directory),
    syncMs: await measureSync(directory),
  };
}

/**
 * A directory on a disk: a sync of a file system in memory costs nothing and proves nothing.
 * @returns {Promise<string>}
 */
export async function findDisk() {
  return (await fileSystemOf(tmpdir())) === 'tmpfs' ? fileURLToPath(new URL('.', import.meta.url)) : tmpdir();
}

/**
 * @param {string} directory
 * @returns {Promise<string>}
 */
async function fileSystemOf(directory) {
  const { type: number } = await statfs(directory);
  return FILE_SYSTEMS.get(number) ?? `file system type 0x${number.toString(16)}`;
}

/**
 * @param {string} directory
 * @returns {Promise<number>} milliseconds
 */
async function measureSync(directory) {
  const folder = await mkdtemp(join(directory, 'xosaga-bench-'));
  const file = await open(join(folder, 'journal'), 'a');
  try {
    const times = [];
    for (let i = 0; i < 50; i++) {
      const start = performance.now();
      await file.write(Buffer.alloc(300, 'x'));
      await file.datasync();
      times.push(performance.now() - start);
    }
    return median(times);
  } finally {
    await file.close();
    await rm(folder, { recursive: true });
  }
}
