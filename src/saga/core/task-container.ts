/** Many tasks as one (GFD.90 section 3.10). */
import { type CallOptions, throwIfAborted, untilAborted } from './call-options.js';
import { BadParameter, DoesNotExist, IncorrectState, mostSpecificFirst, SagaException } from './exceptions.js';
import { inspectable } from './inspection.js';
import { Metric } from './metric.js';
import { monitorable, type Monitorable, MetricSet } from './monitorable.js';
import { BaseObject, ObjectType } from './object.js';
import type { AnyTask, TaskState } from './task.js';
import { checkTimeout, NO_WAIT, WAIT_FOREVER, type Waiter, waitFor } from './time-limit.js';

/** What `wait` waits for: all tasks, or any one. */
export const WaitMode = { All: 0, Any: 1 } as const;
export type WaitMode = (typeof WaitMode)[keyof typeof WaitMode];

/** A task in the container. */
interface Member {
  readonly task: AnyTask;
  readonly forget: () => void;
  /** Ends that the container has the state of the task become known. */
  unfollow: (() => void) | undefined;
}

/**
 * Tasks, jobs too, that are run, waited for and cancelled together. Each has a cookie, a number. The metric
 * `task_container.state` fires when the state of a member changes; its value is the member's cookie.
 *
 * ```ts
 * while (container.size() > 0) {
 *   const task = await container.wait(WaitMode.Any);
 * }
 * ```
 */
export class TaskContainer extends BaseObject {
  readonly #members = new Map<number, Member>();
  readonly #cookies = new Map<AnyTask, number>();
  /** The cookies of the final members, the first to finish first. */
  readonly #finished = new Set<number>();
  readonly #state = new Metric(
    'task_container.state',
    'the cookie of a task whose state changes',
    'ReadOnly',
    '1',
    'Int',
    '0',
  );
  /** Each looks whether it has what it waits for. */
  readonly #waiting = new Set<() => void>();
  #lastCookie = 0;
  /** Whether a callback wants to know of the members' states. */
  #monitored = false;

  constructor() {
    super();
    new MetricSet(this, [this.#state], {
      activate: () => {
        this.#monitored = true;
        this.#follow();
        return () => {
          this.#monitored = false;
        };
      },
    });
  }

  getType(): ObjectType {
    return ObjectType.TaskContainer;
  }

  /** A container of its own with the same tasks: what they do can't be copied. */
  clone(): this {
    const copy = new TaskContainer();
    for (const { task } of this.#members.values()) copy.add(task);
    copy.#state.shareCallbacks(this.#state);
    return copy as this;
  }

  /**
   * Adds a task; does nothing for one that is in it.
   * @returns its cookie.
   * @throws BadParameter for what is no task.
   */
  add(task: AnyTask): number {
    if (!isTask(task)) throw new BadParameter('a container takes tasks: jobs, or what x.async.method() gives');
    const known = this.#cookies.get(task);
    if (known !== undefined) return known;
    const cookie = ++this.#lastCookie;
    this.#cookies.set(task, cookie);
    const forget = task.onState(() => {
      this.#changed(cookie);
    });
    this.#members.set(cookie, { task, forget, unfollow: undefined });
    if (task.progress === 'final') this.#finished.add(cookie);
    if (this.#waiting.size > 0 || this.#monitored) this.#follow();
    this.#look();
    return cookie;
  }

  /**
   * Takes a task out.
   * @throws DoesNotExist when no task here has the cookie.
   */
  remove(cookie: number): AnyTask {
    const task = this.#drop(cookie);
    this.#look();
    return task;
  }

  /**
   * Starts all tasks.
   * @throws DoesNotExist when there are none.
   * @throws IncorrectState when one is not New; none is started then.
   * @throws SagaException when starts fail, the most specific of their errors; the other tasks are started.
   */
  async run(options?: CallOptions): Promise<void> {
    this.#demandTasks('run', options);
    const begun = this.#find((task) => task.progress !== 'new');
    if (begun) throw this.#wrongState('run', begun, 'has been started already');
    await this.#all((task) => task.run(options));
  }

  /**
   * Cancels all tasks that are not final.
   * @param timeout seconds to wait for their end: default 0, return when the cancels have been asked.
   * @throws DoesNotExist when there are none.
   * @throws IncorrectState when one is New; none is cancelled then.
   */
  async cancel(timeout?: number, options?: CallOptions): Promise<void> {
    const limit = checkTimeout(timeout ?? NO_WAIT);
    this.#demandTasks('cancel', options);
    this.#demandStarted('cancel');
    await this.#all((task) => task.cancel(limit, options));
  }

  /**
   * Waits for the end of all tasks or of any, and takes one finished task out: the first to finish.
   * @param mode default All.
   * @param timeout seconds: default -1, as long as it takes; 0, not at all.
   * @returns the task that was taken out; undefined when the time elapsed.
   * @throws DoesNotExist when there are no tasks, or others took the last.
   * @throws IncorrectState when one is New.
   */
  async wait(mode?: WaitMode, timeout?: number, options?: CallOptions): Promise<AnyTask | undefined> {
    const until = mode ?? WaitMode.All;
    if (!Object.values(WaitMode).includes(until)) {
      throw new BadParameter(`a container waits for WaitMode.All (0) or WaitMode.Any (1), not ${String(until)}`);
    }
    const limit = checkTimeout(timeout ?? WAIT_FOREVER);
    this.#demandTasks('wait', options);
    this.#demandStarted('wait');
    if (limit === NO_WAIT) await this.getStates(options);
    const ready = this.#take(until);
    if (ready || limit === NO_WAIT) return ready;
    return waitFor<AnyTask>(limit, options, 'task_container.wait', (waiter) => this.#enlist(until, waiter));
  }

  size(): number {
    return this.#members.size;
  }

  /** The cookies. */
  listTasks(): number[] {
    return [...this.#members.keys()];
  }

  /** @throws DoesNotExist when no task here has the cookie. */
  getTask(cookie: number): AnyTask {
    return this.#member(cookie).task;
  }

  getTasks(): AnyTask[] {
    return [...this.#members.values()].map(({ task }) => task);
  }

  /** The states of the tasks, in no particular order. Those of jobs may go beyond `TaskState`: see `JobState`. */
  async getStates(options?: CallOptions): Promise<TaskState[]> {
    throwIfAborted(options, 'task_container.getStates');
    const states = Promise.all(this.getTasks().map((task) => task.getState(options)));
    return (await untilAborted(states, options, 'task_container.getStates')) as TaskState[];
  }

  #changed(cookie: number): void {
    const member = this.#members.get(cookie);
    if (member?.task.progress === 'final') {
      this.#finished.add(cookie);
      member.unfollow?.();
      member.unfollow = undefined;
    }
    this.#state.update(String(cookie));
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }

  #enlist(mode: WaitMode, waiter: Waiter<AnyTask>): () => void {
    const look = (): void => {
      const task = this.#take(mode);
      if (task) waiter.resolve(task);
      else if (this.#members.size === 0) waiter.reject(this.#empty('wait'));
    };
    this.#waiting.add(look);
    this.#follow();
    return () => {
      this.#waiting.delete(look);
    };
  }

  /**
   * Has the states of all members become known here, from the first time that somebody waits until each is final or
   * leaves: a loop of waits would otherwise begin to follow all of them again and again.
   */
  #follow(): void {
    for (const member of this.#members.values()) {
      if (member.task.progress !== 'final') member.unfollow ??= member.task.follow();
    }
  }

  #take(mode: WaitMode): AnyTask | undefined {
    const [first] = this.#finished;
    if (first === undefined || (mode === WaitMode.All && this.#finished.size < this.#members.size)) return undefined;
    return this.#drop(first);
  }

  #drop(cookie: number): AnyTask {
    const { task, forget, unfollow } = this.#member(cookie);
    this.#members.delete(cookie);
    this.#cookies.delete(task);
    this.#finished.delete(cookie);
    forget();
    unfollow?.();
    return task;
  }

  async #all(act: (task: AnyTask) => Promise<void>): Promise<void> {
    const outcomes = await Promise.allSettled(this.getTasks().map(act));
    const reasons = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }): unknown => reason);
    if (reasons.length === 0) return;
    const [first] = mostSpecificFirst(reasons.filter((reason) => SagaException.is(reason)));
    throw first ?? reasons[0];
  }

  #find(matches: (task: AnyTask) => boolean): number | undefined {
    for (const [cookie, { task }] of this.#members) if (matches(task)) return cookie;
    return undefined;
  }

  #member(cookie: number): Member {
    const member = this.#members.get(cookie);
    if (member) return member;
    throw new DoesNotExist(`there is no task with the cookie ${String(cookie)} in the container`, { object: this });
  }

  #demandTasks(call: string, options: CallOptions | undefined): void {
    throwIfAborted(options, `task_container.${call}`);
    if (this.#members.size === 0) throw this.#empty(call);
  }

  toJSON(): { size: number } {
    return { size: this.size() };
  }

  #demandStarted(call: string): void {
    const idle = this.#find((task) => task.progress === 'new');
    if (idle !== undefined) throw this.#wrongState(call, idle, 'is New: await run() first');
  }

  #empty(call: string): DoesNotExist {
    return new DoesNotExist(`task_container.${call}: there are no tasks in the container`, { object: this });
  }

  #wrongState(call: string, cookie: number, why: string): IncorrectState {
    return new IncorrectState(`task_container.${call}: the task with the cookie ${String(cookie)} ${why}`, {
      object: this,
    });
  }
}

/** By shape, for callers without types: a promise, for example, is none. */
function isTask(task: unknown): boolean {
  return typeof (task as Partial<AnyTask> | null | undefined)?.onState === 'function';
}

export interface TaskContainer extends Monitorable {}
monitorable(TaskContainer);
inspectable(TaskContainer);
