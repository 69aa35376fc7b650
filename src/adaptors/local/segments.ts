/** The segments that this process has open (docs/state.md, "Layout"): the one that it writes to, and those in which it found jobs. */
import { DoesNotExist } from '../../saga/core/exceptions.js';
import type { JobSpec } from '../../saga/spi/job.js';
import { parseArray } from './array.js';
import { cleanUpDaily } from './clean-up.js';
import type { JobLine, StartVersion } from './job-line.js';
import { parseNativeId } from './native-id.js';
import { ownDirectory, workingDirectoryOf } from './paths.js';
import { SegmentLog } from './segment-log.js';
import { SegmentWriter } from './segment-writer.js';

/** Jobs in one segment, but for a larger array: all that happened to them is read together, so it must not grow without end. */
const SEGMENT_SIZE = 512;

/** A job and where it stands. */
export interface Found {
  readonly segment: SegmentLog;
  readonly line: JobLine;
}

export class Segments {
  readonly #home: string;
  readonly #onPending: (job: Found) => void;
  readonly #open = new Map<string, SegmentLog>();
  /** Those that this process writes or has written, and that may need it still; the last one is written. */
  readonly #own = new Map<string, SegmentLog>();
  #writer: SegmentWriter | undefined;

  /** `onPending` is called when somebody asks for a job of this process that has not been claimed and still can be. */
  constructor(home: string, onPending: (job: Found) => void) {
    this.#home = home;
    this.#onPending = onPending;
  }

  /** The segments of jobs that this process may have to hand over again. */
  get own(): readonly SegmentLog[] {
    return [...this.#own.values()];
  }

  ownNamed(name: string): SegmentLog | undefined {
    return this.#own.get(name);
  }

  /**
   * Writes the line of a new job; when this returns, no killed process can lose it, and when the writer is durable, no power cut.
   */
  record(spec: JobSpec, from?: StartVersion): Found & { readonly writer: SegmentWriter } {
    const { array, fileTransfer } = spec;
    const tasks = array === undefined ? undefined : parseArray(array).indices;
    const { writer, segment } = this.#writable(1 + (tasks?.length ?? 0));
    const line = writer.append(spec, workingDirectoryOf(spec), {
      ...(tasks && { tasks }),
      ...(fileTransfer && { base: ownDirectory() }),
      ...(from && { from }),
    });
    segment.jobs.add(line);
    return { segment, line, writer };
  }

  /**
   * @throws BadParameter for what is no id of a local job, DoesNotExist for a job that is not known on this machine.
   */
  async find(id: string): Promise<Found> {
    const { name, n, index } = parseNativeId(id);
    const segment = this.#opened(name);
    const line = index === undefined ? segment?.jobs.find(n) : segment?.jobs.findTask(n, index);
    if (!segment || !line) throw this.#unknown(id);
    if (!segment.isHere) {
      const host = segment.header.host;
      throw new DoesNotExist(`job '${id}' ran on host '${host}': ask there, its processes cannot be seen from here`);
    }
    if (await segment.isPruned(line)) throw this.#unknown(id);
    return { segment, line };
  }

  /** For a look at a segment of this machine that stays open only if it was. */
  async using(name: string, look: (segment: SegmentLog) => Promise<void>): Promise<void> {
    const open = this.#open.get(name);
    const segment = open ?? SegmentLog.open(this.#home, name);
    if (!segment) return;
    try {
      if (segment.isHere) await look(segment);
    } finally {
      if (!open) segment.close();
    }
  }

  /** The segment is about to be removed. */
  forget({ name }: SegmentLog): void {
    const open = this.#open.get(name);
    this.#open.delete(name);
    this.#own.delete(name);
    open?.close();
  }

  close(): void {
    for (const segment of this.#open.values()) segment.close();
    this.#open.clear();
    this.#writer?.close();
  }

  #unknown(id: string): DoesNotExist {
    return new DoesNotExist(`there is no job '${id}' under ${this.#home}`);
  }

  /** A segment is opened once: others may be watching it. */
  #opened(name: string): SegmentLog | undefined {
    const known = this.#open.get(name);
    if (known) return known;
    const segment = SegmentLog.open(this.#home, name);
    if (segment) this.#open.set(name, segment);
    return segment;
  }

  /** The segment to write to: the present one, or a new one when that is old or has no room for so many more. */
  #writable(numbers: number): { writer: SegmentWriter; segment: SegmentLog } {
    const present = this.#writer && this.#own.get(this.#writer.name);
    if (this.#writer && present && this.#writer.count + numbers <= SEGMENT_SIZE && !this.#writer.isOld) {
      return { writer: this.#writer, segment: present };
    }
    // Old segments are for somebody else's spare time: what goes wrong there is no reason to refuse a job.
    if (!this.#writer) cleanUpDaily(this.#home).catch(() => undefined);
    this.#writer?.close();
    const writer = (this.#writer = new SegmentWriter(this.#home));
    const segment = new SegmentLog(this.#home, writer.name, writer.header, (line) => {
      this.#onPending({ segment, line });
    });
    this.#own.set(writer.name, segment);
    this.#open.set(writer.name, segment);
    void this.#retire();
    return { writer, segment };
  }

  /** A submitter may live long: its full segments whose jobs have all ended become as those of others, opened on demand. */
  async #retire(): Promise<void> {
    for (const [name, segment] of this.#own) {
      if (name === this.#writer?.name || !(await segment.isOver().catch(() => false))) continue;
      this.#own.delete(name);
      this.#open.delete(name);
      segment.closeWhenIdle();
    }
  }
}
