/** What is shown while a job runs. */
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 100;

/** The lines of a file that is being written, as they come (`tail -f`), until `ended` and all of it was read. */
export async function* follow(file: string, ended: AbortSignal): AsyncGenerator<string> {
  const buffer = Buffer.alloc(65_536);
  let position = 0;
  let text = '';
  for (;;) {
    const last = ended.aborted;
    const bytes = await readAt(file, buffer, position);
    position += bytes;
    const lines = (text + buffer.toString('latin1', 0, bytes)).split('\n');
    text = lines.pop() ?? '';
    yield* lines;
    if (bytes > 0) continue;
    if (last) return;
    await delay(POLL_MS, undefined, { signal: ended }).catch(() => undefined);
  }
}

/** Bytes read from there on; none when the file is not there yet. */
async function readAt(file: string, buffer: Buffer, position: number): Promise<number> {
  try {
    await using handle = await open(file);
    return (await handle.read(buffer, 0, buffer.length, position)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

const BAR = 40;

/** Prints lines and, under them, how far the work is: a bar on a terminal, else a line every tenth. */
export class Display {
  readonly #out: NodeJS.WriteStream;
  #bar = '';
  #tenths = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  line(text = ''): void {
    if (this.#bar !== '') this.#out.write('\r\x1b[K');
    this.#out.write(`${text}\n${this.#bar}`);
  }

  /** Shows that `done` of `total` is done. */
  progress(done: number, total: number): void {
    const percent = `${Math.floor((100 * done) / total)} %`;
    if (this.#out.isTTY) {
      const full = Math.floor((BAR * done) / total);
      this.#bar = `  [${'#'.repeat(full)}${'.'.repeat(BAR - full)}] ${percent}`;
      this.#out.write(`\r\x1b[K${this.#bar}`);
      return;
    }
    const tenths = Math.floor((10 * done) / total);
    if (tenths > this.#tenths) this.line(`  progress  ${percent}`);
    this.#tenths = tenths;
  }

  /** Takes the bar away. */
  endProgress(): void {
    if (this.#bar !== '') this.#out.write('\r\x1b[K');
    this.#bar = '';
    this.#tenths = 0;
  }
}

/**
 * What the first worker says in the job's output: `progress <steps done> <steps>`, and `restarted <steps done> <steps>` when it
 * goes on from a checkpoint.
 */
export class Progress {
  readonly #output: string;
  readonly #display: Display;
  #done = 0;
  #restartedFrom: number | undefined;
  #waiting: { readonly steps: number; readonly resolve: () => void }[] = [];

  constructor(output: string, display: Display) {
    this.#output = output;
    this.#display = display;
  }

  /** Steps that are done. */
  get done(): number {
    return this.#done;
  }

  /** The step at which the job was when it was restarted. */
  get restartedFrom(): number | undefined {
    return this.#restartedFrom;
  }

  /** Resolves when so many steps are done. */
  reaches(steps: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ steps, resolve });
      this.#tell();
    });
  }

  /** Reads the output while it is written. */
  async show(ended: AbortSignal): Promise<void> {
    try {
      for await (const line of follow(this.#output, ended)) {
        const [word, done, total] = line.split(' ');
        if (word === 'restarted') this.#restartedFrom = Number(done);
        if (word !== 'progress') continue;
        this.#done = Number(done);
        this.#display.progress(this.#done, Number(total));
        this.#tell();
      }
    } catch (error) {
      // The job goes on; only nobody can see how far it is.
      this.#display.line(`  no progress can be shown: ${(error as Error).message}`);
    } finally {
      this.#display.endProgress();
    }
  }

  #tell(): void {
    const due = this.#waiting.filter(({ steps }) => steps <= this.#done);
    this.#waiting = this.#waiting.filter(({ steps }) => steps > this.#done);
    for (const { resolve } of due) resolve();
  }
}
