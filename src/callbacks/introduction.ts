/**
 * What a process tells its agent of itself on every new connection, and what it has been told there: `hello` and `welcome`
 * (docs/checkpoint-protocol.md, "Messages").
 *
 * What holds: the agent learns of the end of an operation, once or more often. `resumed` that was said before `hello` stands in it
 * as `done`, and one that was said between `hello` and `welcome` is lost: {@link Introduction.untold}.
 */
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import type { FromProcess, Hello, ParticipantError, Welcome } from './messages.js';
import { MOST_ERRORS, PROTOCOL } from './messages.js';

type Resumed = Extract<FromProcess, { type: 'resumed' }>;

export class Introduction {
  readonly #client: string = crypto.randomUUID().replaceAll('-', '');
  #version = PROTOCOL;
  #incarnation: number | undefined;
  #generation = 0;
  /** How it has ended its last operation. */
  #resumed: Resumed | undefined;
  /** What the last `hello` has told of that. */
  #done: number | undefined;

  /** Undefined before the first `welcome`. */
  get incarnation(): number | undefined {
    return this.#incarnation;
  }

  /** The last checkpoint committed or restarted from; 0 for none. */
  get generation(): number {
    return this.#generation;
  }

  /** @param saved - the operation that it is in doubt about: its memory may come from an image, which speaks as it did. */
  hello(rank: number, saved: number | undefined): Hello {
    this.#done = this.#resumed?.op;
    return {
      type: 'hello',
      v: saved === undefined ? [PROTOCOL, PROTOCOL] : [this.#version, this.#version],
      client: this.#client,
      pid: process.pid,
      thread: threadId,
      rank,
      host: hostname(),
      sdk: 'xosaga-typescript',
      ...(this.#incarnation !== undefined && { incarnation: this.#incarnation }),
      ...(saved !== undefined && { saved }),
      ...(this.#done !== undefined && { done: this.#done }),
    };
  }

  welcomed({ v, incarnation, generation }: Welcome): void {
    this.#version = v;
    this.#incarnation = incarnation;
    this.#generation = generation;
  }

  /** An operation is over for this process. @returns what says so. */
  resumed(op: number, errors: readonly ParticipantError[]): Resumed {
    this.#resumed = { type: 'resumed', op, errors: errors.slice(0, MOST_ERRORS) };
    return this.#resumed;
  }

  /** What the agent has perhaps not heard; undefined when its last `hello` has told it. */
  get untold(): Resumed | undefined {
    return this.#resumed?.op === this.#done ? undefined : this.#resumed;
  }
}
