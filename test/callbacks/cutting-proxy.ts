import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** Stands between two ends of a channel and cuts their connection after any byte, in the middle of a frame if need be. */
export class CuttingProxy {
  readonly #path: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  /** Bytes that still pass before the cut. */
  #left = Infinity;
  /** Nobody can connect. */
  down = false;

  private constructor(path: string) {
    this.#path = path;
  }

  static async create(path: string, target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(path);
    const server = createServer((client) => {
      const onward = connect(target);
      proxy.#join(client, onward);
      proxy.#join(onward, client);
    });
    proxy.#server = server;
    server.listen(path);
    await once(server, 'listening');
    return proxy;
  }

  /** A connection through it. */
  connect(): Socket {
    if (this.down) throw new Error('the network is down');
    return connect(this.#path);
  }

  cutAfter(bytes: number): void {
    this.#left = bytes;
    if (bytes === 0) this.#cut();
  }

  async close(): Promise<void> {
    this.#cut();
    const server = this.#server;
    if (!server) return;
    server.close();
    await once(server, 'close');
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk) => {
      const passes = chunk.subarray(0, this.#left);
      this.#left -= passes.length;
      to.write(passes);
      if (this.#left > 0) return;
      to.destroySoon();
      this.#cut(to);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroySoon();
    });
  }

  #cut(last?: Socket): void {
    this.#left = Infinity;
    for (const socket of this.#sockets) if (socket !== last) socket.destroy();
  }
}
