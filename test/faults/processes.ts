/** The processes of a test, found by a mark in their environment: programs, launchers, keepers and jobs all inherit it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { PACKAGE } from '../package/built.js';

/** Processes that have `entry` in their environment; zombies have none. */
export function processesWith(entry: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(entry);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** The living children of a process. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // "pid (program) state parent ..."; the program's name may hold anything.
        const [state, ppid] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
        return state !== 'Z' && state !== 'X' && Number(ppid) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Resolves with what the condition gives as soon as it is true. For what sends no event: other processes, files. */
export async function eventually<T>(what: string, condition: () => T | undefined | false, seconds = 20): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${String(seconds)} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Resolves when no process has the mark any more. */
export async function allGone(entry: string, seconds?: number): Promise<void> {
  await eventually(`the end of all processes with ${entry}`, () => processesWith(entry).length === 0, seconds);
}

/** Kills what is left of a test; tells how many that were. */
export function killAll(entry: string): number {
  const left = processesWith(entry);
  for (const pid of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  return left.length;
}

/** A program of test/faults/programs, run by node against the built package. It tells what happens in lines of JSON. */
export class Program {
  readonly process: ChildProcess;
  /** All that it has told. */
  readonly told: Record<string, unknown>[] = [];
  readonly exited: Promise<unknown>;
  #errors = '';
  readonly #listeners = new Set<() => void>();

  constructor(name: string, options: object, environment: Readonly<Record<string, string>>) {
    const script = `${PACKAGE}test/faults/programs/${name}.mjs`;
    this.process = spawn(process.execPath, [script, JSON.stringify(options)], {
      cwd: PACKAGE,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text));
    createInterface(this.process.stdout!).on('line', (line) => {
      this.told.push(JSON.parse(line) as Record<string, unknown>);
      for (const listener of [...this.#listeners]) listener();
    });
    this.exited = once(this.process, 'close').then(() => {
      for (const listener of [...this.#listeners]) listener();
    });
  }

  get pid(): number {
    return this.process.pid!;
  }

  get isOver(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** The values that it has told under this key. */
  all(key: string): unknown[] {
    return this.told.flatMap((line) => (key in line ? [line[key]] : []));
  }

  /** The first value that it tells under this key. */
  async first(key: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const [value] = this.all(key);
        if (value === undefined && !this.isOver) return;
        this.#listeners.delete(look);
        if (value !== undefined) resolve(value);
        else reject(new Error(`the program ended without telling '${key}': ${this.#errors}`));
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** Its exit code. Errors that it printed are in the message when it is not 0. */
  async success(): Promise<void> {
    await this.exited;
    if (this.process.exitCode !== 0) {
      throw new Error(
        `the program ended with ${String(this.process.exitCode ?? this.process.signalCode)}: ${this.#errors}`,
      );
    }
  }
}
