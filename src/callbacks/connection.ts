/** The connection of a process to its agent: dialled, and dialled again whenever it is gone. */
import type { Socket } from 'node:net';
import { encodeFrame, FrameDecoder } from './frame.js';
import type { FromAgent, FromProcess, Hello } from './messages.js';
import { fromAgent } from './messages.js';

/** Milliseconds before another attempt: the first time, and what it doubles up to. */
const PATIENT = { first: 50, longest: 1000 };
const IN_DOUBT = { first: 2, longest: 50 };
/** An agent that speaks no version of ours may be replaced. */
const REFUSED = { first: 1000, longest: 1000 };

/** Whose connection it is. */
export interface Caller {
  inDoubt(): boolean;
  hello(): Hello;
  heard(message: FromAgent): void;
  /** There was a connection and it is gone. */
  lost(): void;
}

export class Connection {
  readonly #path: string;
  readonly #caller: Caller;
  #socket: Socket | undefined;
  #welcomed = false;
  #timer: NodeJS.Timeout | undefined;
  /** Whether this connection was of use; if not, the next attempt comes later. */
  #served = false;
  #refused = false;
  #over = false;
  #attempts = 0;
  #holders = 0;

  constructor(path: string, caller: Caller) {
    this.#path = path;
    this.#caller = caller;
  }

  /** Whether the agent has answered. */
  get connected(): boolean {
    return this.#welcomed;
  }

  /** Sees to it that there is a connection, sooner or later. */
  dial(): void {
    if (this.#socket === undefined && this.#timer === undefined && !this.#over) this.#connect();
  }

  /** Keeps the process alive until the returned function is called: someone waits for what the agent says. */
  hold(): () => void {
    let held = true;
    this.#holders++;
    this.#keepAlive();
    return () => {
      if (!held) return;
      held = false;
      this.#holders--;
      this.#keepAlive();
    };
  }

  /**
   * Dropped when there is no connection.
   * @throws RangeError, TypeError when it fits into no frame.
   */
  say(message: FromProcess): void {
    const frame = encodeFrame(message);
    const socket = this.#socket;
    if (socket === undefined || !this.#welcomed) return;
    // A thousand participants have a thousand things to say, and the agent one process to listen with.
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => {
        socket.uncork();
      });
    }
    socket.write(frame);
  }

  /** The last message of this connection; resolves when it is closed. */
  async leave(message: FromProcess): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#welcomed = false;
    await new Promise<void>((resolve) => {
      socket.once('close', () => {
        resolve();
      });
      // Closed, not half closed: an open socket could not be part of an image.
      socket.end(encodeFrame(message), () => {
        socket.destroy();
      });
    });
  }

  /** Closes for good. */
  close(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  /** Closes, and dials again: the answer was none. */
  hangUp(): void {
    this.#served = false;
    this.#socket?.destroy();
  }

  #connect(): void {
    // Only now: loading it takes longer than all of this library, and most programs never run under an agent.
    const socket = process.getBuiltinModule('node:net').createConnection(this.#path);
    const decoder = new FrameDecoder();
    this.#socket = socket;
    this.#keepAlive();
    // Why it went wrong does not matter: the path may not be there yet, or no longer.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed();
    });
    socket.on('data', (piece) => {
      this.#read(socket, decoder, piece);
    });
    socket.write(encodeFrame(this.#caller.hello()));
  }

  #read(socket: Socket, decoder: FrameDecoder, piece: Buffer): void {
    let messages;
    try {
      messages = decoder.push(piece).map((typed) => fromAgent(typed) ?? { type: 'unknown' as const, what: typed.type });
    } catch {
      socket.destroy();
      return;
    }
    for (const message of messages) {
      if (!socket.writable) return;
      if (message.type === 'unknown') answer(socket, { type: 'unsupported', what: message.what });
      else if (message.type === 'ping') answer(socket, { type: 'pong', n: message.n });
      else this.#heard(message);
    }
  }

  #heard(message: FromAgent): void {
    if (message.type === 'welcome') this.#welcomed = this.#served = true;
    this.#refused = message.type === 'refused' && message.id === undefined;
    this.#caller.heard(message);
  }

  #closed(): void {
    const { first, longest } = this.#caller.inDoubt() ? IN_DOUBT : this.#refused ? REFUSED : PATIENT;
    if (this.#served) this.#attempts = 0;
    const delay = Math.min(first * 2 ** this.#attempts++, longest);
    const welcomed = this.#welcomed;
    this.#welcomed = this.#served = this.#refused = false;
    this.#socket = undefined;
    if (!this.#over) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#connect();
      }, delay);
      this.#keepAlive();
    }
    if (welcomed) this.#caller.lost();
  }

  #keepAlive(): void {
    for (const handle of [this.#socket, this.#timer]) {
      if (this.#holders > 0) handle?.ref();
      else handle?.unref();
    }
  }
}

/** Answers are small: they fit into a frame. */
function answer(socket: Socket, message: FromProcess): void {
  socket.write(encodeFrame(message));
}
