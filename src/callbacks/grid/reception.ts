/** Processes that have said hello and are not answered yet: they are in doubt, or the job checkpointer is not reached. */
import { PROTOCOL, type FromAgent, type Hello } from '../messages.js';
import type { Connection } from './connection.js';

export interface Caller {
  readonly connection: Connection;
  readonly hello: Hello;
}

export class Reception {
  readonly #callers = new Map<string, Caller>();

  /** Those that wait; a list of its own, as they go while it is read. */
  get callers(): Caller[] {
    return [...this.#callers.values()];
  }

  /** Keeps a process until it is answered. @returns whether it can be: one without a common version is sent away. */
  receive({ connection, hello }: Caller): boolean {
    const [lowest, highest] = hello.v;
    if (lowest > PROTOCOL || highest < PROTOCOL) {
      connection.send({ type: 'refused', reason: `this agent speaks version ${String(PROTOCOL)}` } as FromAgent);
      connection.end();
      return false;
    }
    const { client } = hello;
    this.#callers.get(client)?.connection.destroy();
    this.#callers.set(client, { connection, hello });
    connection.onClose = () => {
      if (this.#callers.get(client)?.connection === connection) this.#callers.delete(client);
    };
    connection.onMessage = () => {
      // It has been told nothing that it could answer.
      connection.destroy();
    };
    return true;
  }

  /** It is answered, or is about to be: its connection is somebody else's. */
  release({ hello }: Caller): void {
    this.#callers.delete(hello.client);
  }

  close(): void {
    for (const { connection } of this.callers) connection.destroy();
  }
}
