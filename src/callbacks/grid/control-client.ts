/** The asking end of a control connection (docs/checkpoint-protocol.md, "Control"): checkpoints and restarts of a job. */
import { createConnection } from 'node:net';

import type { Typed } from '../frame.js';
import type { CheckpointMode } from '../participant.js';
import {
  BadParameter,
  DoesNotExist,
  IncorrectState,
  NoSuccess,
  type SagaException,
} from '../../saga/core/exceptions.js';
import { Connection } from './connection.js';
import type { Decision } from './coordination.js';
import type { JobEvent, Restarted } from './job-event.js';

const PROTOCOL = 1;

/** The errors that an agent tells by their category; all others are NoSuccess. */
const CATEGORIES: Readonly<Record<string, new (message: string) => SagaException>> = {
  BadParameter,
  DoesNotExist,
  IncorrectState,
};

/** A version of a job's checkpoints. */
export interface KeptVersion {
  readonly generation: number;
  readonly directory: string;
}

type Answer = Typed & Readonly<Record<string, unknown>>;

interface Waiting {
  /** The type of the answer that is waited for; others with its id say how far it is. */
  readonly answer: string;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: SagaException) => void;
}

export class ControlClient {
  readonly #connection: Connection;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  /** What becomes of operations, after `watch`. */
  onEvent: (event: JobEvent) => void = () => undefined;

  private constructor(connection: Connection) {
    this.#connection = connection;
    connection.onMessage = (message) => {
      this.#receive(message as Answer);
    };
    connection.onClose = () => {
      this.#lost();
    };
  }

  /** @throws IncorrectState when no agent listens at the path, NoSuccess when it does not speak our version. */
  static async connect(socket: string): Promise<ControlClient> {
    const connection = new Connection(createConnection(socket));
    await new Promise<void>((resolve, reject) => {
      connection.onClose = () => {
        reject(new IncorrectState(`no checkpointing agent answers at ${socket}: the job does not run`));
      };
      connection.onMessage = (message) => {
        if (message.type === 'controlling') resolve();
        else reject(new NoSuccess(`the checkpointing agent refused: ${reasonOf(message as Answer)}`));
      };
      connection.send({ type: 'control', v: [PROTOCOL, PROTOCOL] } as Typed);
    });
    return new ControlClient(connection);
  }

  get isOpen(): boolean {
    return this.#connection.isOpen;
  }

  /** A checkpoint of the whole job; resolves when it is decided. @throws NoSuccess when the job cannot make one now. */
  async request(mode: CheckpointMode, deadline?: number): Promise<Decision> {
    const fields = { mode, ...(deadline !== undefined && { deadline_ms: Math.ceil(deadline * 1000) }) };
    return (await this.#ask('request', 'decided', fields)) as unknown as Decision;
  }

  /**
   * Begins a new incarnation: the processes of the old one end, those that are started next rebuild.
   * @param generation - The version to go back to; default: the newest that is whole.
   * @throws DoesNotExist when there is no such version, NoSuccess when it is damaged.
   */
  async restart(generation?: number): Promise<Restarted> {
    const fields = generation === undefined ? {} : { generation };
    return (await this.#ask('restart', 'restarted', fields)) as unknown as Restarted;
  }

  /** Oldest first. */
  async versions(): Promise<KeptVersion[]> {
    const { versions } = await this.#ask('versions', 'versions', {});
    return versions as KeptVersion[];
  }

  /** From now on `onEvent` is told. */
  async watch(): Promise<void> {
    await this.#ask('watch', 'ok', {});
  }

  close(): void {
    this.#connection.destroy();
  }

  #ask(type: string, answer: string, fields: object): Promise<Answer> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { answer, resolve, reject });
      if (this.#connection.isOpen) this.#connection.send({ ...fields, id, type } as Typed);
      else this.#lost();
    });
  }

  #lost(): void {
    for (const { reject } of this.#waiting.values()) {
      reject(new NoSuccess('the agent of the job is gone; ask again when it is back'));
    }
    this.#waiting.clear();
  }

  #receive(message: Answer): void {
    if (message.type === 'event') {
      this.onEvent(message as unknown as JobEvent);
      return;
    }
    const id = Number(message['id']);
    const waiting = this.#waiting.get(id);
    if (message.type !== waiting?.answer && message.type !== 'refused') return;
    this.#waiting.delete(id);
    if (message.type !== 'refused') {
      waiting?.resolve(message);
      return;
    }
    const Category = CATEGORIES[String(message['code'])] ?? NoSuccess;
    waiting?.reject(new Category(reasonOf(message)));
  }
}

function reasonOf(message: Answer): string {
  return typeof message['reason'] === 'string' ? message['reason'] : 'it gave no reason';
}
