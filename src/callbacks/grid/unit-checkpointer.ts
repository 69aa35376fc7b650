/**
 * The job-unit checkpointer: speaks with the processes of the job on this machine, and for all of them with the job checkpointer.
 * It decides nothing: what it tells, it was told (docs/checkpoint-protocol.md, docs/checkpoint-state.md).
 *
 * What holds:
 * - without a link to the job checkpointer no `hello` is answered: nobody here knows where the job is (`#standing`);
 * - a process has one connection: a new `hello` of it is the end of the one before;
 * - at most one checkpoint is under way (`#checkpoint`), that of the last `prepare`.
 */
import { fromProcess, PROTOCOL, type FromAgent, type FromProcess, type Hello } from '../messages.js';
import type { Connection } from './connection.js';
import type { Decision, FromJob, FromUnit, Standing, UnitLink } from './coordination.js';
import type { Journal } from './journal.js';
import { Members } from './members.js';
import type { ProcessMember } from './process-member.js';
import { Questions } from './questions.js';
import { Reception, type Caller } from './reception.js';
import { offerTo, withTaken } from './restart-state.js';
import { UnitCheckpoint, type UnitContext } from './unit-checkpoint.js';

/** Milliseconds between looks for processes that have died without a connection. */
const LOOK = 100;

export interface UnitOptions {
  readonly unit: string;
  /** Processes that must have said hello before a checkpoint; 0: as many as have. */
  readonly processes: number;
  /** Milliseconds, when no job checkpointer says it. */
  readonly resumeDeadline: number;
}

export class UnitCheckpointer {
  readonly #resumeDeadline: number;
  readonly #members: Members;
  readonly #reception = new Reception();
  readonly #questions: Questions;
  readonly #context: UnitContext;
  readonly #looking: NodeJS.Timeout;
  #link: UnitLink | undefined;
  /** Undefined while there is no link. */
  #standing: Standing | undefined;
  /** The last one that was told: it tells a restart from a link that is there again. */
  #incarnation: number | undefined;
  /** The last one; over, or under way. */
  #checkpoint: UnitCheckpoint | undefined;

  constructor(journal: Journal, { unit, processes, resumeDeadline }: UnitOptions) {
    const tell = (message: FromUnit): void => {
      this.#link?.send(message);
    };
    this.#resumeDeadline = resumeDeadline;
    this.#members = new Members(journal, processes);
    this.#questions = new Questions(tell);
    this.#context = { unit, members: this.#members, tell };
    this.#looking = setInterval(() => {
      this.#look();
    }, LOOK);
  }

  /** Processes of the job, for people. */
  get processes(): { rank: number; pid: number | undefined; state: string }[] {
    return [...this.#members].map(({ rank, process, state }) => ({ rank, pid: process?.pid, state }));
  }

  /** A new way to the job checkpointer. */
  attach(link: UnitLink): void {
    this.#link = link;
    link.onMessage = (message) => {
      if (this.#link === link) this.#told(message);
    };
    link.onClose = () => {
      if (this.#link !== link) return;
      this.#link = undefined;
      this.#standing = undefined;
      this.#unlinked();
    };
  }

  /** A process has said hello on a new connection. */
  welcome(connection: Connection, hello: Hello): void {
    const caller = { connection, hello };
    if (this.#reception.receive(caller)) this.#answer(caller);
  }

  close(): void {
    clearInterval(this.#looking);
    this.#checkpoint?.drop();
    this.#link?.close();
    for (const { connection } of this.#members) connection?.destroy();
    this.#reception.close();
  }

  /** The checkpoint that is under way. */
  get #current(): UnitCheckpoint | undefined {
    return this.#checkpoint?.isOver ? undefined : this.#checkpoint;
  }

  // ---- hello

  /** Answers a `hello`, when that can be done now. */
  #answer(caller: Caller): void {
    const standing = this.#standing;
    if (!standing) return; // when the job checkpointer is reached
    const { hello } = caller;
    const { incarnation } = hello;
    if (incarnation !== undefined && incarnation !== standing.incarnation) {
      this.#sendAway(caller, standing);
      return;
    }
    this.#replaceConnection(hello);
    const member = this.#members.join(hello);
    if (hello.saved === undefined) this.#admit(member, caller, standing);
    else this.#doubt(member, hello.saved);
  }

  /** A process of another life of the job must not go on beside this one. */
  #sendAway(caller: Caller, { incarnation }: Standing): void {
    const { connection, hello } = caller;
    const known = this.#members.of(hello.client);
    if (known) this.#members.leave(known);
    this.#reception.release(caller);
    const now = `the job was restarted: this is incarnation ${String(incarnation)}`;
    connection.send({ type: 'end', reason: `${now}, the process is of ${String(hello.incarnation)}` } as FromAgent);
    connection.end();
  }

  /** The process has noticed a hang-up that we have not. One that has saved has hung up as it should. */
  #replaceConnection({ client, saved }: Hello): void {
    const known = this.#members.of(client);
    const before = known?.connection;
    if (!before) return;
    known.connection = undefined;
    before.destroy();
    if (saved === undefined) this.#hungUp(known);
  }

  /** Welcomes a process that goes on, or begins. */
  #admit(member: ProcessMember, caller: Caller, standing: Standing): void {
    const { hello } = caller;
    const restart = offerTo(hello, standing.restart);
    this.#connect(member, caller);
    member.send({ ...welcomeOf(standing), ...(restart && { restart }) });
    // One that hung up within a checkpoint has aborted it for itself, and may still be resuming.
    if (hello.done !== undefined && this.#isOver(member, hello.done)) {
      member.state = 'running';
      this.#checkpoint?.proceed();
    }
    if (hello.incarnation !== undefined && standing.restart?.restored) {
      member.send({ type: 'all_rebuilt', op: standing.restart.op });
    }
    this.#checkpoint?.proceed();
  }

  /** Has the process wait for the outcome; its `saved` itself may have been lost with the agent that it was said to. */
  #doubt(member: ProcessMember, op: number): void {
    if (member.state !== 'resuming') member.state = 'saved';
    if (this.#current?.op === op) this.#current.syncWhenAllHaveSaved();
    this.#context.tell({ type: 'ask', op });
  }

  #connect(member: ProcessMember, caller: Caller): void {
    const { connection } = caller;
    this.#reception.release(caller);
    member.connection = connection;
    connection.onMessage = (message) => {
      const known = fromProcess(message);
      if (!known) connection.send({ type: 'unsupported', what: message.type } as FromAgent);
      else if (known.type === 'hello') connection.destroy();
      else this.#heard(member, known);
    };
    connection.onClose = () => {
      if (member.connection !== connection) return;
      member.connection = undefined;
      this.#hungUp(member);
    };
  }

  // ---- what processes say

  #heard(member: ProcessMember, message: FromProcess): void {
    switch (message.type) {
      case 'stopped':
      case 'prepared':
      case 'saved':
      case 'veto':
        if (this.#current?.op === message.op) this.#current.heard(member, message);
        break;
      case 'resumed':
        if (!this.#isOver(member, message.op)) return;
        member.state = 'running';
        this.#current?.resumed(member, message.errors);
        this.#checkpoint?.proceed();
        break;
      case 'rebuilt':
        this.#rebuilt(member, message);
        break;
      case 'request':
      case 'publish':
      case 'resolve':
        this.#questions.ask(member, message);
        break;
      case 'cancel':
        this.#questions.cancel(member, message.id);
        break;
      case 'ping':
        member.send({ type: 'pong', n: message.n });
        break;
      case 'pong':
      case 'unsupported':
        break;
    }
  }

  /** Whether the end of `op` is what the member was waited for. */
  #isOver({ state, op: own }: ProcessMember, op: number): boolean {
    if (state === 'rebuilding') return op === this.#standing?.restart?.op;
    return state === 'resuming' && op === own;
  }

  #rebuilt(member: ProcessMember, { op, participants, errors }: Extract<FromProcess, { type: 'rebuilt' }>): void {
    const restart = this.#standing?.restart;
    if (!this.#standing || restart?.op !== op) return;
    const { rank } = member;
    if (member.state === 'running') member.state = 'rebuilding';
    this.#context.tell({ type: 'taken', op, rank, participants, errors });
    // Who says hello next is not offered them, though the job checkpointer has not answered yet.
    this.#standing = { ...this.#standing, restart: withTaken(restart, rank, participants) };
    if (restart.restored) member.send({ type: 'all_rebuilt', op });
  }

  #hungUp(member: ProcessMember): void {
    this.#questions.forget(member);
    if (member.canAbort) {
      const missed = member.state === 'saving' ? 'saved' : 'stopped and saved';
      member.state = 'resuming';
      this.#checkpoint?.veto(`${String(member)} hung up before it had ${missed}`);
    } else if (member.state === 'running') {
      // It has nothing to lose, and may come back.
      this.#members.leave(member);
      this.#checkpoint?.proceed();
    }
  }

  #look(): void {
    const { gone } = this.#members;
    for (const member of gone) {
      this.#members.leave(member);
      if (member.canAbort) this.#checkpoint?.veto(`${String(member)} has died`);
    }
    if (gone.length > 0) this.#checkpoint?.proceed();
  }

  // ---- what the job checkpointer says

  #told(message: FromJob): void {
    switch (message.type) {
      case 'standing':
        this.#stand(message.standing);
        break;
      case 'prepare':
        this.#checkpoint?.drop();
        this.#checkpoint = UnitCheckpoint.begin(message, this.#context);
        this.#checkpoint.proceed();
        break;
      case 'save':
        if (this.#current?.op === message.op) this.#current.save(message);
        break;
      case 'decided':
        this.#decided(message.decision, message.deadline);
        break;
      case 'restored':
        this.#restored(message.op);
        break;
      case 'accepted':
      case 'refused':
      case 'ok':
      case 'endpoint':
        this.#questions.answer(message);
        break;
      case 'end':
        this.#endAll(message.reason);
        break;
    }
  }

  #stand(standing: Standing): void {
    const isReached = this.#standing === undefined;
    const isRestart = this.#incarnation !== undefined && standing.incarnation !== this.#incarnation;
    this.#standing = standing;
    this.#incarnation = standing.incarnation;
    if (isRestart) {
      this.#checkpoint?.drop();
      this.#endAll(`the job was restarted: this is incarnation ${String(standing.incarnation)}`);
    }
    if (isReached) {
      this.#questions.repeat();
      if (this.#current) this.#context.tell({ type: 'ask', op: this.#current.op });
    }
    if (isReached || isRestart) for (const caller of this.#reception.callers) this.#answer(caller);
  }

  #decided(decision: Decision, deadline: number): void {
    const { op } = decision;
    if (this.#current?.op === op) this.#current.decide(decision, deadline);
    else this.#context.tell({ type: 'settled', op, errors: [] });
    for (const caller of this.#reception.callers) {
      if (caller.hello.saved === op) this.#tellOutcome(caller, decision, deadline);
    }
    this.#checkpoint?.proceed();
  }

  /** Tells a process that is in doubt. */
  #tellOutcome(caller: Caller, decision: Decision, deadline: number): void {
    const { op, result, mode, reason, by } = decision;
    const member = this.#members.of(caller.hello.client);
    if (!this.#standing || !member) return;
    this.#connect(member, caller);
    if (result === 'committed' && mode === 'stop') {
      member.send({ type: 'end', reason: `checkpoint ${String(op)} is made, and the job was to end with it` });
      caller.connection.end();
      return;
    }
    member.state = 'resuming';
    member.op = op;
    // A new agent has not told it to prepare, and has to hear of its end all the same.
    if (!this.#current) this.#checkpoint = UnitCheckpoint.ending(decision, this.#context);
    if (this.#current?.op === op) this.#current.include(member);
    const outcome = {
      op,
      result,
      ...(reason !== undefined && { reason }),
      ...(by !== undefined && by !== '' && { by }),
      deadline_ms: deadline,
    };
    member.send({ ...welcomeOf(this.#standing), outcome });
  }

  #restored(op: number): void {
    const restart = this.#standing?.restart;
    if (!this.#standing || restart?.op !== op) return;
    this.#standing = { ...this.#standing, restart: { ...restart, restored: true } };
    for (const member of this.#members) member.send({ type: 'all_rebuilt', op });
  }

  #endAll(reason: string): void {
    for (const member of [...this.#members]) {
      member.send({ type: 'end', reason });
      member.connection?.end();
      this.#members.leave(member);
    }
  }

  /** Nothing was told to the job checkpointer that it could commit on: the processes need not wait for its return. */
  #unlinked(): void {
    if (!this.#checkpoint?.canAbortAlone) return;
    const { op, mode } = this.#checkpoint;
    const reason = 'the link to the job checkpointer broke';
    this.#decided({ op, mode, result: 'aborted', reason }, this.#resumeDeadline);
  }
}

function welcomeOf({ incarnation, generation }: Standing): Extract<FromAgent, { type: 'welcome' }> {
  return { type: 'welcome', v: PROTOCOL, incarnation, generation };
}
