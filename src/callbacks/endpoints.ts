/** The names under which the processes of a job find each other, as this process published them and asks for them. */
import { Deferred } from './deferred.js';
import type { FromProcess } from './messages.js';
import type { Endpoints } from './participant.js';

/** Bytes. */
const LONGEST_ADDRESS = 4096;

type Publish = Extract<FromProcess, { type: 'publish' }>;

interface Asked {
  readonly message: FromProcess;
  readonly answer: Deferred<string>;
}

export class EndpointTable implements Endpoints {
  readonly #say: (message: FromProcess) => void;
  readonly #nextId: () => number;
  /** Without an answer yet. */
  readonly #asked = new Map<number, Asked>();
  /** By name. */
  readonly #published = new Map<string, Publish>();

  constructor(nextId: () => number, say: (message: FromProcess) => void) {
    this.#nextId = nextId;
    this.#say = say;
  }

  async publish(name: string, address: string): Promise<void> {
    if (Buffer.byteLength(address) > LONGEST_ADDRESS) {
      throw new RangeError(`the address of "${name}" has more than ${LONGEST_ADDRESS} bytes`);
    }
    const id = this.#nextId();
    const message: Publish = { type: 'publish', id, name, address };
    this.#published.set(name, message);
    await this.#ask(id, message);
  }

  async resolve(name: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<string> {
    signal?.throwIfAborted();
    const id = this.#nextId();
    const giveUp = (): void => {
      this.#say({ type: 'cancel', id });
      this.#settle(id, (answer) => {
        answer.reject(signal?.reason);
      });
    };
    signal?.addEventListener('abort', giveUp);
    try {
      return await this.#ask(id, { type: 'resolve', id, name });
    } finally {
      signal?.removeEventListener('abort', giveUp);
    }
  }

  /** The agent says `ok` or `endpoint`. */
  answered(id: number, address: string): void {
    this.#settle(id, (answer) => {
      answer.resolve(address);
    });
  }

  refused(id: number, reason: string): void {
    for (const [name, message] of this.#published) if (message.id === id) this.#published.delete(name);
    this.#settle(id, (answer) => {
      answer.reject(new Error(reason));
    });
  }

  /** With a checkpoint all names are forgotten. */
  forget(): void {
    for (const { id } of this.#published.values()) this.answered(id, '');
    this.#published.clear();
  }

  /** Says again what an agent that was killed does not know. */
  sayAgain(): void {
    for (const message of this.#published.values()) this.#say(message);
    for (const { message } of this.#asked.values()) if (message.type === 'resolve') this.#say(message);
  }

  async #ask(id: number, message: FromProcess): Promise<string> {
    const answer = new Deferred<string>();
    this.#asked.set(id, { message, answer });
    this.#say(message);
    return answer.promise;
  }

  #settle(id: number, how: (answer: Deferred<string>) => void): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (asked) how(asked.answer);
  }
}
