/** The face of checkpointing for a program: one object a process or thread. */
import { checkName } from './directory.js';
import { CheckpointDeadlock, NotUnderCheckpointer } from './errors.js';
import type { CheckpointReport, Seat } from './job-process.js';
import { JobProcess } from './job-process.js';
import type { Awaitable, CheckpointMode, CheckpointParticipant, Endpoints } from './participant.js';
import type { CheckpointOutcome } from './requests.js';
import { currentScope } from './scope.js';

const CALLBACKS = ['stop', 'checkpoint', 'resumeCp', 'rebuild', 'resumeRst'] as const;

/** A participant that is registered. */
export interface Registration extends AsyncDisposable {
  readonly active: boolean;
  /**
   * Takes part in no further checkpoint. One in which its `stop` was called is carried through: resolves when no callback
   * will be called any more; in a callback, which that would wait for, at once.
   */
  unregister(): Promise<void>;
}

export interface RequestOptions {
  /** `stop` ends the job after the commit. Default `continue`. */
  readonly mode?: CheckpointMode;
  /** Seconds that the processes have to stop; the checkpointer's own default otherwise. */
  readonly deadline?: number;
}

/** What a program needs to be checkpointed and restarted. Outside of a checkpointable job all of it is harmless. */
export interface Checkpointing extends Endpoints {
  /**
   * Makes an object take part in checkpoints; it is held until it is unregistered. With a `rebuild` or `resumeRst`,
   * say {@link ready} when all are registered: a checkpoint is vetoed until then.
   * @throws TypeError, RangeError for what can be no participant; Error when its name is taken in this process.
   */
  register(participant: CheckpointParticipant): Registration;
  /**
   * Gives all participants registered by now the state that a restarted job has for them, and resolves when they have
   * rebuilt; at once in a first run. Await it before the work begins. It may be called again for later ones.
   * @returns whether this process was restarted.
   * @throws AggregateError when a `rebuild` has failed: its state is not there.
   */
  ready(): Promise<boolean>;
  /** Runs `f` with no checkpoint in it. A checkpoint waits for its end, and it for that of a checkpoint in progress. */
  criticalSection<T>(f: () => Awaitable<T>): Promise<T>;
  /**
   * Asks for a checkpoint of the whole job, and resolves with its outcome when this process has resumed.
   * @throws NotUnderCheckpointer outside of a checkpointable job; CheckpointDeadlock in a critical section or callback.
   */
  request(options?: RequestOptions): Promise<CheckpointOutcome>;
  /** The checkpoint that was committed last, or restarted from; 0 for none. */
  readonly generation: number;
  /** How often the job was restarted. */
  readonly incarnation: number;
  /** Whether there is a connection to the agent right now. */
  readonly connected: boolean;
  /** The last checkpoint in which this process took part. */
  readonly last: CheckpointReport | undefined;
}

/** @internal The face of a process, which is made when it is first asked for something. */
export function checkpointingOf(make: () => JobProcess): Checkpointing {
  let made: JobProcess | undefined;
  const here = (): JobProcess => (made ??= make());

  const endpoints = async (what: string): Promise<Endpoints> => {
    if (!here().seated) throw new NotUnderCheckpointer(what);
    return Promise.resolve(here().endpoints);
  };

  return {
    register(participant) {
      checkParticipant(participant);
      if (here().has(participant.name)) {
        throw new Error(`a participant named "${participant.name}" is registered already; names are unique`);
      }
      const member = here().register(participant);
      const unregister = (): Promise<void> => here().unregister(member);
      return {
        get active() {
          return !member.left;
        },
        unregister,
        [Symbol.asyncDispose]: unregister,
      };
    },
    ready: () => here().ready(),
    criticalSection: (f) => here().sections.run(f),
    async request({ mode = 'continue', deadline } = {}) {
      checkSeconds('deadline', deadline);
      checkMode(mode);
      const scope = currentScope();
      if (scope) throw new CheckpointDeadlock(scope.where);
      if (!here().seated) throw new NotUnderCheckpointer('checkpointing.request()');
      return here().request(mode, deadline);
    },
    publish: async (name, address) => (await endpoints('checkpointing.publish()')).publish(name, address),
    resolve: async (name, options) => (await endpoints('checkpointing.resolve()')).resolve(name, options),
    get generation() {
      return here().generation;
    },
    get incarnation() {
      return here().incarnation;
    },
    get connected() {
      return here().connected;
    },
    get last() {
      return here().last;
    },
  };
}

/** This process, as its environment says. */
export const checkpointing: Checkpointing = checkpointingOf(() => new JobProcess(seatInEnvironment()));

function seatInEnvironment(): Seat | undefined {
  const { XOSAGA_CKPT_SOCKET: socket = '', XOSAGA_RANK: rank = '0' } = process.env;
  return socket === '' ? undefined : { socket, rank: checkRank(rank), end };
}

function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

function checkRank(rank: string): number {
  if (/^\d{1,9}$/.test(rank)) return Number(rank);
  throw new RangeError(`XOSAGA_RANK must be a number from 0, not "${rank}"`);
}

function checkParticipant(participant: CheckpointParticipant): void {
  if (typeof (participant.name as unknown) !== 'string') throw new TypeError('a participant needs a name, a string');
  checkName(participant.name);
  const { priority = 0 } = participant;
  if (!Number.isFinite(priority)) throw new RangeError(`the priority of "${participant.name}" must be a finite number`);
  checkSeconds(`the deadline of "${participant.name}"`, participant.deadline);
  const wrong = CALLBACKS.find((name) => participant[name] !== undefined && typeof participant[name] !== 'function');
  if (wrong) throw new TypeError(`${wrong} of "${participant.name}" must be a function`);
  if (CALLBACKS.every((name) => participant[name] === undefined)) {
    throw new TypeError(`"${participant.name}" has none of the callbacks ${CALLBACKS.join(', ')}`);
  }
}

function checkMode(mode: string): void {
  if (!['continue', 'stop'].includes(mode)) throw new TypeError(`mode must be 'continue' or 'stop', not '${mode}'`);
}

function checkSeconds(what: string, seconds: number | undefined): void {
  if (seconds === undefined || (Number.isFinite(seconds) && seconds > 0)) return;
  throw new RangeError(`${what} must be a number of seconds above 0, not ${seconds}`);
}
