/**
 * xosaga: the Simple API for Grid Applications (OGF GFD.90) for TypeScript.
 *
 * `import * as saga from 'xosaga'`: several names (URL, File, Buffer) are also globals of the platform.
 */
export type { AsyncAttributes, Attributes } from './saga/core/attributes.js';
export { AttributeType } from './saga/core/attributes.js';
export { Buffer, type BufferLike } from './saga/core/buffer.js';
export type { Tasks } from './saga/core/call-modes.js';
export type { CallOptions, CreateOptions, Progress } from './saga/core/call-options.js';
export type { Callback, CallbackLike } from './saga/core/callback.js';
export { Context } from './saga/core/context.js';
export { type ContextType, type ContextValues, registerContextType } from './saga/core/context-types.js';
export * from './saga/core/exceptions.js';
export { Metric, type MetricEvent, MetricMode } from './saga/core/metric.js';
export type { Monitorable } from './saga/core/monitorable.js';
export { ObjectType, type SagaObject } from './saga/core/object.js';
export { Permission, type PermissionId, type Permissions } from './saga/core/permissions.js';
export { Session } from './saga/core/session.js';
export type { Steerable } from './saga/core/steerable.js';
export { type AnyTask, Task, TaskMode, TaskState } from './saga/core/task.js';
export { TaskContainer, WaitMode } from './saga/core/task-container.js';
export { URL, type UrlLike } from './saga/core/url.js';
export { UUID } from './saga/core/uuid.js';
export { CPRJob } from './saga/cpr/cpr-job.js';
export { CPRJobDescription } from './saga/cpr/cpr-job-description.js';
export { CPRJobSelf } from './saga/cpr/cpr-job-self.js';
export { CPRJobService } from './saga/cpr/cpr-job-service.js';
export { traceToOpenTelemetry } from './saga/engine/layers/opentelemetry.js';
export { listAdaptors, registerAdaptor } from './saga/engine/wiring.js';
export { Directory } from './saga/file/directory.js';
export { File } from './saga/file/file.js';
export { IOVec } from './saga/file/iovec.js';
export { SeekMode } from './saga/file/seek-mode.js';
export { Job } from './saga/job/job.js';
export { JobDescription } from './saga/job/job-description.js';
export { JobSelf } from './saga/job/job-self.js';
export { JobService, type RunJobOptions, type RunningJob } from './saga/job/job-service.js';
export { JobState } from './saga/job/job-state.js';
export type { TransferOptions } from './saga/namespace/copying.js';
export { Flags } from './saga/namespace/flags.js';
export { type DirectoryEntry, NSDirectory } from './saga/namespace/ns-directory.js';
export { NSEntry } from './saga/namespace/ns-entry.js';
export type * from './saga/spi/adaptor.js';
export { defineAdaptor } from './saga/spi/adaptor.js';
export type * from './saga/spi/file.js';
export type * from './saga/spi/checkpointer.js';
export type * from './saga/spi/job.js';
