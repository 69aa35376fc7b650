/** An agent that does what a test tells it, message by message: for the faults that a real one would not show on demand. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type { Checkpointing } from '../../src/callbacks/checkpointing.js';
import { checkpointingOf } from '../../src/callbacks/checkpointing.js';
import { JobProcess } from '../../src/callbacks/job-process.js';
import { encodeFrame, FrameDecoder } from '../../src/callbacks/frame.js';
import type { FromAgent, FromProcess, Hello, Prepare, Save, Welcome } from '../../src/callbacks/messages.js';
import { fromProcess } from '../../src/callbacks/messages.js';

type Said = FromProcess | Hello;
type Of<Type> = Extract<Said, { type: Type }>;

/** What comes one after the other, for whoever waits for the next. */
class Queue<T> {
  readonly #items: T[] = [];
  readonly #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    return item === undefined ? new Promise((resolve) => this.#takers.push(resolve)) : Promise.resolve(item);
  }

  get length(): number {
    return this.#items.length;
  }
}

/** One connection, seen from the agent. */
export class Peer {
  hello!: Hello;
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  readonly #said = new Queue<Said>();

  constructor(socket: Socket, onHello: (peer: Peer) => void) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    const decoder = new FrameDecoder();
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      for (const typed of decoder.push(piece)) {
        const message = fromProcess(typed);
        if (message === undefined) throw new Error(`the process said "${typed.type}"`);
        if (message.type === 'hello') {
          this.hello = message;
          onHello(this);
        } else {
          this.#said.put(message);
        }
      }
    });
  }

  say(...messages: FromAgent[]): void {
    for (const message of messages) this.socket.write(encodeFrame(message));
  }

  welcome(more: Partial<Welcome> = {}): void {
    this.say({ type: 'welcome', v: 1, incarnation: 0, generation: 0, ...more });
  }

  /** The next message. */
  next(): Promise<Said> {
    return this.#said.take();
  }

  /** The next message, which must be of that type. */
  async hears<Type extends Said['type']>(type: Type): Promise<Of<Type>> {
    const message = await this.next();
    if (message.type !== type) throw new Error(`expected "${type}", heard ${JSON.stringify(message)}`);
    return message as Of<Type>;
  }

  /** Everything up to a message of that type, which is the last. */
  async hearsUntil(type: Said['type']): Promise<Said[]> {
    const heard: Said[] = [];
    do heard.push(await this.next());
    while (heard.at(-1)?.type !== type);
    return heard;
  }

  /** Nothing was said that nobody has asked for. */
  get isSilent(): boolean {
    return this.#said.length === 0;
  }

  hangUp(): Promise<unknown> {
    this.socket.destroy();
    return this.closed;
  }
}

export class ScriptedAgent {
  readonly path: string;
  /** Takes who says hello, instead of those that wait for an arrival. */
  onArrival: ((peer: Peer) => void) | undefined;
  #server: Server | undefined;
  #peers = new Set<Peer>();
  readonly #arrivals = new Queue<Peer>();

  constructor(path: string) {
    this.path = path;
  }

  async listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: false }, (socket) => {
      const peer = new Peer(socket, (arrived) => {
        if (this.onArrival) this.onArrival(arrived);
        else this.#arrivals.put(arrived);
      });
      this.#peers.add(peer);
    });
    this.#server = server;
    server.listen(this.path);
    await once(server, 'listening');
  }

  /** The next process that says hello. */
  arrival(): Promise<Peer> {
    return this.#arrivals.take();
  }

  /** The next process that says hello, welcomed. */
  async welcomes(more: Partial<Welcome> = {}): Promise<Peer> {
    const peer = await this.arrival();
    peer.welcome(more);
    return peer;
  }

  /** As if killed: nobody listens, all connections are gone. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const peer of this.#peers) peer.socket.destroy();
    this.#peers.clear();
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}

export const prepare = (op: number, more: Partial<Prepare> = {}): Prepare => ({
  type: 'prepare',
  op,
  mode: 'continue',
  generation: 1,
  deadline_ms: 10_000,
  ...more,
});

export const save = (op: number, directory: string): Save => ({ type: 'save', op, directory, deadline_ms: 10_000 });

/** A whole checkpoint of one process, up to its outcome. @returns its new connection. */
export async function commit(
  agent: ScriptedAgent,
  peer: Peer,
  op: number,
  directory: string,
  generation = 1,
  fromTheStart = true,
): Promise<Peer> {
  if (fromTheStart) {
    peer.say(prepare(op, { generation }));
    await peer.hearsUntil('prepared');
  }
  peer.say(save(op, directory));
  await peer.hearsUntil('saved');
  return agent.welcomes({ generation, outcome: { op, result: 'committed', deadline_ms: 10_000 } });
}

/** Call at the top of a test file: each test has an agent, a directory, and processes of the job. */
export function stage(): {
  readonly agent: ScriptedAgent;
  readonly directory: string;
  /** Of a process of the job at that agent, which lives in this one. */
  process(): Checkpointing;
  /** How often a process was told to end. */
  readonly ended: number;
} {
  let agent: ScriptedAgent;
  let directory: string;
  let ended = 0;
  const processes: JobProcess[] = [];
  beforeEach(async () => {
    ended = 0;
    directory = await mkdtemp(join(tmpdir(), 'xosaga-callbacks-'));
    agent = new ScriptedAgent(join(directory, 'agent.sock'));
    await agent.listen();
  });
  afterEach(async () => {
    await agent.die();
    for (const job of processes.splice(0)) job.leave();
    await rm(directory, { recursive: true, force: true });
  });
  return {
    get agent() {
      return agent;
    },
    get directory() {
      return directory;
    },
    get ended() {
      return ended;
    },
    process() {
      const job = new JobProcess({ socket: agent.path, rank: 0, end: () => ended++ });
      processes.push(job);
      return checkpointingOf(() => job);
    },
  };
}
