/** The file adaptor alone, without the engine around it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { connect } from '../../../src/adaptors/file/index.js';
import { URL } from '../../../src/saga/core/url.js';
import type { CopyMode, ListedEntry } from '../../../src/saga/spi/file.js';
import { PACKAGE } from '../../package/built.js';

export const files: Awaited<ReturnType<typeof connect>> = await connect(new URL('file:///'));

export const NEW: CopyMode = { overwrite: false, preserve: false };
export const OVER: CopyMode = { overwrite: true, preserve: false };
export const KEEP: CopyMode = { overwrite: false, preserve: true };

/** All entries of a directory, sorted by name. */
export async function listed(path: string, follow = false): Promise<ListedEntry[]> {
  const all: ListedEntry[] = [];
  for await (const batch of files.list(path, follow, {})) all.push(...batch);
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The names in a directory, also those that begin with a dot, sorted. */
export function namesIn(path: string): string[] {
  return readdirSync(path).sort();
}

/** What a call is rejected with. */
export async function failure(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => Promise.reject(new Error('it should have failed')),
    (error: unknown) => error as Error,
  );
}

/** A process that has `files` and `saga`, and tells lines. */
export class Child {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(source: string) {
    const prelude = `
      import * as saga from 'xosaga';
      import { connect } from 'xosaga/adaptors/file';
      const files = await connect(new saga.URL('file:///'));
    `;
    const args = ['--input-type=module', '--eval', prelude + source];
    const child = spawn(process.execPath, args, { cwd: PACKAGE, stdio: ['ignore', 'pipe', 'inherit'] });
    this.process = child;
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('the process ended and told nothing');
    return next.value;
  }

  async kill(): Promise<void> {
    const exited = once(this.process, 'exit');
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await exited;
    }
  }
}
