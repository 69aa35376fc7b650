/** The content of a file put into another one: shared where the file system can, holes left out, else read and written. */
import { Buffer } from 'node:buffer';
import {
  constants,
  copyFile,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  read,
  readSync,
  type Stats,
  write,
  writeSync,
} from 'node:fs';
import { promisify } from 'node:util';

import { isErrno } from './errors.js';
import type { Watch } from './watch.js';

const readAsync = promisify(read);
const writeAsync = promisify(write);
const copyFileAsync = promisify(copyFile);

/** A file up to this size is copied in one go: the way through Node's thread pool would take longer than the copying. */
const SMALL = 128 * 1024;
/** What is read and written at a time otherwise, by two lanes: one reads while the other writes. */
const CHUNK = 2 * 1024 * 1024;
/** Smallest file for which sharing is tried. */
const WORTH_SHARING = 1024 * 1024;
/** A hole is at least this long, and begins at a multiple of it: a block of common file systems. */
const BLOCK = 4096;

const ZEROS = Buffer.alloc(BLOCK);
/** Used up before anybody else has a turn. */
const SMALL_BUFFER = Buffer.allocUnsafeSlow(SMALL);

/** What a file system says that can't share, and not one that could share other files (ioctl_ficlone(2)). */
const CANNOT_SHARE = ['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'ENOSYS', 'ENOTTY'];

/** Devices whose file system can't share content between files. */
const sharesNothing = new Set<number>();

/** @param output - Empty, and open for writing. */
export async function copyContent(input: number, output: number, source: Stats, watch: Watch): Promise<void> {
  if (source.size >= WORTH_SHARING && (await share(input, output, source))) {
    watch.count(source.size);
    return;
  }
  const done = source.size <= SMALL ? copySmall(input, output, watch) : 0;
  // What /proc and its like say is 0 bytes long may be of any length.
  const isWhole = done >= source.size && done > 0 && done < SMALL;
  const isEmpty = done === 0 && source.size === 0;
  if (!isWhole && !isEmpty) await copyLarge(input, output, done, source, watch);
}

function copySmall(input: number, output: number, watch: Watch): number {
  const length = readSync(input, SMALL_BUFFER, 0, SMALL, 0);
  for (let done = 0; done < length;) done += writeSync(output, SMALL_BUFFER, done, length - done, done);
  watch.count(length);
  return length;
}

async function copyLarge(input: number, output: number, from: number, source: Stats, watch: Watch): Promise<void> {
  const hasHoles = source.blocks * 512 < source.size;
  const chunk = Math.max(SMALL, Math.min(CHUNK, source.size));
  let next = from;
  let end = from;
  let failed = false;
  const lane = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(chunk);
    for (let length = chunk; length === chunk && !failed;) {
      const at = next;
      next += chunk;
      length = await fill(input, buffer, at);
      for (const [start, stop] of hasHoles ? dataOf(buffer, length) : [[0, length] as const]) {
        await writeAll(output, buffer, start, stop, at + start);
      }
      if (length > 0) end = Math.max(end, at + length);
      watch.count(length);
    }
  };
  const lanes = source.size > chunk ? [lane(), lane()] : [lane()];
  const outcomes = await Promise.allSettled(
    lanes.map((each) =>
      each.catch((error: unknown) => {
        failed = true;
        throw error;
      }),
    ),
  );
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  if (hasHoles) ftruncateSync(output, end);
}

/** Fewer bytes than fit mean the end of the file. */
async function fill(input: number, buffer: Buffer, position: number): Promise<number> {
  for (let length = 0; ;) {
    const { bytesRead } = await readAsync(input, buffer, length, buffer.length - length, position + length);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) return length;
  }
}

async function writeAll(output: number, buffer: Buffer, from: number, to: number, position: number): Promise<void> {
  for (let at = from; at < to;) {
    at += (await writeAsync(output, buffer, at, to - at, position + at - from)).bytesWritten;
  }
}

/** The parts that are not zeros, from and to. */
function* dataOf(buffer: Buffer, length: number): Generator<readonly [number, number]> {
  let start = 0;
  for (let at = 0; at < length; at += BLOCK) {
    const stop = Math.min(at + BLOCK, length);
    if (buffer.compare(ZEROS, 0, stop - at, at, stop) !== 0) continue;
    if (start < at) yield [start, at];
    start = stop;
  }
  if (start < length) yield [start, length];
}

/** Copy on write (ioctl_ficlone(2)), as btrfs, XFS and others have it: takes no time and no space. */
async function share(input: number, output: number, { dev }: Stats): Promise<boolean> {
  if (process.platform !== 'linux' || sharesNothing.has(dev) || fstatSync(output).dev !== dev) return false;
  const { mode } = fstatSync(output);
  try {
    const flags = constants.COPYFILE_FICLONE_FORCE;
    await copyFileAsync(`/proc/self/fd/${input}`, `/proc/self/fd/${output}`, flags);
    return true;
  } catch (error) {
    if (isErrno(error, ...CANNOT_SHARE)) sharesNothing.add(dev);
    return false;
  } finally {
    // Node gives the copy the mode of the source.
    fchmodSync(output, mode);
  }
}
