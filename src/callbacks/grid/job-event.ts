/** What is told of the checkpoints and restarts of a job: to those who watch, and to who has asked. */
import type { ParticipantError } from '../messages.js';
import type { CheckpointMode } from '../participant.js';
import type { Decision } from './coordination.js';

export type JobEvent =
  | { readonly event: 'prepare'; readonly op: number; readonly mode: CheckpointMode }
  | { readonly event: 'save'; readonly op: number }
  | ({ readonly event: 'decided' } & Decision)
  | { readonly event: 'settled'; readonly op: number; readonly errors: readonly ParticipantError[] }
  | { readonly event: 'restart'; readonly op: number; readonly incarnation: number; readonly from: number }
  | { readonly event: 'restored'; readonly op: number; readonly errors: readonly ParticipantError[] }
  | { readonly event: 'restart failed'; readonly op: number; readonly reason: string };

/** How a job was restarted. */
export interface Restarted {
  readonly op: number;
  readonly incarnation: number;
  /** The version, 0 when there is none and the job begins anew. */
  readonly generation: number;
  /** Newer versions that could not be used, and why. */
  readonly damaged: readonly string[];
}
