/** Processes of a job that do what a test says, and the agents that serve them, each a program of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as after } from 'node:timers/promises';

import { encodeFrame, FrameDecoder, type Typed } from '../../src/callbacks/frame.js';
import { writeConfig, type ConfigFile } from '../../src/callbacks/grid/config.js';
import { PACKAGE } from '../package/built.js';

export type Message = Typed & Readonly<Record<string, unknown>>;

/** Milliseconds between attempts of a process that dials. */
const RETRY = 5;
/** Milliseconds until a test gives up. */
const PATIENCE = 10_000;

/** One connection: what comes is kept until somebody asks for it. */
export class Peer {
  readonly #socket: Socket;
  readonly #come: Message[] = [];
  #changed: () => void = () => undefined;
  #isOpen = true;

  constructor(socket: Socket) {
    this.#socket = socket;
    const decoder = new FrameDecoder();
    socket.on('data', (piece) => {
      for (const message of decoder.push(piece)) this.#come.push(message as Message);
      this.#changed();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#isOpen = false;
      this.#changed();
    });
  }

  /** Dials until somebody answers, as processes do. */
  static async dial(path: string): Promise<Peer> {
    for (const end = Date.now() + PATIENCE; ;) {
      const socket = createConnection(path);
      try {
        await once(socket, 'connect');
        return new Peer(socket);
      } catch (error) {
        if (Date.now() > end) throw error;
        await after(RETRY);
      }
    }
  }

  say(message: object): void {
    this.#socket.write(encodeFrame(message as Typed));
  }

  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  /** Takes the next message of the type; those before it are dropped. */
  async hear(type: string): Promise<Message> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const at = this.#come.findIndex((message) => message.type === type);
      if (at >= 0) return this.#come.splice(0, at + 1).at(-1)!;
      const heard = this.#come.map((message) => JSON.stringify(message)).join(', ');
      if (!this.#isOpen) throw new Error(`hung up before "${type}"; heard ${heard}`);
      if (Date.now() > end) throw new Error(`waited in vain for "${type}"; heard ${heard}`);
      await this.#change();
    }
  }

  /** Whether a message of the type has come by now. */
  has(type: string): boolean {
    return this.#come.some((message) => message.type === type);
  }

  async closed(): Promise<void> {
    while (this.#isOpen) await this.#change();
  }

  async #change(): Promise<void> {
    await Promise.race([
      new Promise<void>((resolve) => {
        this.#changed = resolve;
      }),
      after(100),
    ]);
  }
}

/** A process of a job, step by step. */
export class ScriptedProcess {
  readonly #path: string;
  readonly client = randomBytes(16).toString('hex');
  readonly rank: number;
  readonly pid: number;
  incarnation: number | undefined;
  peer!: Peer;

  constructor(path: string, rank = 0, pid = process.pid) {
    this.#path = path;
    this.rank = rank;
    this.pid = pid;
  }

  /** Connects and says hello. */
  async dial(more: object = {}): Promise<this> {
    this.peer = await Peer.dial(this.#path);
    const { client, pid, rank, incarnation } = this;
    const told = incarnation === undefined ? {} : { incarnation };
    this.peer.say({
      type: 'hello',
      v: [1, 1],
      client,
      pid,
      thread: 0,
      rank,
      host: 'n1',
      sdk: 'test',
      ...told,
      ...more,
    });
    return this;
  }

  async welcome(more: object = {}): Promise<Message> {
    await this.dial(more);
    const welcome = await this.peer.hear('welcome');
    this.incarnation = welcome['incarnation'] as number;
    return welcome;
  }

  /** Answers `prepare`. @returns the op. */
  async prepare(channels?: object[], names: string[] = ['state']): Promise<number> {
    const { op } = await this.peer.hear('prepare');
    if (channels) this.peer.say({ type: 'stopped', op, participant: 'state', channels });
    this.peer.say({ type: 'prepared', op, participants: names.map((name) => ({ name, rebuild: true })) });
    return op as number;
  }

  /** Answers `save`, and hangs up. @returns the directory. */
  async save(text = `state of rank ${String(this.rank)}`): Promise<string> {
    const { op, directory } = await this.peer.hear('save');
    mkdirSync(join(directory as string, 'state'), { mode: 0o700 });
    writeFileSync(join(directory as string, 'state/data'), text);
    this.peer.say({ type: 'saved', op });
    await after(0);
    this.peer.hangUp();
    return directory as string;
  }

  /** Asks until it is told how the operation ended, and resumes. */
  async resolve(op: number): Promise<{ result: string; reason?: string }> {
    for (const end = Date.now() + PATIENCE; ;) {
      try {
        await this.dial({ saved: op });
        const { outcome } = await this.peer.hear('welcome');
        this.resumed(op);
        return outcome as { result: string };
      } catch (error) {
        if (Date.now() > end || (error as Error).message.startsWith('waited')) throw error;
        await after(RETRY);
      }
    }
  }

  resumed(op: number): void {
    this.peer.say({ type: 'resumed', op, errors: [] });
  }

  /** A whole checkpoint. */
  async takePart(text?: string): Promise<{ result: string }> {
    const op = await this.prepare();
    await this.save(text);
    return this.resolve(op);
  }
}

/** A control connection. */
export class Controller {
  readonly #peer: Peer;
  #ids = 0;

  private constructor(peer: Peer) {
    this.#peer = peer;
  }

  static async dial(path: string): Promise<Controller> {
    const peer = await Peer.dial(path);
    peer.say({ type: 'control', v: [1, 1] });
    await peer.hear('controlling');
    return new Controller(peer);
  }

  get peer(): Peer {
    return this.#peer;
  }

  async ask(type: string, answer: string, more: object = {}): Promise<Message> {
    this.#peer.say({ type, id: ++this.#ids, ...more });
    return this.#peer.hear(answer);
  }

  hangUp(): void {
    this.#peer.hangUp();
  }
}

/** The agents of one state directory, one after the other. */
export class AgentProgram {
  readonly #directory: string;
  #child: ChildProcess | undefined;
  socket = '';

  constructor(directory: string) {
    this.#directory = directory;
  }

  static async start(directory: string, config: Partial<ConfigFile> = {}): Promise<AgentProgram> {
    await writeConfig(directory, { job: 'j', checkpoints: join(directory, 'versions'), ...config });
    const agent = new AgentProgram(directory);
    await agent.start();
    return agent;
  }

  /** Starts one, and waits until it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [`${PACKAGE}dist/esm/callbacks/grid/agent.js`, this.#directory], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    let complaint = '';
    child.stderr.on('data', (piece: Buffer) => (complaint += piece.toString()));
    for await (const line of createInterface(child.stdout)) {
      this.socket = line.replace(/^ready /, '');
      return;
    }
    throw new Error(complaint.trim());
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }

  /** Kills it, and starts the next. */
  async replace(): Promise<void> {
    await this.end('SIGKILL');
    await this.start();
  }
}
