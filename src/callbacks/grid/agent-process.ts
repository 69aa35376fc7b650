/** The agent of a unit as a process that is kept alive: started again, ever less often, whenever it dies. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { NoSuccess } from '../../saga/core/exceptions.js';

/** Milliseconds before it is started again: the first time, and what that doubles up to. */
const FIRST = 50;
const LONGEST = 2000;
/** Milliseconds after which an agent that dies was not broken from the start. */
const YOUNG = 1000;
/** Milliseconds that it has to end. */
const PATIENCE = 2000;

export class AgentProcess {
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pause = FIRST;
  #ending = false;
  /** It listens; called each time that one has been started. */
  onReady: (socket: string) => void = () => undefined;

  /** @param command - The program and its arguments. */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** Starts it. @returns the path of its socket, when it listens. @throws NoSuccess when it ended before that. */
  async start(): Promise<string> {
    const [program = '', ...args] = this.#command;
    // A session of its own: what is meant for the processes of the job is not meant for it.
    const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const started = performance.now();
    const ended = new Promise<never>((_, reject) => {
      const end = (why: string): void => {
        reject(new NoSuccess(`the checkpointing agent ${why}; what it said is in the errors of the job`));
      };
      child.once('error', (cause) => {
        this.#child = undefined;
        end(`cannot be started: ${cause.message}`);
      });
      child.once('exit', (code, signal) => {
        this.#child = undefined;
        if (performance.now() - started > YOUNG) this.#pause = FIRST;
        end(`ended (${signal ?? `exit code ${String(code)}`})`);
      });
    });
    let listens = false;
    // Whoever kills one that listens gets another.
    ended.catch(() => {
      if (listens) this.#startAgain();
    });
    const socket = await Promise.race([readyLine(child), ended]);
    listens = true;
    this.onReady(socket);
    return socket;
  }

  /** Ends it, and does not start it again. */
  async end(): Promise<void> {
    this.#ending = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (!child) return;
    const over = once(child, 'exit');
    child.kill('SIGTERM');
    // One that is stopped would hear it when it goes on, which may be never.
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
    }, PATIENCE);
    await over;
    clearTimeout(timer);
  }

  #startAgain(): void {
    if (this.#ending) return;
    this.#timer = setTimeout(() => {
      this.start().catch(() => {
        this.#startAgain();
      });
    }, this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST);
  }
}

/** What it says when it listens: `ready <socket>`. */
async function readyLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new NoSuccess('the checkpointing agent has no output');
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('ready ')) return line.slice('ready '.length);
  }
  return new Promise(() => undefined); // its end tells why
}
