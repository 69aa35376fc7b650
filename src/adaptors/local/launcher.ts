/** This submitter's launcher (docs/launcher.md): started when first needed, replaced when it dies, ended by end of input. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

import { IncorrectState, NoSuccess, type SagaException } from '../../saga/core/exceptions.js';
import { decoded } from '../../saga/core/percent-encoding.js';
import { translate } from './errors.js';
import { nativeFrame, shellFrame, type Launch } from './launch-frame.js';
import { launcherProgram, type LauncherProgram } from './launcher-program.js';
import { thisProcess } from './processes.js';

/** What the launcher tells; all else is in the journal. */
export interface LauncherEvents {
  /** The job could not even be claimed: a full disk, no process to be had. */
  refused(segment: string, n: number, reason: string): void;
  /** The launcher ended without being told to: what it had not started must be given to the next one. */
  died(): void;
}

interface Running {
  readonly program: LauncherProgram;
  readonly child: ChildProcess;
}

/** Launchers that die this often, one after the other and young, are broken, not unlucky. */
const MOST_STARTS = 20;
/** Milliseconds. */
const YOUNG = 10_000;

export class Launcher {
  readonly #home: string;
  readonly #events: LauncherEvents;
  #running: Promise<Running> | undefined;
  #starts = 0;
  #closed = false;

  constructor(home: string, events: LauncherEvents) {
    this.#home = home;
    this.#events = events;
  }

  /** Starts the process, if it is not there, so that the first job need not wait for it. @returns its kind. */
  async warmUp(): Promise<LauncherProgram['kind']> {
    return (await this.#process()).program.kind;
  }

  /**
   * Hands a job over; resolves when this process is no longer needed for that. Whether and when the job starts is for the
   * journal to say.
   */
  async launch(launch: Launch): Promise<void> {
    const { program, child } = await this.#process();
    const frame = program.kind === 'native' ? nativeFrame(launch) : shellFrame(launch);
    // Jobs that are handed over in one turn of the event loop go in one write.
    child.stdin?.cork();
    process.nextTick(() => child.stdin?.uncork());
    // An error means that the launcher died: see `died`.
    await new Promise<void>((resolve) => {
      child.stdin?.write(frame, () => {
        resolve();
      });
    });
  }

  /** Lets the launcher finish what it has been given and end. Keepers and jobs go on. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = await this.#running?.catch(() => undefined);
    running?.child.stdin?.end();
  }

  async #process(): Promise<Running> {
    // One that starts now would have nobody to end it.
    if (this.#closed) throw new IncorrectState('the job service is closed; make a new one');
    this.#running ??= this.#start().catch((error: unknown) => {
      this.#running = undefined;
      throw error;
    });
    return this.#running;
  }

  async #start(): Promise<Running> {
    if (++this.#starts > MOST_STARTS) {
      throw new NoSuccess(`the job launcher died ${String(MOST_STARTS)} times; is something killing it?`);
    }
    const program = await launcherProgram(this.#home);
    const self = thisProcess();
    const args = [...program.arguments, this.#home, String(self.pid), self.start, program.staging];
    const child = spawn(program.command, args, {
      cwd: '/',
      env: inherited(),
      // A session of its own: Ctrl-C at the submitter's terminal is for the submitter.
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const started = performance.now();
    // First of all: a child that cannot be started for want of files has no pipes, and an error that nobody hears ends the program.
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => {
        reject(cannotStart(program.command, cause));
      });
    });
    // A launcher that is gone shows as `exit`; writes that come too late are made up for by `died`.
    child.stdin.on('error', () => undefined);
    const lines = createInterface(child.stdout).on('line', (line) => {
      this.#complaint(line);
    });
    child.once('exit', () => {
      lines.close();
      this.#running = undefined;
      if (performance.now() - started > YOUNG) this.#starts = 0;
      if (!this.#closed) this.#events.died();
    });
    // Waiting for jobs is what keeps a submitter alive, not its launcher.
    child.unref();
    for (const pipe of [child.stdin, child.stdout]) (pipe as unknown as { unref(): void }).unref();
    return { program, child };
  }

  #complaint(line: string): void {
    const [word, segment = '', n = '', code = '', text = ''] = line.split(' ');
    if (word !== 'nostart') return;
    this.#events.refused(segment, Number(n), `${decoded(text)} (${code})`);
  }
}

function cannotStart(command: string, cause: Error): SagaException {
  return new NoSuccess(`the job launcher ${command} cannot be started: ${translate(cause)?.message ?? cause.message}`, {
    cause,
  });
}

/** What a job is told of itself. */
const OF_A_JOB = [
  'XOSAGA_JOB_ID',
  'XOSAGA_RANK',
  'XOSAGA_SIZE',
  'XOSAGA_ARRAY_JOB_ID',
  'XOSAGA_ARRAY_TASK_ID',
  'XOSAGA_CKPT_SOCKET',
];

/** What jobs inherit: the submitter's environment, without what would make them part of the job that it belongs to. */
function inherited(): NodeJS.ProcessEnv {
  const environment = { ...process.env };
  for (const name of OF_A_JOB) Reflect.deleteProperty(environment, name);
  return environment;
}
