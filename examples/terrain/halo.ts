/**
 * Neighbouring strips in other processes of the same machine, over channels: connections that are closed and made again
 * when the job is checkpointed or restarted, and lose no row. Process r is the server of process r + 1.
 */
import { resolve } from 'node:path';

import { Channel, type ChannelEnd, ChannelError, ChannelServer } from 'xosaga/callbacks';

import type { Neighbour, Neighbours } from './strips.js';

export interface HaloOptions {
  readonly rank: number;
  readonly size: number;
  /** Length of the rows. */
  readonly columns: number;
  /** A directory that only the processes of this job use, closed to other users. */
  readonly directory: string;
  /** How long a neighbour may be away, in seconds. */
  readonly patience: number;
}

/** The connections of one process. */
export class Halo implements Neighbours {
  readonly above: Link | undefined;
  readonly below: Link | undefined;
  readonly #options: HaloOptions;
  readonly #client: Channel | undefined;
  readonly #server: ChannelServer | undefined;

  /** Names the channels, which makes them part of checkpoints. Nothing is connected before `open`. */
  constructor(options: HaloOptions) {
    const { rank, size, columns, directory, patience } = options;
    this.#options = options;
    const nameOf = (other: number): string => `strip ${other} of ${size}`;
    const addressOf = (other: number): string => `unix:${resolve(directory, String(other))}`;
    if (rank > 0) {
      const address = addressOf(rank - 1); // while the job has not been restarted, and has another one
      this.#client = new Channel({ server: nameOf(rank - 1), name: nameOf(rank), address, patience });
      this.above = new Link(this.#client, columns);
    }
    if (rank < size - 1) {
      this.#server = new ChannelServer({ name: nameOf(rank), address: addressOf(rank), patience });
      this.below = new Link(this.#server.channel(nameOf(rank + 1)), columns);
    }
  }

  /** Finds the neighbours. Those below may come later: what is sent to them until then waits. */
  async open(): Promise<void> {
    await Promise.all([this.#server?.listen(), this.#meet()]);
  }

  async #meet(): Promise<void> {
    try {
      await this.#client?.open();
    } catch (error) {
      if (!(error instanceof ChannelError) || error.code !== 'lost') throw error;
      const { rank, directory } = this.#options;
      const hint = 'all processes of a job must run on one machine';
      throw new Error(`process ${rank - 1} did not appear in ${directory}; ${hint}`, { cause: error });
    }
  }

  /** Ends the connections after everything that was sent has arrived. */
  async close(): Promise<void> {
    await Promise.all([this.#server?.close(), this.#client?.close()]);
  }

  /** Ends them at once. The neighbours notice. */
  async abandon(): Promise<void> {
    const signal = AbortSignal.abort();
    await Promise.allSettled([this.#server?.close({ signal }), this.#client?.close({ signal })]);
  }
}

/** A channel that carries rows of numbers. */
class Link implements Neighbour {
  readonly #channel: ChannelEnd;
  readonly #columns: number;

  constructor(channel: ChannelEnd, columns: number) {
    this.#channel = channel;
    this.#columns = columns;
  }

  send(row: Float64Array): Promise<void> {
    return this.#channel.send(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
  }

  async receive(): Promise<Float64Array> {
    const message = await this.#channel.receive();
    if (!message) throw new Error(`channel ${this.#channel.id}: the neighbour is done and has sent no row`);
    const row = new Float64Array(this.#columns);
    if (message.length !== row.byteLength) {
      throw new Error(`channel ${this.#channel.id}: a row of ${message.length} bytes instead of ${row.byteLength}`);
    }
    new Uint8Array(row.buffer).set(message);
    return row;
  }
}
