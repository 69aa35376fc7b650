/** Where a channel server can be reached: the socket on which it listens, and the address that clients are told. */
import { chmod } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { hostname } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { assertSafe, formatAddress, listenOptions, parseAddress, prepare, removeStaleSocket } from './address.js';
import type { ChannelAddress } from './address.js';
import { ChannelError } from './channel-error.js';

export interface ListenerOptions {
  /** Of the server, for messages. */
  readonly name: string;
  /** Without it there is nothing to listen on, and {@link Listener.open} does nothing. */
  readonly address?: string;
  /** The host that clients are told in place of that of `address`. */
  readonly advertise?: string;
  readonly hasSecret: boolean;
}

/** Hosts that stand for all addresses of a machine: nobody else could connect to them. */
const ANY_HOST: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

export class Listener {
  readonly #options: ListenerOptions;
  readonly #accept: (socket: Socket) => void;
  #server: Server | undefined;
  /** Where it listens, with the port that the system chose; kept while it does not, to listen there again. */
  #bound: ChannelAddress | undefined;

  /** @throws ChannelError for an address that is none. */
  constructor(options: ListenerOptions, accept: (socket: Socket) => void) {
    if (options.address !== undefined) parseAddress(options.address, options.name);
    this.#options = options;
    this.#accept = accept;
  }

  get isOpen(): boolean {
    return this.#server !== undefined;
  }

  /** For clients; undefined while it does not listen. */
  get address(): string | undefined {
    const { advertise = hostname() } = this.#options;
    if (!this.#server || !this.#bound) return undefined;
    const bound = this.#bound;
    const elsewhere = !('path' in bound) && (this.#options.advertise !== undefined || ANY_HOST.has(bound.host));
    return formatAddress(elsewhere ? { ...bound, host: advertise } : bound);
  }

  /**
   * Listens, where it did before if it did.
   * @throws ChannelError `address` when it cannot, or it would not be safe to.
   */
  async open(): Promise<void> {
    const { address, name, hasSecret } = this.#options;
    if (address === undefined) return;
    const wanted = this.#bound ?? parseAddress(address, name);
    await assertSafe(wanted, hasSecret, name);
    const server = await this.#bind(wanted).catch((cause: unknown) => {
      const why = isTaken(cause) ? 'another server listens there' : (cause as Error).message;
      throw new ChannelError('address', name, `it cannot listen at ${formatAddress(wanted)}: ${why}`, { cause });
    });
    if ('path' in wanted) await chmod(wanted.path, 0o600);
    const bound = server.address();
    this.#bound =
      'host' in wanted && typeof bound === 'object' && bound ? { host: wanted.host, port: bound.port } : wanted;
    this.#server = server;
  }

  /** Nobody can connect any more; connections that are there stay. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    // It closes at once; its callback waits for connections, which channels close by themselves.
    server.close();
    await nextTurn();
  }

  /** Next time it listens as its options say: its old address may belong to another machine. */
  moved(): void {
    this.#bound = undefined;
  }

  async #bind(address: ChannelAddress): Promise<Server> {
    try {
      return await this.#listen(address);
    } catch (error) {
      if (isTaken(error) && 'path' in address && (await removeStaleSocket(address.path))) return this.#listen(address);
      throw error;
    }
  }

  #listen(address: ChannelAddress): Promise<Server> {
    return new Promise((resolve, reject) => {
      const server = process.getBuiltinModule('node:net').createServer((socket) => {
        prepare(socket);
        this.#accept(socket);
      });
      server.once('error', reject);
      server.listen(listenOptions(address), () => {
        server.off('error', reject);
        // What goes wrong with one connection that comes is no matter of the others.
        server.on('error', () => undefined);
        resolve(server);
      });
    });
  }
}

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
}
