/** The standard streams of interactive jobs: a FIFO in, two growing files out (docs/state.md, "Streams"). */
import { closeSync, constants, openSync, watch } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';

import { onAbort, type CallOptions } from '../../saga/core/call-options.js';
import { DoesNotExist, IncorrectState } from '../../saga/core/exceptions.js';
import { isSettled } from './events.js';
import { signalProcess } from './processes.js';
import type { SegmentLog } from './segment-log.js';

const CHUNK = 1 << 16;
/** Milliseconds. */
const POLL_INTERVAL = 100;

/**
 * The job's standard input. The keeper keeps the FIFO open until it hears that this end is: from then on closing the stream is
 * the end of the job's input.
 */
export async function openInput(home: string, segment: SegmentLog, n: number, options: CallOptions): Promise<Writable> {
  const { claim, end } = await segment.whenRunning(n, options);
  if (end || claim?.by !== 'keeper') throw new IncorrectState('the job has ended: nothing reads its standard input');
  let fd: number;
  try {
    fd = openSync(join(home, segment.name, `${String(n)}.stdin`), constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new DoesNotExist('the standard input of the job is gone: the job has ended, or it was given away before', {
      cause,
    });
  }
  if (!signalProcess(claim.keeper, 'SIGUSR1')) {
    closeSync(fd);
    throw new IncorrectState('the job has ended: nothing reads its standard input');
  }
  return new Socket({ fd, readable: false, writable: true });
}

/** The job's output, from its start to its end. */
export async function openOutput(
  home: string,
  segment: SegmentLog,
  n: number,
  name: 'stdout' | 'stderr',
  options: CallOptions,
): Promise<Readable> {
  await segment.whenRunning(n, options);
  const path = join(home, segment.name, `${String(n)}.${name}`);
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw new DoesNotExist(`the job has no ${name}: it could not be started, or its output was removed`, { cause });
  });
  return new JobOutput(file, path, segment, n);
}

/** What calls back when a file grows. */
interface Growth {
  ref(): unknown;
  unref(): unknown;
  close(): unknown;
}

/** By events; by looking often where the system has none left to give. */
function watchGrowth(path: string, look: () => void): Growth {
  try {
    // After an error no more events come. The end of the job is seen without, and with it what was written before.
    return watch(path, look).on('error', look);
  } catch {
    return setInterval(look, POLL_INTERVAL);
  }
}

/**
 * Reads a growing file; at its end it waits for more as long as the job may write more. It keeps the process alive while
 * somebody waits for what it reads, as the streams of a child process do.
 */
class JobOutput extends Readable {
  readonly #file: FileHandle;
  readonly #growth: Growth;
  readonly #forget: () => void;
  #ended = false;
  #wanted = false;
  #reading = false;
  /** How often something happened after which there may be more to read. */
  #news = 0;

  constructor(file: FileHandle, path: string, segment: SegmentLog, n: number) {
    super();
    this.#file = file;
    const look = (): void => {
      this.#news += 1;
      void this.#readOn();
    };
    this.#growth = watchGrowth(path, look);
    this.#growth.unref();
    const stopWatching = segment.watch(n, (log) => {
      if (!isSettled(log)) return;
      this.#ended = true;
      look();
    });
    const stopHearing = onAbort(segment.closing, () => {
      // What an ended job wrote can still be read. An error that nobody listens for would end the program.
      if (this.#ended) return;
      const reason = new IncorrectState('the job service was closed before the end of the output');
      this.destroy(this.#wanted ? reason : undefined);
    });
    this.#forget = () => {
      stopWatching();
      stopHearing();
    };
  }

  override _read(): void {
    this.#wanted = true;
    this.#growth.ref();
    void this.#readOn();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#growth.close();
    this.#forget();
    this.#file.close().then(
      () => {
        callback(error);
      },
      (failure: unknown) => {
        callback(error ?? (failure as Error));
      },
    );
  }

  async #readOn(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#wanted && !this.destroyed) {
        const news = this.#news;
        // Asked before reading: what a job wrote before its end is there when the end is known.
        const ended = this.#ended;
        const { bytesRead, buffer } = await this.#file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK);
        if (bytesRead > 0) this.#wanted = this.push(buffer.subarray(0, bytesRead));
        else if (ended) {
          this.#wanted = false;
          this.push(null);
        } else if (this.#news === news) break;
      }
      if (!this.#wanted) this.#growth.unref();
    } catch (error) {
      this.destroy(error as Error);
    } finally {
      this.#reading = false;
    }
  }
}
