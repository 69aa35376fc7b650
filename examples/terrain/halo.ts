/**
 * Neighbouring strips in other processes of the same machine, over unix sockets in a directory of the job's own. Process r
 * listens at `<r>.sock` for process r + 1, and looks for process r - 1, which may be started later, until it is there.
 */
import { mkdir } from 'node:fs/promises';
import { createConnection, createServer, type Socket } from 'node:net';
import { relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { Neighbour, Neighbours } from './strips.js';

/** Who takes part. All processes of a job must agree on everything but the rank. */
export interface Participant {
  readonly rank: number;
  readonly size: number;
  /** Length of the rows that will be exchanged, and their number, so that processes of different jobs don't mix. */
  readonly columns: number;
  readonly steps: number;
}

export interface HaloOptions {
  /** A directory that only the processes of this job use. */
  readonly directory: string;
  /** How long to wait for the neighbours to appear, in seconds. */
  readonly patience: number;
}

/** The connections of one process. */
export class Halo implements Neighbours {
  private constructor(
    readonly above: Link | undefined,
    readonly below: Link | undefined,
  ) {}

  /** Finds the neighbours. */
  static async open(me: Participant, { directory, patience }: HaloOptions): Promise<Halo> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const search = new AbortController();
    const timer = setTimeout(() => {
      search.abort();
    }, patience * 1000);
    try {
      const [above, below] = await Promise.all([
        me.rank > 0 ? meet(me, me.rank - 1, directory, search.signal) : undefined,
        me.rank < me.size - 1 ? meet(me, me.rank + 1, directory, search.signal) : undefined,
      ]);
      return new Halo(above, below);
    } catch (error) {
      search.abort(); // without one neighbour the other is of no use
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the connections after everything that was sent has left. */
  async close(): Promise<void> {
    await Promise.all([this.above?.close(), this.below?.close()]);
  }

  /** Ends them at once. The neighbours notice. */
  destroy(): void {
    this.above?.destroy();
    this.below?.destroy();
  }
}

/** Gets into contact with process `other`; `search` tells when to give up. */
async function meet(me: Participant, other: number, directory: string, search: AbortSignal): Promise<Link> {
  try {
    const upwards = other < me.rank;
    const path = socketPath(directory, upwards ? other : me.rank);
    const link = new Link(await (upwards ? call(path, search) : listen(path, search)), other);
    search.addEventListener('abort', () => {
      link.destroy();
    });
    await link.greet(me);
    return link;
  } catch (error) {
    if (search.aborted) {
      const hint = 'all processes of a job must run on one machine';
      throw new Error(`process ${other} did not appear in ${directory}; ${hint}`, { cause: error });
    }
    if (codeOf(error) === 'EADDRINUSE') {
      throw new Error(`${directory} was used by another job; every job needs one of its own`, { cause: error });
    }
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** A socket's path may have about 100 bytes: the shorter of two spellings is taken. */
function socketPath(directory: string, rank: number): string {
  const absolute = resolve(directory, `${rank}.sock`);
  const fromHere = relative(process.cwd(), absolute);
  return fromHere.length < absolute.length ? fromHere : absolute;
}

const RETRY_MS = 20;

/** Connects as soon as somebody listens there. */
async function call(path: string, search: AbortSignal): Promise<Socket> {
  for (;;) {
    try {
      return await connect(path);
    } catch (error) {
      // There is no socket yet, or nobody listens at it yet.
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ECONNREFUSED') throw error;
      await delay(RETRY_MS, undefined, { signal: search });
    }
  }
}

function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** The first one who calls. */
async function listen(path: string, search: AbortSignal): Promise<Socket> {
  const server = createServer();
  try {
    return await new Promise((resolve, reject) => {
      search.addEventListener('abort', () => {
        reject(search.reason as Error);
      });
      server.once('error', reject);
      server.once('connection', resolve);
      server.listen(path);
    });
  } finally {
    server.close();
  }
}

/** Every message starts with its number and the length of what follows, both as 32 bits. */
const HEADER = 8;

/**
 * A connection that carries rows of numbers. Each is copied into a message with a number of its own, so that a lost or
 * doubled one would be noticed instead of computed with.
 */
export class Link implements Neighbour {
  readonly #socket: Socket;
  readonly #name: string;
  #sent = 0;
  #received = 0;
  #failure: Error | undefined;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket, rank: number) {
    this.#socket = socket;
    this.#name = `process ${rank}`;
    const wake = (): void => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resume of waiting) resume();
    };
    socket.on('error', (error) => {
      this.#failure = error;
      wake();
    });
    for (const event of ['readable', 'drain', 'end', 'close']) socket.on(event, wake);
  }

  /** Tells what we work on, and checks that the other one works on the same. */
  async greet({ size, columns, steps }: Participant): Promise<void> {
    const ours = Float64Array.of(size, columns, steps);
    const theirs = new Float64Array(ours.length);
    await Promise.all([this.send(ours), this.receive(theirs)]);
    if (ours.some((value, i) => value !== theirs[i])) {
      const [otherSize = 0, otherColumns = 0, otherSteps = 0] = theirs;
      throw new Error(
        `${this.#name} is of another job: ${otherSize} processes, ${otherColumns} columns and ${otherSteps} steps ` +
          `instead of ${size}, ${columns} and ${steps}`,
      );
    }
  }

  async send(row: Float64Array): Promise<void> {
    const message = Buffer.allocUnsafe(HEADER + row.byteLength);
    message.writeUInt32LE(this.#sent++, 0);
    message.writeUInt32LE(row.byteLength, 4);
    message.set(new Uint8Array(row.buffer, row.byteOffset, row.byteLength), HEADER);
    if (!this.#isOpen()) throw this.#lost();
    this.#socket.write(message);
    while (this.#socket.writableNeedDrain) {
      if (!this.#isOpen()) throw this.#lost();
      await this.#change();
    }
  }

  async receive(into: Float64Array): Promise<void> {
    const header = await this.#read(HEADER);
    const number = header.readUInt32LE(0);
    const length = header.readUInt32LE(4);
    if (number !== this.#received || length !== into.byteLength) {
      throw new Error(
        `${this.#name} sent message ${number} of ${length} bytes where ` +
          `message ${this.#received} of ${into.byteLength} bytes was due`,
      );
    }
    this.#received++;
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(await this.#read(length));
  }

  /** Ends the connection after everything that was sent has left. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#socket.once('close', resolve);
      if (this.#isOpen()) {
        this.#socket.end(() => {
          this.destroy();
        });
      } else this.destroy();
      if (this.#socket.closed) resolve();
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #isOpen(): boolean {
    return this.#failure === undefined && !this.#socket.destroyed && !this.#socket.readableEnded;
  }

  async #read(bytes: number): Promise<Buffer> {
    for (;;) {
      const data = this.#socket.read(bytes) as Buffer | null;
      if (data?.length === bytes) return data;
      // A shorter piece is what came before the end.
      if (data !== null || !this.#isOpen()) throw this.#lost();
      await this.#change();
    }
  }

  /** Resolves with the next event. Whoever looks at the socket and then waits, without an await between, misses none. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #lost(): Error {
    return new Error(`${this.#name} is gone, after ${this.#received} messages from it`, {
      cause: this.#failure,
    });
  }
}
