/** A socket that carries frames of the checkpoint protocol, as the agent's side sees it. */
import type { Socket } from 'node:net';

import { encodeFrame, FrameDecoder, type Typed } from '../frame.js';

/** Bytes that may wait for a peer that does not read. */
const MOST_WAITING = 8 << 20;

export class Connection {
  readonly #socket: Socket;
  onMessage: (message: Typed) => void = () => undefined;
  /** Called once; nothing is received after it. */
  onClose: () => void = () => undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const decoder = new FrameDecoder();
    socket.setNoDelay(true);
    socket.on('data', (piece) => {
      try {
        for (const message of decoder.push(piece)) {
          if (socket.destroyed) return;
          this.onMessage(message);
        }
      } catch {
        // What cannot be understood is a hang-up (docs/checkpoint-protocol.md, "Transport").
        socket.destroy();
      }
    });
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.onClose();
    });
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  send(message: Typed): void {
    if (!this.isOpen) return;
    try {
      this.#socket.write(encodeFrame(message));
    } catch {
      // Longer than a frame may be: a peer that missed it would not know what has happened.
      this.#socket.destroy();
    }
    if (this.#socket.writableLength > MOST_WAITING) this.#socket.destroy();
  }

  /** Sends what is waiting, and hangs up. */
  end(): void {
    this.#socket.end();
    // A peer that does not hang up is not waited for.
    setTimeout(() => {
      this.#socket.destroy();
    }, 1000).unref();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
