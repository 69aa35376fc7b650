/** A process of the job as its agent knows it, and what it takes to have it in a checkpoint. */
import type { FromAgent, Hello } from '../messages.js';
import type { Connection } from './connection.js';
import type { SavedParticipant } from './part.js';
import { isAlive, nameProcess, type ProcessName } from './process-name.js';

/** Milliseconds after which one that may live, but does not come back, is given up: a thread may end without its process. */
const LEASE = 300_000;
/** The same for one of which this system can know nothing. */
const LEASE_OF_UNKNOWN = 30_000;

/**
 * `away`: known from the journal, not seen since this agent was started; `running`: can take part; `stopping`, `prepared`, `saving`:
 * in an operation; `saved`: in doubt; `resuming`: told the outcome, not yet back; `rebuilding`: rebuilt, and waits for the others.
 */
export type MemberState = 'away' | 'running' | 'stopping' | 'prepared' | 'saving' | 'saved' | 'resuming' | 'rebuilding';

export class ProcessMember {
  readonly client: string;
  /** Undefined when its pid is none of this system: it is in another pid namespace. */
  readonly process: ProcessName | undefined;
  readonly rank: number;
  readonly host: string;
  readonly #pid: number;
  state: MemberState;
  /** The operation that it is in, or was in last. */
  op = 0;
  participants: readonly SavedParticipant[] = [];
  #connection: Connection | undefined;
  #lostAt = performance.now();

  private constructor(
    client: string,
    process: ProcessName | undefined,
    about: Pick<Hello, 'pid' | 'rank' | 'host'>,
    state: MemberState,
  ) {
    this.client = client;
    this.process = process;
    this.rank = about.rank;
    this.host = about.host;
    this.#pid = about.pid;
    this.state = state;
  }

  static ofHello(hello: Hello): ProcessMember {
    return new ProcessMember(hello.client, nameProcess(hello.pid), hello, 'running');
  }

  /** One that said hello to an agent before this one. */
  static ofJournal(client: string, { pid, start, boot }: Partial<ProcessName>): ProcessMember {
    const name = pid !== undefined && start !== undefined && boot !== undefined ? { pid, start, boot } : undefined;
    return new ProcessMember(client, name, { pid: pid ?? 0, rank: 0, host: '' }, 'away');
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  set connection(connection: Connection | undefined) {
    if (this.#connection && !connection) this.#lostAt = performance.now();
    this.#connection = connection;
  }

  /** Lost when it is not connected: it asks when it is back. */
  send(message: FromAgent): void {
    this.#connection?.send(message);
  }

  /** Whether it is in a checkpoint, and has not saved. */
  get canAbort(): boolean {
    return this.state === 'stopping' || this.state === 'prepared' || this.state === 'saving';
  }

  /** Whether nothing more can be expected of it. */
  get isGone(): boolean {
    if (this.#connection) return false;
    if (this.process && !isAlive(this.process)) return true;
    return performance.now() - this.#lostAt > (this.process ? LEASE : LEASE_OF_UNKNOWN);
  }

  /** For reasons that people read. */
  toString(): string {
    return this.host === '' ? `pid ${String(this.#pid)}` : `rank ${String(this.rank)}, pid ${String(this.#pid)}`;
  }
}
