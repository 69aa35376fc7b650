/**
 * What takes part in checkpoints, and what it is told: the common checkpointer API of XtreemGCP as the application sees it.
 *
 * The sequences are *stop, checkpoint, resumeCp* when the same process goes on, and *rebuild, resumeRst* in a restarted one.
 */

/** What a callback may return. */
export type Awaitable<T> = T | PromiseLike<T>;

/** How a checkpoint ends for the job: it goes on, or it is ended after the commit, to be restarted later. */
export type CheckpointMode = 'continue' | 'stop';

/** What has passed through one direction of a channel. */
export interface Flow {
  readonly messages: number;
  readonly bytes: number;
  /** Of all messages, in order; any function of them on which both ends agree. */
  readonly digest: string;
}

/** What one end of a channel says after its drain. Both ends report the same `id` and different `end`. */
export interface ChannelDrain {
  readonly id: string;
  readonly end: string;
  readonly sent: Flow;
  readonly received: Flow;
  /** The other end is no process of this job, so that nobody can report it. Default false. */
  readonly outside?: boolean;
}

/**
 * What `stop` has drained. The agent compares the ends: nothing is in flight when what one end has sent is what the
 * other has received. Where they differ the checkpoint is aborted.
 */
export interface DrainReport {
  readonly channels: readonly ChannelDrain[];
}

interface Context {
  /** Number of the operation: a checkpoint or a restart. */
  readonly op: number;
  /** The checkpoint that is made, was made, or is restarted from. */
  readonly generation: number;
  /** Aborted when the deadline of this callback has passed, or the checkpoint is aborted. */
  readonly signal: AbortSignal;
  /** Seconds until the deadline of this callback, by a clock that nobody sets. */
  readonly remaining: number;
  /** The participant's own notes, kept from `stop` to the end of the operation. */
  readonly bag: Map<string, unknown>;
}

export interface StopContext extends Context {
  readonly mode: CheckpointMode;
}

export interface SaveContext extends StopContext {
  /** An empty directory of this participant in the checkpoint being written. The checkpointer syncs what is in it. */
  readonly directory: string;
}

/** Names under which the processes of a job find each other, forgotten at the next checkpoint. */
export interface Endpoints {
  /** Tells the job that `name` can be reached at `address`. Replaces what was published before. */
  publish(name: string, address: string): Promise<void>;
  /** The address of `name`, as soon as it is published. */
  resolve(name: string, options?: { readonly signal?: AbortSignal }): Promise<string>;
}

export interface ResumeContext extends Context, Endpoints {
  /** There is no checkpoint: somebody vetoed, failed or died. */
  readonly aborted: boolean;
  /** Why it was aborted. */
  readonly reason: string | undefined;
}

export interface RebuildContext extends Context, Endpoints {
  /** What this participant saved; read it, and leave it as it is: it may be restarted from again. */
  readonly directory: string;
  /** How often the job has been restarted, this restart included. */
  readonly incarnation: number;
  /** The machine on which this runs now. */
  readonly host: string;
  /** The machine on which the checkpoint was made. */
  readonly previousHost: string;
  /** Seconds since the checkpoint, by the clocks on the wall of both machines. */
  readonly deadSeconds: number;
}

/**
 * What takes part in checkpoints. All callbacks may be left out, and may be async.
 *
 * For each checkpoint whose `stop` was called, exactly one of `resumeCp` and `rebuild` + `resumeRst` follows, once in
 * each incarnation. No two callbacks of a participant ever overlap.
 */
export interface CheckpointParticipant {
  /** Unique in all processes and threads of a rank: after a restart the state of this name goes to whoever registers it. */
  readonly name: string;
  /**
   * `stop` and `checkpoint` run from high to low, the others from low to high; equal priorities run concurrently.
   * Suggested: 1000 intake, 500 workers, 100 channels, 0 the rest, -500 files and logs. Default 0.
   */
  readonly priority?: number;
  /** Seconds that each callback may take; the phase has a deadline, too. */
  readonly deadline?: number;
  /** Take no new work, let what is in flight arrive. Throw a {@link CheckpointVeto} to refuse. */
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- most have nothing to report, and return nothing
  stop?(context: StopContext): Awaitable<DrainReport | undefined | void>;
  /** Save the state to `context.directory`; close what must not be in an image. A throw aborts the checkpoint. */
  checkpoint?(context: SaveContext): Awaitable<void>;
  /** The same process goes on: undo `stop`, reopen what `checkpoint` closed. */
  resumeCp?(context: ResumeContext): Awaitable<void>;
  /** A restarted process: load the state, reopen what is needed. */
  rebuild?(context: RebuildContext): Awaitable<void>;
  /** All participants of the job have rebuilt. */
  resumeRst?(context: RebuildContext): Awaitable<void>;
}
