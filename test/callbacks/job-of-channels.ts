/** A job of this one process, whose checkpoints are made as the agent makes them: barriers, comparison of reports, restart. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Registrar } from '../../src/callbacks/channel/names.js';
import type {
  ChannelDrain,
  CheckpointParticipant,
  DrainReport,
  RebuildContext,
  ResumeContext,
  SaveContext,
} from '../../src/callbacks/participant.js';

export class JobOfChannels implements Registrar {
  readonly directory: string;
  /** What the agent has against the last drain. */
  complaints: string[] = [];
  incarnation = 0;
  /** Seconds for every callback. */
  deadline = 5;
  #participants = new Map<string, CheckpointParticipant>();
  #op = 0;
  #published = new Map<string, string>();
  #resolving: (() => void)[] = [];
  #aborted = new AbortController();
  #stopping: Promise<unknown> = Promise.resolve();

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<JobOfChannels> {
    return new JobOfChannels(await mkdtemp(join(tmpdir(), 'xosaga-channels-')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  register(participant: CheckpointParticipant): ReturnType<Registrar['register']> {
    if (this.#participants.has(participant.name)) throw new Error(`${participant.name} twice`);
    this.#participants.set(participant.name, participant);
    const unregister = (): Promise<void> => {
      this.#participants.delete(participant.name);
      return Promise.resolve();
    };
    return { active: true, unregister, [Symbol.asyncDispose]: unregister };
  }

  publish(name: string, address: string): Promise<void> {
    this.#published.set(name, address);
    for (const look of this.#resolving.splice(0)) look();
    return Promise.resolve();
  }

  resolve(name: string): Promise<string> {
    return new Promise((resolve) => {
      const look = (): void => {
        const address = this.#published.get(name);
        if (address === undefined) this.#resolving.push(look);
        else resolve(address);
      };
      look();
    });
  }

  get participants(): CheckpointParticipant[] {
    return [...this.#participants.values()];
  }

  get generation(): number {
    return this.#op;
  }

  /** `stop` of these participants, or all: rejects with the first veto. The others have stopped, or will. */
  async stop(participants: CheckpointParticipant[] = this.participants): Promise<readonly ChannelDrain[]> {
    this.#op += 1;
    this.#aborted = new AbortController();
    const context = { ...this.#context(), signal: this.#aborted.signal, mode: 'continue' as const };
    const stopping = participants.map(async (one) => one.stop?.(context));
    this.#stopping = Promise.allSettled(stopping);
    const reports = await Promise.all(stopping);
    const channels = reports.flatMap((report) => (report as DrainReport | undefined)?.channels ?? []);
    this.complaints = complaints(channels);
    return channels;
  }

  async save(participants: CheckpointParticipant[] = this.participants): Promise<void> {
    this.#published.clear();
    for (const one of participants) {
      const directory = this.#directoryOf(one.name, this.#op);
      await mkdir(directory, { recursive: true });
      const context: SaveContext = { ...this.#context(), mode: 'continue', directory };
      await one.checkpoint?.(context);
    }
  }

  async resume(aborted = false, participants: CheckpointParticipant[] = this.participants): Promise<void> {
    // No two callbacks of a participant overlap.
    if (aborted) this.#aborted.abort(new Error('the checkpoint was aborted'));
    await this.#stopping;
    const context: ResumeContext = { ...this.#context(), ...this.#endpoints(), aborted, reason: undefined };
    await Promise.all(participants.map(async (one) => one.resumeCp?.(context)));
  }

  /** A checkpoint after which the processes go on. */
  async checkpoint(): Promise<number> {
    await this.stop();
    await this.save();
    await this.resume();
    return this.#op;
  }

  /** The old processes are gone; whoever registers from now on is new. */
  forget(): void {
    this.#participants.clear();
    this.#published.clear();
    this.incarnation += 1;
  }

  /** What `ready` does in new processes, then the barrier, then the rest. */
  async rebuild(generation: number, participants: CheckpointParticipant[] = this.participants): Promise<void> {
    const context = (name: string): RebuildContext => ({
      ...this.#context(),
      ...this.#endpoints(),
      directory: this.#directoryOf(name, generation),
      incarnation: this.incarnation,
      host: 'here',
      previousHost: 'there',
      deadSeconds: 0,
    });
    await Promise.all(participants.map(async (one) => one.rebuild?.(context(one.name))));
    await Promise.all(participants.map(async (one) => one.resumeRst?.(context(one.name))));
  }

  #context(): { op: number; generation: number; signal: AbortSignal; remaining: number; bag: Map<string, unknown> } {
    return {
      op: this.#op,
      generation: this.#op,
      signal: new AbortController().signal,
      remaining: this.deadline,
      bag: new Map(),
    };
  }

  #endpoints(): Pick<Registrar, 'publish' | 'resolve'> {
    return {
      publish: (name, address) => this.publish(name, address),
      resolve: (name) => this.resolve(name),
    };
  }

  #directoryOf(name: string, generation: number): string {
    return join(this.directory, String(generation), encodeURIComponent(name));
  }
}

/** As the agent compares: docs/checkpoint-protocol.md, "Messages". */
function complaints(channels: readonly ChannelDrain[]): string[] {
  return channels.flatMap((one) => {
    if (one.outside === true) return [];
    const other = channels.find(({ id, end }) => id === one.id && end !== one.end);
    if (!other) return [`${one.id}: only the ${one.end} has reported`];
    const same = JSON.stringify(one.sent) === JSON.stringify(other.received);
    return same ? [] : [`${one.id}: ${JSON.stringify(one.sent)} sent, ${JSON.stringify(other.received)} received`];
  });
}
