/** The processes of a unit: started together, and ended together when one of them fails. */
import { spawn, type ChildProcess } from 'node:child_process';

/** Which of the job's processes they are. */
export interface RankRange {
  readonly processes: number;
  readonly firstRank: number;
  readonly size: number;
}

/** How they ended: as the first that failed, or with 0. */
export interface RanksEnd {
  readonly code?: number;
  readonly signal?: NodeJS.Signals;
}

const SUCCESS: RanksEnd = { code: 0 };
/** As shells have it. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
/** Seconds between TERM and KILL, where XOSAGA_GRACE says nothing. */
const GRACE = 10;
/** Milliseconds. Who signals a job mostly signals its process group, which the processes are of: they need not hear it twice. */
const ON_THE_WAY = 500;

export class Ranks {
  readonly #command: readonly string[];
  readonly #range: RankRange;
  readonly #running = new Set<ChildProcess>();
  #end: RanksEnd = SUCCESS;
  #timers: NodeJS.Timeout[] = [];

  constructor(command: readonly string[], range: RankRange) {
    this.#command = command;
    this.#range = range;
  }

  /** Starts the processes; resolves when all have ended. */
  async run(environment: Readonly<Record<string, string>>): Promise<RanksEnd> {
    const { processes, firstRank, size } = this.#range;
    this.#end = SUCCESS;
    const ended: Promise<void>[] = [];
    for (let rank = firstRank; rank < firstRank + processes; rank++) {
      const own = { XOSAGA_RANK: String(rank), XOSAGA_SIZE: String(size) };
      ended.push(this.#start({ ...process.env, ...environment, ...own }));
    }
    await Promise.all(ended);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    return this.#end;
  }

  /** Somebody has signalled the job: those that run get the signal, unless it has ended them by then; after the grace KILL. */
  terminate(signal: NodeJS.Signals): void {
    this.#later(ON_THE_WAY, signal);
    this.#later(ON_THE_WAY + graceOf(process.env), 'SIGKILL');
  }

  kill(): void {
    this.#signal('SIGKILL');
  }

  #start(environment: NodeJS.ProcessEnv): Promise<void> {
    const [program = '', ...args] = this.#command;
    const child = spawn(program, args, { stdio: 'inherit', env: environment });
    this.#running.add(child);
    return new Promise((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        process.stderr.write(`xosaga: cannot start ${program}: ${error.message}\n`);
        this.#over(child, { code: error.code === 'ENOENT' ? NOT_FOUND : NOT_EXECUTABLE });
        resolve();
      });
      child.once('exit', (code, signal) => {
        this.#over(child, signal ? { signal } : { code: code ?? 0 });
        resolve();
      });
    });
  }

  /** Coupled processes would wait for a dead one for ever. */
  #over(child: ChildProcess, end: RanksEnd): void {
    this.#running.delete(child);
    if (end.code === 0 || this.#end !== SUCCESS) return;
    this.#end = end;
    this.#signal('SIGTERM');
    this.#later(graceOf(process.env), 'SIGKILL');
  }

  #later(delay: number, signal: NodeJS.Signals): void {
    this.#timers.push(
      setTimeout(() => {
        this.#signal(signal);
      }, delay),
    );
  }

  #signal(signal: NodeJS.Signals): void {
    for (const child of this.#running) child.kill(signal);
  }
}

/** Milliseconds between TERM and KILL. */
function graceOf({ XOSAGA_GRACE: seconds }: NodeJS.ProcessEnv): number {
  const given = Number(seconds ?? GRACE);
  return (given >= 0 ? given : GRACE) * 1000;
}
