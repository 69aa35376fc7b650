/** This process, or thread, as a process of a job: its participants, and where it stands with its agent. */
import type { Surroundings } from './checkpoint.js';
import { Checkpoint } from './checkpoint.js';
import { Connection } from './connection.js';
import { CriticalSections } from './critical-sections.js';
import { Deferred } from './deferred.js';
import { EndpointTable } from './endpoints.js';
import { Introduction } from './introduction.js';
import { Member } from './member.js';
import type { FromAgent, FromProcess, Prepare, Welcome } from './messages.js';
import type { CheckpointMode, CheckpointParticipant, Endpoints } from './participant.js';
import type { CheckpointOutcome } from './requests.js';
import { Requests } from './requests.js';
import { Restart } from './restart.js';
import { currentScope } from './scope.js';

/** Milliseconds without an answer after which somebody should learn what the program waits for. */
const SILENCE = 10_000;

/** How a checkpoint has ended. */
export interface CheckpointReport {
  readonly op: number;
  readonly outcome: CheckpointOutcome;
  /** Of the last checkpoint that was committed; 0 for none. */
  readonly generation: number;
  /** Why there is none. */
  readonly reason: string | undefined;
  /** The participant that vetoed. */
  readonly by: string | undefined;
}

/** Where the job runs, and who it is there. */
export interface Seat {
  /** Path of the agent's socket. */
  readonly socket: string;
  readonly rank: number;
  /** Ends the process without another line of application code. */
  readonly end: () => void;
}

export class JobProcess {
  readonly sections: CriticalSections = new CriticalSections();
  readonly endpoints: Endpoints;
  readonly #seat: Seat | undefined;
  readonly #introduction = new Introduction();
  readonly #connection: Connection | undefined;
  readonly #around: Surroundings;
  readonly #table: EndpointTable;
  readonly #requests: Requests;
  readonly #members = new Map<string, Member>();
  readonly #welcomed = new Deferred<void>();
  #ids = 0;
  #checkpoint: Checkpoint | undefined;
  #checkpointOver = new Deferred<void>();
  #restart: Restart | undefined;
  #last: CheckpointReport | undefined;
  #warned = false;

  /** Without a seat there is no agent: participants are registered, and nothing ever happens to them. */
  constructor(seat: Seat | undefined) {
    this.#seat = seat;
    const say = (message: FromProcess): void => {
      this.#connection?.say(message);
    };
    this.#table = new EndpointTable(() => ++this.#ids, say);
    this.#requests = new Requests(say);
    this.endpoints = {
      publish: (name, address) => this.#waiting(() => this.#table.publish(name, address)),
      resolve: (name, options) => this.#waiting(() => this.#table.resolve(name, options)),
    };
    this.#around = {
      sections: this.sections,
      endpoints: this.endpoints,
      say,
      leave: async (message) => {
        this.#table.forget();
        await this.#connection?.leave(message);
      },
      over: (op, errors) => {
        say(this.#introduction.resumed(op, errors));
      },
    };
    if (seat === undefined) return;
    this.#connection = new Connection(seat.socket, {
      inDoubt: () => this.#doubt !== undefined,
      hello: () => this.#introduction.hello(seat.rank, this.#doubt?.op),
      heard: (message) => {
        this.#heard(message, seat);
      },
      lost: () => this.#checkpoint?.abort('the connection to the checkpointing agent was lost'),
    });
  }

  /** Whether it is part of a checkpointable job. */
  get seated(): boolean {
    return this.#seat !== undefined;
  }

  get connected(): boolean {
    return this.#connection?.connected === true;
  }

  get incarnation(): number {
    return this.#introduction.incarnation ?? 0;
  }

  get generation(): number {
    return this.#introduction.generation;
  }

  get last(): CheckpointReport | undefined {
    return this.#last;
  }

  /** Whether a participant of this name is registered. */
  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** Hangs up for good. */
  leave(): void {
    this.#connection?.close();
  }

  register(participant: CheckpointParticipant): Member {
    const member = new Member(participant);
    this.#members.set(member.name, member);
    currentScope()?.children?.adopt(member);
    this.#connection?.dial();
    return member;
  }

  /** Resolves when no callback of it will be called any more; in a callback, which that would wait for, at once. */
  async unregister(member: Member): Promise<void> {
    member.left = true;
    if (this.#members.get(member.name) === member) this.#members.delete(member.name);
    if (currentScope()?.member) return;
    if (this.#checkpoint?.stopped.has(member) === true) await this.#checkpointOver.promise;
    if (this.#restart?.awaits(member) === true) await this.#restart.over;
  }

  /** Gives all that are registered by now the state that a restart has for them. @returns whether there was a restart. */
  async ready(): Promise<boolean> {
    const members = [...this.#members.values()];
    for (const member of members) member.ready = true;
    if (!this.#connection) return false;

    const scope = currentScope();
    if (scope?.member) {
      // The operation waits for this callback: what can be awaited here is what it has registered itself.
      await scope.children?.joined();
      return this.#restart !== undefined;
    }
    const warning = setTimeout(() => {
      process.emitWarning(`checkpointing.ready() waits for the agent at ${this.#seat?.socket ?? ''}`);
    }, SILENCE);
    try {
      await this.#waiting(() => this.#welcomed.promise);
    } finally {
      clearTimeout(warning);
    }
    const restart = this.#restart;
    if (!restart) return false;
    try {
      await restart.rebuild(members);
    } finally {
      if (members.some((member) => restart.awaits(member))) void this.#waiting(() => restart.over);
    }
    return true;
  }

  request(mode: CheckpointMode, seconds?: number): Promise<CheckpointOutcome> {
    return this.#waiting(() => this.#requests.ask(++this.#ids, mode, seconds));
  }

  /** Keeps the process alive while somebody waits for the agent. */
  async #waiting<T>(f: () => Promise<T>): Promise<T> {
    const release = this.#connection?.hold();
    this.#connection?.dial();
    try {
      return await f();
    } finally {
      release?.();
    }
  }

  /** The checkpoint that it is in doubt about: it has said `saved`, and does not know how that has ended. */
  get #doubt(): Checkpoint | undefined {
    return this.#checkpoint?.inDoubt === true ? this.#checkpoint : undefined;
  }

  #heard(message: FromAgent, seat: Seat): void {
    switch (message.type) {
      case 'welcome':
        this.#welcome(message);
        break;
      case 'refused':
        this.#refused(message.reason, message.id);
        break;
      case 'prepare':
        this.#prepare(message);
        break;
      case 'save':
        if (this.#checkpoint?.op === message.op) this.#checkpoint.save(message);
        break;
      case 'abort':
        this.#abort(message.op, message.reason, message.by);
        break;
      case 'all_rebuilt':
        if (this.#restart?.op === message.op) void this.#restart.allRebuilt();
        break;
      case 'end':
        seat.end();
        this.leave();
        break;
      case 'accepted':
        this.#accepted(message.id, message.op);
        break;
      case 'ok':
        this.#table.answered(message.id, '');
        break;
      case 'endpoint':
        this.#table.answered(message.id, message.address);
        break;
      case 'ping':
      case 'pong':
      case 'unsupported':
        break;
    }
  }

  #welcome(welcome: Welcome): void {
    const { incarnation, restart } = welcome;
    const doubt = this.#doubt;
    if (restart) {
      if (doubt) this.#restart = Restart.ofImage(restart, incarnation, this.#around);
      else if (this.#introduction.incarnation === undefined)
        this.#restart = Restart.ofProcess(restart, incarnation, this.#around);
    }
    if (doubt?.decide(welcome) === false) {
      this.#connection?.hangUp();
      return;
    }
    this.#introduction.welcomed(welcome);
    this.#welcomed.resolve();
    const { untold } = this.#introduction;
    if (untold) this.#around.say(untold);
    this.#restart?.sayAgain();
    this.#table.sayAgain();
    this.#requests.askAgain(this.#checkpoint?.op);
  }

  #accepted(id: number, op: number): void {
    this.#requests.accepted(id, op);
    // It joined an operation that this process has ended in the meantime.
    if (this.#last?.op === op) this.#requests.settle(op, this.#last.outcome);
  }

  #refused(reason: string, id: number | undefined): void {
    if (id === undefined) {
      if (!this.#warned) process.emitWarning(`the checkpointing agent refuses this process: ${reason}`);
      this.#warned = true;
    } else {
      this.#table.refused(id, reason);
      this.#requests.refused(id, reason);
    }
  }

  #prepare(order: Prepare): void {
    const busy = this.#checkpoint?.op ?? (this.#restart?.busy === true ? this.#restart.op : undefined);
    if (busy === undefined) {
      void this.#take(order);
      return;
    }
    const { op } = order;
    this.#around.say({ type: 'veto', op, by: '', reason: `operation ${busy} is not over yet` });
    this.#around.say({ type: 'resumed', op, errors: [] });
  }

  #abort(op: number, reason: string, by: string | undefined): void {
    if (this.#checkpoint?.op === op) this.#checkpoint.abort(reason, by);
    else if (this.#requests.wait(op)) this.#report(op, 'aborted', reason, by);
  }

  async #take(order: Prepare): Promise<void> {
    const { op } = order;
    const checkpoint = new Checkpoint(order, this.#around);
    this.#checkpoint = checkpoint;
    this.#checkpointOver = new Deferred();
    const release = this.#connection?.hold();
    this.sections.close();

    const decision = await checkpoint.run([...this.#members.values()]);
    if ('outcome' in decision) {
      const { result, reason, by } = decision.outcome;
      await checkpoint.resume(decision.outcome);
      this.#report(op, result === 'committed' ? 'continued' : 'aborted', reason, by);
    } else {
      await this.#restart?.rebuild(checkpoint.stopped).catch(() => undefined); // the agent is told
      await this.#restart?.over;
      this.#report(op, 'restarted');
    }
    this.#checkpoint = undefined;
    this.#checkpointOver.resolve();
    this.sections.open();
    release?.();
  }

  #report(op: number, outcome: CheckpointOutcome, reason?: string, by?: string): void {
    this.#last = { op, outcome, generation: this.generation, reason, by };
    this.#requests.settle(op, outcome);
  }
}
