/** What the tests of the launchers need: a launcher of each kind, a segment, and its journal. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Limits } from '../../src/adaptors/local/limits.js';
import { nativeFrame, shellFrame, type Launch } from '../../src/adaptors/local/launch-frame.js';
import { decodeNative } from '../../src/saga/core/native-string.js';

const NATIVE = join(import.meta.dirname, '../../native');
const STAGING = join(NATIVE, 'xosaga_staging.sh');

/** How to start a launcher of one kind. */
export interface Kind {
  readonly name: string;
  readonly command: readonly string[];
  readonly encode: (launch: Launch) => Uint8Array;
  /** False for the shell: what docs/launcher.md says that it cannot promise. */
  readonly exact: boolean;
}

const scratch = mkdtempSync(join(tmpdir(), 'xosaga-launcher-'));

function compiled(name: string, flags: readonly string[]): Kind {
  const program = join(scratch, 'launcher');
  const sources = readdirSync(join(NATIVE, 'launcher')).filter((file) => file.endsWith('.c'));
  const strict = ['-O1', '-std=c11', '-Wall', '-Wextra', '-Wpedantic', '-Werror'];
  execFileSync('cc', [...strict, ...flags, '-o', program, ...sources], { cwd: join(NATIVE, 'launcher') });
  return { name, command: [program], encode: nativeFrame, exact: true };
}

function shell(...command: readonly string[]): Kind {
  const name = command.join(' ');
  return { name, command: [...command, join(NATIVE, 'xosaga_launcher.sh')], encode: shellFrame, exact: false };
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      return readdirSync(folder).includes(program);
    } catch {
      return false;
    }
  });
}

const SHELLS: readonly (readonly [string, ...string[]])[] = [['dash'], ['bash', '--posix'], ['busybox', 'ash']];

/** The shells in which the sh launcher should be tested, and cannot be. */
export function missingShells(): string[] {
  return SHELLS.map(([program]) => program).filter((program) => !isInstalled(program));
}

/** The C launcher, under the sanitizers, and the sh one in every shell that is here. */
export function launchers(): Kind[] {
  return [
    compiled('C', ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']),
    ...SHELLS.filter(([program]) => isInstalled(program)).map((command) => shell(...command)),
  ];
}

/** Where this process may make memory cgroups of version 1; undefined when it may not. */
export function memoryGroups(): string | undefined {
  const own = /^\d+:(?:.*,)?memory(?:,.*)?:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1];
  const folder = `/sys/fs/cgroup/memory${own ?? ''}`.replace(/\/$/, '');
  try {
    rmdirSync(mkdtempSync(`${folder}/test-`));
    return folder;
  } catch {
    return undefined;
  }
}

/** Resolves when the condition holds. For what sends no event: other processes, files. */
export async function eventually<T>(what: string, condition: () => T | undefined | false): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Start time of a living process, undefined when it is gone or a zombie. */
export function startOf(pid: number): string | undefined {
  try {
    const fields =
      readFileSync(`/proc/${String(pid)}/stat`, 'latin1')
        .split(') ')
        .at(-1)
        ?.split(' ') ?? [];
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** Processes of the job; of all jobs of a segment for `<segment>.`. */
export function processesOf(id: string): number[] {
  const mark = `\0XOSAGA_JOB_ID=${id}${id.endsWith('.') ? '' : '\0'}`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
        return `\0${environment}`.includes(mark);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Processes that work in this directory: those of jobs, their keepers and what these have started. */
export function processesIn(directory: string): string[] {
  return readdirSync('/proc').filter((entry) => {
    try {
      return /^\d+$/.test(entry) && readlinkSync(`/proc/${entry}/cwd`) === directory;
    } catch {
      return false;
    }
  });
}

/** Kills the processes of a job, and those that they start meanwhile. */
export async function killAll(id: string): Promise<void> {
  await eventually('the end of all processes', () => {
    const left = processesOf(id);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    return left.length === 0;
  });
}

/** What a test says of a job. */
export interface JobWish {
  readonly argv: readonly (string | Uint8Array)[];
  readonly environment?: readonly (string | Uint8Array)[];
  readonly processes?: number;
  readonly interactive?: boolean;
  readonly limits?: Limits;
  readonly cwd?: string;
  readonly input?: string;
  readonly output?: string;
  readonly error?: string;
  readonly hold?: boolean;
  readonly appending?: boolean;
  readonly startTime?: number;
  readonly dependencies?: readonly string[];
  readonly places?: Launch['places'];
  readonly before?: Launch['before'];
  readonly after?: Launch['after'];
}

const native = (value: string | Uint8Array): string => (typeof value === 'string' ? value : decodeNative(value));

export interface LauncherOptions {
  /** The process that counts as the submitter. */
  readonly submitter?: { readonly pid: number; readonly start: string };
  /** A shell command that sets limits first. */
  readonly prelude?: string;
}

/** A segment with its journal, and the launchers that were started for it. */
export class Segment {
  /** As unique as in real life: what is left of a job is found by it. */
  readonly name = `seg${randomBytes(4).toString('hex')}`;
  /** For the files of the jobs. */
  readonly folder: string;
  readonly events: string;
  readonly #home: string;
  readonly #kind: Kind;
  readonly #launchers = new Set<ChildProcess>();

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#home = mkdtempSync(join(scratch, 'home-'));
    this.folder = join(this.#home, 'work');
    this.events = join(this.#home, this.name, 'events');
    mkdirSync(this.folder);
    mkdirSync(join(this.#home, this.name));
    writeFileSync(this.events, '');
  }

  file(name: string): string {
    return join(this.folder, name);
  }

  /** Path of a file of the segment. */
  own(name: string): string {
    return join(this.#home, this.name, name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'latin1');
  }

  /** `needed` of `all` places in a directory of that name. */
  places(needed: number, all: number, directory = 'places'): Launch['places'][number] {
    mkdirSync(join(this.#home, directory), { recursive: true });
    return { directory, needed, all };
  }

  /** How many wait for a place behind the one who is the next. */
  queue(directory = 'places'): number {
    const { ino } = statSync(join(this.#home, directory, 'turnstile'));
    const locks = readFileSync('/proc/locks', 'latin1').split('\n');
    return locks.filter((line) => line.includes('->') && line.includes(`:${String(ino)} `)).length;
  }

  /** A dependency on jobs of this segment, submitted by this process. */
  dependency(type: string, first: number, last = first): string {
    return `${type}=${this.name}:${String(first)}-${String(last)}:${String(process.pid)}:${startOf(process.pid) ?? ''}`;
  }

  /** Value of XOSAGA_JOB_ID of the job. */
  id(n: number): string {
    return `${this.name}.${String(n)}`;
  }

  launcher(options: LauncherOptions = {}): Launcher {
    const { pid, start } = options.submitter ?? { pid: process.pid, start: startOf(process.pid) ?? '' };
    const command = [...this.#kind.command, this.#home, String(pid), start, STAGING];
    const whole =
      options.prelude === undefined ? command : ['sh', '-c', `${options.prelude}; exec "$@"`, 'sh', ...command];
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('XOSAGA_'));
    const child = spawn(whole[0] ?? '', whole.slice(1), {
      detached: true,
      // The sanitizers report there; shells tell of every process that a signal ended.
      stdio: ['pipe', 'pipe', this.#kind.exact ? 'inherit' : 'ignore'],
      env: {
        ...Object.fromEntries(inherited),
        XOSAGA_GRACE: '0.5',
        ASAN_OPTIONS: 'abort_on_error=1:detect_leaks=0',
        UBSAN_OPTIONS: 'abort_on_error=1',
      },
    });
    this.#launchers.add(child);
    return new Launcher(child, (n, wish) => this.frame(n, wish));
  }

  frame(n: number, wish: JobWish): Uint8Array {
    return this.#kind.encode({
      segment: this.name,
      n,
      offset: 0,
      interactive: wish.interactive ?? false,
      limits: wish.limits ?? {},
      hold: wish.hold ?? false,
      appending: wish.appending ?? false,
      startTime: wish.startTime ?? 0,
      dependencies: wish.dependencies ?? [],
      places: wish.places ?? [],
      before: wish.before ?? [],
      after: wish.after ?? [],
      processes: wish.processes ?? 1,
      id: this.id(n),
      cwd: wish.cwd ?? this.folder,
      input: wish.input ?? '',
      output: wish.output ?? '',
      error: wish.error ?? '',
      argv: wish.argv.map(native),
      environment: (wish.environment ?? []).map(native),
    });
  }

  append(record: string): void {
    appendFileSync(this.events, `\n${record}\n`);
  }

  /** The words of all records of a job. */
  records(n: number, word?: string): string[][] {
    const lines = readFileSync(this.events, 'latin1').split('\n').slice(0, -1);
    return lines
      .map((line) => line.split(' '))
      .filter((words) => words[1] === String(n) && (word === undefined || words[0] === word));
  }

  /** The first record of that kind, as soon as it is there. */
  async record(n: number, word: string): Promise<string[]> {
    return eventually(`${word} of job ${String(n)}`, () => this.records(n, word)[0]);
  }

  /** `[kind, value, rank]` of the end, and its text decoded as latin1. */
  async end(n: number): Promise<{ outcome: string[]; cpu: string; rss: string; text: string }> {
    const [, , , kind = '', value = '', rank = '', cpu = '', rss = '', text = ''] = await this.record(n, 'end');
    return { outcome: [kind, value, rank], cpu, rss, text: unescape(text) };
  }

  async keeper(n: number): Promise<number> {
    return Number((await this.record(n, 'start'))[3]);
  }

  /** Ends the launchers; what runs of the jobs is a mistake of the test or of the launcher. */
  async close(): Promise<void> {
    for (const child of this.#launchers) {
      child.stdin?.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    // A killed process takes a moment to be gone.
    const none = eventually('the end of all processes', () => processesOf(`${this.name}.`).length === 0);
    await none.finally(async () => {
      await killAll(`${this.name}.`);
      rmSync(this.#home, { recursive: true, force: true });
    });
  }
}

export class Launcher {
  readonly process: ChildProcess;
  readonly #frame: (n: number, wish: JobWish) => Uint8Array;
  /** What it said on its standard output. */
  complaints = '';

  constructor(child: ChildProcess, frame: (n: number, wish: JobWish) => Uint8Array) {
    this.process = child;
    this.#frame = frame;
    child.stdout?.setEncoding('latin1').on('data', (text: string) => (this.complaints += text));
  }

  submit(n: number, wish: JobWish): void {
    this.process.stdin?.write(this.#frame(n, wish));
  }

  /** Writes bytes as they are. */
  write(frame: Uint8Array): void {
    this.process.stdin?.write(frame);
  }

  async end(): Promise<number | null> {
    this.process.stdin?.end();
    if (this.process.exitCode === null) await once(this.process, 'exit');
    return this.process.exitCode;
  }
}

/** Removes what all segments share. */
export function removeScratch(): void {
  rmSync(scratch, { recursive: true, force: true });
}

function unescape(text: string): string {
  return text === '-'
    ? ''
    : text.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
