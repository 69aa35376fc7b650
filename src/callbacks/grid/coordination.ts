/** What job checkpointer and job-unit checkpointers tell each other, over whatever link (docs/checkpoint-state.md, "Links"). */
import type { ParticipantError } from '../messages.js';
import type { ChannelDrain, CheckpointMode } from '../participant.js';
import type { PartSummary, RankPart } from './part.js';

/** How an operation ended. */
export interface Decision {
  readonly op: number;
  readonly mode: CheckpointMode;
  readonly result: 'committed' | 'aborted';
  readonly reason?: string;
  readonly by?: string;
}

/** What the processes of the present incarnation rebuild from. */
export interface RestartState {
  readonly op: number;
  /** The version, 0 for the beginning. */
  readonly from: number;
  readonly directory: string;
  /** Milliseconds since 1970. */
  readonly committed: number;
  readonly ranks: readonly RankPart[];
  /** Participants that have their state: `[rank, name]`. */
  readonly taken: readonly (readonly [rank: number, name: string])[];
  readonly restored: boolean;
  /** Milliseconds for all to rebuild. */
  readonly deadline: number;
}

/** Where the job is: told when a link is new, and when it changes. */
export interface Standing {
  readonly incarnation: number;
  /** The last version committed or restarted from, 0 for none. */
  readonly generation: number;
  /** Gone with the first checkpoint of the incarnation. */
  readonly restart?: RestartState;
}

export type FromUnit =
  /** All processes of the unit have stopped. */
  | {
      readonly type: 'prepared';
      readonly op: number;
      readonly channels: readonly ChannelDrain[];
      readonly ranks: readonly RankPart[];
    }
  | { readonly type: 'veto'; readonly op: number; readonly by: string; readonly reason: string }
  | { readonly type: 'saved'; readonly op: number; readonly part: PartSummary }
  /** All processes of the unit go on, or have died. */
  | { readonly type: 'settled'; readonly op: number; readonly errors: readonly ParticipantError[] }
  /** How an operation ended that a process is in doubt about. */
  | { readonly type: 'ask'; readonly op: number }
  | {
      readonly type: 'taken';
      readonly op: number;
      readonly rank: number;
      readonly participants: readonly string[];
      readonly errors: readonly ParticipantError[];
    }
  | { readonly type: 'request'; readonly id: string; readonly mode: CheckpointMode; readonly deadline?: number }
  | { readonly type: 'publish'; readonly id: string; readonly name: string; readonly address: string }
  | { readonly type: 'resolve'; readonly id: string; readonly name: string }
  | { readonly type: 'cancel'; readonly id: string };

export type FromJob =
  | { readonly type: 'standing'; readonly standing: Standing }
  /** Deadlines are milliseconds from now. */
  | { readonly type: 'prepare'; readonly op: number; readonly mode: CheckpointMode; readonly deadline: number }
  | { readonly type: 'save'; readonly op: number; readonly directory: string; readonly deadline: number }
  | { readonly type: 'decided'; readonly decision: Decision; readonly deadline: number }
  | { readonly type: 'restored'; readonly op: number }
  | { readonly type: 'accepted'; readonly id: string; readonly op: number }
  | { readonly type: 'refused'; readonly id: string; readonly reason: string }
  | { readonly type: 'ok'; readonly id: string }
  | { readonly type: 'endpoint'; readonly id: string; readonly name: string; readonly address: string }
  /** The processes end: the restart has failed. */
  | { readonly type: 'end'; readonly reason: string };

/** One end of a link. */
export interface Link<Sent, Received> {
  send(message: Sent): void;
  close(): void;
  /** Called for each message in order, and once at the end. Set before anything can arrive. */
  onMessage: (message: Received) => void;
  onClose: () => void;
}

export type UnitLink = Link<FromUnit, FromJob>;
export type JobLink = Link<FromJob, FromUnit>;

/** A link between two parts of one process. */
export function directLink(): { unit: UnitLink; job: JobLink } {
  const closed = (): void => undefined;
  let open = true;
  // Never within the call that sent it: nobody is told of a change while it is making it.
  const later = (call: () => void): void => {
    queueMicrotask(() => {
      if (open) call();
    });
  };
  const close = (): void => {
    later(() => {
      open = false;
      unit.onClose();
      job.onClose();
    });
  };
  const unit: UnitLink = {
    send: (message) => {
      later(() => {
        job.onMessage(message);
      });
    },
    close,
    onMessage: closed,
    onClose: closed,
  };
  const job: JobLink = {
    send: (message) => {
      later(() => {
        unit.onMessage(message);
      });
    },
    close,
    onMessage: closed,
    onClose: closed,
  };
  return { unit, job };
}
