/**
 * The job checkpointer: decides, for all units of a job, what becomes of each checkpoint, and restarts the job from one.
 *
 * What holds:
 * - at most one operation is under way: a checkpoint (`#checkpoint`), or a restart whose participants have not all rebuilt (`#restart`);
 * - the numbers of operations grow, and none is used twice, whatever agents have died (docs/checkpoint-state.md, "Who is who");
 * - what units are told of the job (`standing`) changes with a restart and with a commit, when that is on the disk.
 */
import type { CheckpointMode } from '../participant.js';
import type { Decision, FromUnit, JobLink, Standing } from './coordination.js';
import { JobCheckpoint } from './job-checkpoint.js';
import type { JobContext } from './job-context.js';
import type { Restarted } from './job-event.js';
import { JobLinks } from './job-links.js';
import { JobRestart } from './job-restart.js';
import { historyOf, type History } from './journal-records.js';
import type { Journal } from './journal.js';
import { Names } from './names.js';
import { KILLED, recover } from './recovery.js';
import { RequestQueue, type Request } from './request-queue.js';
import { restartState } from './restart-state.js';
import { chooseVersion, type VersionChoice } from './version-choice.js';
import type { VersionStore } from './version-store.js';

type Options = Pick<JobContext, 'units' | 'deadlines' | 'watch' | 'fatal'>;

export class JobCheckpointer {
  readonly #job: JobContext;
  /** All that there ever were: processes may ask very late. */
  readonly #committed: Map<number, CheckpointMode>;
  #highest: number;
  #incarnation: number;
  /** The last version committed or restarted from, 0 for none. */
  #generation: number;
  #checkpoint: JobCheckpoint | undefined;
  /** What the present incarnation came from, until it has a checkpoint of its own. */
  #restart: JobRestart | undefined;
  /** The last restart that was asked for, while its version is looked for: no checkpoint begins meanwhile. */
  #restarting: Promise<unknown> | undefined;
  /** Copies and removals, one after the other. */
  #tidying: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(job: JobContext, highest: number, { restart, committed }: History) {
    this.#job = job;
    this.#highest = highest;
    this.#committed = new Map(committed);
    this.#incarnation = restart?.incarnation ?? 0;
    const newest = Math.max(0, ...committed.keys());
    this.#generation = newest > (restart?.op ?? 0) ? newest : (restart?.from ?? 0);
    job.links.onMessage = (unit, message) => {
      this.#receive(unit, message);
    };
    job.links.onLost = (unit) => {
      this.#checkpoint?.lost(unit);
    };
  }

  /** Takes the job over as the journal left it. */
  static async open(journal: Journal, store: VersionStore, options: Options): Promise<JobCheckpointer> {
    const history = historyOf([...journal.found, ...(await recover(journal, store))]);
    const highest = Math.max(history.highestOp, await store.highest());
    const links = new JobLinks();
    const context = { journal, store, links, names: new Names(links), queue: new RequestQueue(), ...options };
    const job = new JobCheckpointer(context, highest, history);
    await job.#findRestart(history);
    job.#tidy();
    return job;
  }

  get standing(): Standing {
    const restart = this.#restart?.state;
    return { incarnation: this.#incarnation, generation: this.#generation, ...(restart && { restart }) };
  }

  /** What is under way, for people. */
  get phase(): 'idle' | 'rebuilding' | JobCheckpoint['phase'] {
    return this.#checkpoint?.phase ?? (this.#restart?.isRebuilding ? 'rebuilding' : 'idle');
  }

  get op(): number | undefined {
    return this.#checkpoint?.op;
  }

  /** Units that are connected. */
  get units(): string[] {
    return this.#job.links.units;
  }

  versions(): Promise<number[]> {
    return this.#job.store.list();
  }

  directoryOf(generation: number): string {
    return this.#job.store.directoryOf(generation);
  }

  /** A unit has connected, for the first time or again. */
  attach(unit: string, link: JobLink): void {
    const { links } = this.#job;
    links.attach(unit, link);
    links.tell(unit, { type: 'standing', standing: this.standing });
    this.#checkpoint?.joinedBy(unit);
  }

  /** Asks for a checkpoint: served by the one that is preparing in the same mode, or by one to come. */
  request(request: Request): void {
    const { queue } = this.#job;
    if (queue.has(request.id) || this.#checkpoint?.serves(request)) return;
    queue.add(request);
    this.#serve();
  }

  /** Forgets a request that no checkpoint serves yet. */
  cancel(id: string): void {
    this.#job.queue.cancel(id);
  }

  /**
   * Begins the next incarnation: processes of the present one are told to end, those that come are new.
   * @param generation - the version; default the newest that is whole, and 0, the beginning, when there is none.
   * @throws DoesNotExist without such a version, NoSuccess naming what is damaged in it.
   */
  restart(generation?: number): Promise<Restarted> {
    const restarting = Promise.resolve(this.#restarting)
      .catch(() => undefined)
      .then(() => this.#beginRestart(generation));
    this.#restarting = restarting;
    const done = (): void => {
      if (this.#restarting === restarting) this.#restarting = undefined;
      this.#serve();
    };
    restarting.then(done, done);
    return restarting;
  }

  /** Ends the service; nothing is decided by that. What is being copied is left for the next agent. */
  close(): void {
    this.#closed = true;
    this.#checkpoint?.close();
    this.#restart?.close();
    this.#job.links.close();
  }

  // ---- what the units say

  #receive(unit: string, message: FromUnit): void {
    switch (message.type) {
      case 'prepared':
      case 'veto':
      case 'saved':
      case 'settled':
        if (this.#checkpoint?.op === message.op) this.#checkpoint.heard(unit, message);
        break;
      case 'ask':
        this.#answer(unit, message.op);
        break;
      case 'taken':
        if (this.#restart?.state.op !== message.op) return;
        this.#restart.taken(message);
        this.#serveWhenRestored();
        break;
      case 'request':
        this.request(this.#requestOf(unit, message));
        break;
      case 'publish':
        this.#job.names.publish(unit, message);
        break;
      case 'resolve':
        this.#job.names.resolve(unit, message);
        break;
      case 'cancel':
        this.#job.names.cancel(unit, message.id);
        this.cancel(`${unit} ${message.id}`);
        break;
    }
  }

  /** How an operation has ended. While it is open nothing is said: then everybody is told. */
  #answer(unit: string, op: number): void {
    const current = this.#checkpoint?.op === op ? this.#checkpoint : undefined;
    if (current && !current.decision) return;
    const mode = this.#committed.get(op);
    const past: Decision =
      mode === undefined
        ? { op, mode: 'continue', result: 'aborted', reason: KILLED }
        : { op, mode, result: 'committed' };
    const deadline = this.#job.deadlines.resume * 1000;
    this.#job.links.tell(unit, { type: 'decided', decision: current?.decision ?? past, deadline });
  }

  #requestOf(unit: string, { id, mode, deadline }: Extract<FromUnit, { type: 'request' }>): Request {
    const { links } = this.#job;
    return {
      id: `${unit} ${id}`,
      mode,
      ...(deadline !== undefined && { deadline }),
      accepted: (op) => {
        links.tell(unit, { type: 'accepted', id, op });
      },
      refused: (reason) => {
        links.tell(unit, { type: 'refused', id, reason });
      },
    };
  }

  // ---- checkpoints

  /** Begins the checkpoint that the oldest request wants, when nothing is in its way. */
  #serve(): void {
    const { queue, journal } = this.#job;
    const mode = queue.nextMode;
    const isBusy = this.#checkpoint !== undefined || this.#restarting !== undefined || this.#restart?.isRebuilding;
    if (mode === undefined || isBusy || this.#closed) return;
    const requests = queue.take(mode);
    const op = ++this.#highest;
    const incarnation = this.#incarnation;
    try {
      journal.append({ t: 'prepare', op, mode, incarnation });
    } catch (error) {
      for (const request of requests) request.refused((error as Error).message);
      return;
    }
    const plan = { op, mode, incarnation, previous: this.#generation, requests };
    this.#checkpoint = new JobCheckpoint(plan, this.#job, {
      committed: () => {
        this.#commit(op, mode);
      },
      over: ({ decision }) => {
        this.#checkpoint = undefined;
        if (decision?.result === 'committed') this.#tidy();
        this.#serve();
      },
    });
    this.#checkpoint.begin();
  }

  /** The incarnation has a checkpoint of its own: who comes from now on is not offered the old one any more. */
  #commit(op: number, mode: CheckpointMode): void {
    this.#committed.set(op, mode);
    this.#generation = op;
    this.#restart = undefined;
    this.#job.links.tellAll({ type: 'standing', standing: this.standing });
  }

  /** Copies and removals go on beside the job. What fails is tried again after the next checkpoint. */
  #tidy(): void {
    const tidy = (): Promise<void> => {
      const needed = this.#restart?.state.from ?? this.#generation;
      // A version without a manifest is a leftover, but for the one that is being written.
      return this.#job.store.tidy(needed, this.#checkpoint?.op ?? this.#highest + 1);
    };
    this.#tidying = this.#tidying.then(tidy).catch(() => undefined);
  }

  // ---- restarts

  async #beginRestart(generation: number | undefined): Promise<Restarted> {
    const { journal, names, queue, links, watch, deadlines } = this.#job;
    const { version, damaged } = await this.#choose(generation);
    const op = ++this.#highest;
    const from = version?.manifest.generation ?? 0;
    const incarnation = Math.max(this.#incarnation, version?.manifest.incarnation ?? 0) + 1;
    journal.appendDurably({ t: 'restart', op, incarnation, from, directory: version?.directory ?? '' });
    names.forget();
    queue.refuseAll('the job is restarted');
    watch({ event: 'restart', op, incarnation, from });
    this.#stand(incarnation, new JobRestart(restartState({ op, from }, version, deadlines.rebuild * 1000), this.#job));
    links.tellAll({ type: 'standing', standing: this.standing });
    this.#serveWhenRestored();
    return { op, incarnation, generation: from, damaged };
  }

  /** Chooses again when a checkpoint was committed meanwhile: what was chosen may have been removed for it. */
  async #choose(generation: number | undefined): Promise<VersionChoice> {
    for (;;) {
      const before = this.#generation;
      await this.#tidying;
      const chosen = await chooseVersion(this.#job.store, generation);
      await this.#checkpoint?.cutShort('the job is restarted');
      if (this.#generation === before) return chosen;
    }
  }

  /** The restart that the processes are in, or have come from without having made a checkpoint since. */
  async #findRestart({ restart, committed }: History): Promise<void> {
    if (!restart || [...committed.keys()].some((op) => op > restart.op)) return;
    const { store, deadlines } = this.#job;
    const version = restart.from === 0 ? undefined : await store.describe(restart.directory);
    this.#stand(
      restart.incarnation,
      new JobRestart(restartState(restart, version, deadlines.rebuild * 1000), this.#job),
    );
    this.#serveWhenRestored();
  }

  #stand(incarnation: number, restart: JobRestart): void {
    this.#restart?.close();
    this.#incarnation = incarnation;
    this.#generation = restart.state.from;
    this.#restart = restart;
  }

  #serveWhenRestored(): void {
    if (this.#restart?.finish()) this.#serve();
  }
}
