/**
 * Checkpoint callbacks: what a program needs to be snapshotted, killed, moved and restarted without losing or repeating
 * anything. Published as `xosaga/callbacks`.
 */
export { Channel } from './channel/channel.js';
export type { ChannelOptions } from './channel/channel.js';
export type { ChannelEnd } from './channel/channel-end.js';
export { ChannelError } from './channel/channel-error.js';
export type { ChannelErrorCode } from './channel/channel-error.js';
export type { ChannelEndOptions } from './channel/channel-options.js';
export { ChannelServer } from './channel/channel-server.js';
export type { ChannelServerOptions } from './channel/channel-server.js';
export { channelStream } from './channel/channel-stream.js';
export type { DirectionCount } from './channel/digest.js';
export type { Registrar } from './channel/names.js';
export { OpenRequests } from './channel/open-requests.js';
export type { OpenRequestsOptions } from './channel/open-requests.js';
export { checkpointing } from './checkpointing.js';
export type { Checkpointing, Registration, RequestOptions } from './checkpointing.js';
export { CheckpointDeadlock, CheckpointVeto, NotUnderCheckpointer } from './errors.js';
export type { CheckpointReport } from './job-process.js';
export type { CheckpointOutcome } from './requests.js';
export type {
  Awaitable,
  ChannelDrain,
  CheckpointMode,
  CheckpointParticipant,
  DrainReport,
  Endpoints,
  Flow,
  RebuildContext,
  ResumeContext,
  SaveContext,
  StopContext,
} from './participant.js';
