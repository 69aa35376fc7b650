/**
 * An agent that writes nothing to a disk: what is left is the time of the processes of a job. It speaks
 * docs/checkpoint-protocol.md.
 */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { encodeFrame, FrameDecoder } from '../dist/esm/callbacks/frame.js';

/** Milliseconds. */
const DEADLINE = 60_000;

/** How long the phases of one checkpoint have taken, in milliseconds. */
/** @typedef {{ stop: number, save: number, resume: number }} Phases */

export class BenchAgent {
  #server = createServer((socket) => this.#serve(socket));
  /** @type {Map<number, import('node:net').Socket>} the processes that run, by their ranks */
  #running = new Map();
  /** @type {((rank: number) => void)[]} */
  #answers = [];
  /** @type {Record<string, (rank: number) => void>} */
  #heard = {};
  #op = 0;
  #directory;

  /** @param {string} directory */
  constructor(directory) {
    this.#directory = directory;
  }

  get socket() {
    return join(this.#directory, 'socket');
  }

  /**
   * @param {string} parent
   * @returns {Promise<BenchAgent>}
   */
  static async start(parent) {
    const agent = new BenchAgent(await mkdtemp(join(parent, 'xosaga-bench-')));
    agent.#server.listen(agent.socket);
    await once(agent.#server, 'listening');
    return agent;
  }

  /** @returns {Promise<void>} */
  async close() {
    this.#server.close();
    for (const socket of this.#running.values()) socket.destroy();
    await rm(this.#directory, { recursive: true, force: true });
  }

  /**
   * Resolves when so many processes are there.
   * @param {number} count
   * @returns {Promise<void>}
   */
  async members(count) {
    while (this.#running.size < count) await this.#all(1, 'hello');
  }

  /**
   * One checkpoint of all processes.
   * @returns {Promise<Phases>}
   */
  async checkpoint() {
    const op = ++this.#op;
    const sockets = [...this.#running];
    const directories = sockets.map(([rank]) => [rank, join(this.#directory, String(op), String(rank))]);
    for (const [, directory] of directories) await mkdir(/** @type {string} */ (directory), { recursive: true });

    const start = performance.now();
    const prepared = this.#all(sockets.length, 'prepared');
    for (const [, socket] of sockets) {
      say(socket, { type: 'prepare', op, mode: 'continue', generation: op, deadline_ms: DEADLINE });
    }
    await prepared;

    const stopped = performance.now();
    const closed = Promise.all(sockets.map(([, socket]) => once(socket, 'close')));
    for (const [rank, socket] of sockets) {
      const directory = join(this.#directory, String(op), String(rank));
      say(socket, { type: 'save', op, directory, deadline_ms: DEADLINE });
    }
    await closed;

    const saved = performance.now();
    const resumed = this.#all(sockets.length, 'resumed');
    for (const answer of this.#answers.splice(0)) answer(op);
    this.#committed = op;
    await resumed;
    const end = performance.now();
    await rm(join(this.#directory, String(op)), { recursive: true });
    return { stop: stopped - start, save: saved - stopped, resume: end - saved };
  }

  #committed = 0;

  /** @param {import('node:net').Socket} socket */
  #serve(socket) {
    const decoder = new FrameDecoder();
    let rank = 0;
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      for (const message of /** @type {any[]} */ (decoder.push(piece))) {
        if (message.type === 'hello') ({ rank } = message);
        if (message.type === 'hello' && message.saved !== undefined && message.saved !== this.#committed) {
          this.#answers.push(() => this.#welcome(rank, socket, message.saved));
        } else if (message.type === 'hello') this.#welcome(rank, socket, message.saved);
        else if (message.type === 'publish') say(socket, { type: 'ok', id: message.id });
        else if (message.type === 'veto') throw new Error(`rank ${rank}: ${message.reason}`);
        this.#heard[message.type]?.(rank);
      }
    });
  }

  /**
   * @param {number} rank
   * @param {import('node:net').Socket} socket
   * @param {number | undefined} saved
   */
  #welcome(rank, socket, saved) {
    this.#running.set(rank, socket);
    const outcome = saved === undefined ? {} : { outcome: { op: saved, result: 'committed', deadline_ms: DEADLINE } };
    say(socket, { type: 'welcome', v: 1, incarnation: 0, generation: this.#committed, ...outcome });
  }

  /**
   * Resolves when so many processes have said this.
   * @param {number} count
   * @param {string} type
   * @returns {Promise<void>}
   */
  #all(count, type) {
    return new Promise((resolve) => {
      let left = count;
      this.#heard[type] = () => {
        if (--left === 0) resolve();
      };
    });
  }
}

/**
 * @param {import('node:net').Socket} socket
 * @param {{ type: string, [field: string]: unknown }} message
 */
function say(socket, message) {
  socket.write(encodeFrame(message));
}
