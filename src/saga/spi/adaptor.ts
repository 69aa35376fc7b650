/**
 * What an adaptor is: a manifest (plain data, light to import) and, loaded when first used, a function that connects.
 *
 * A capability is an interface. What a manifest declares, its adaptor must implement: a missing method does not compile.
 */
import type { CallOptions } from '../core/call-options.js';
import type { Context } from '../core/context.js';
import type { SagaException } from '../core/exceptions.js';
import type { URL } from '../core/url.js';
import type { Checkpointer } from './checkpointer.js';
import type {
  EntryChange,
  EntryLink,
  EntryList,
  EntryLock,
  EntryLookup,
  EntryMetadata,
  EntryPermissions,
  EntryRename,
  FileRead,
  FileReadWrite,
  FileServerCopy,
  FileTree,
  FileWrite,
} from './file.js';
import type {
  JobArray,
  JobAttribute,
  JobCheckpoint,
  JobHold,
  JobIo,
  JobMigrate,
  JobOwnership,
  JobPrune,
  JobQuery,
  JobRecover,
  JobSelfLookup,
  JobSignal,
  JobSubmit,
  JobSuspend,
  JobWatch,
} from './job.js';

/** The capabilities and the interface that each stands for. */
export interface Capabilities {
  'job.submit': JobSubmit;
  'job.query': JobQuery;
  'job.watch': JobWatch;
  'job.suspend': JobSuspend;
  'job.signal': JobSignal;
  'job.hold': JobHold;
  'job.array': JobArray;
  'job.prune': JobPrune;
  'job.checkpoint': JobCheckpoint;
  'job.recover': JobRecover;
  'job.migrate': JobMigrate;
  'job.io': JobIo;
  'job.self': JobSelfLookup;
  'job.permissions': JobOwnership;
  'namespace.stat': EntryLookup;
  'namespace.list': EntryList;
  'namespace.write': EntryChange;
  'namespace.link': EntryLink;
  'namespace.rename': EntryRename;
  'namespace.permissions': EntryPermissions;
  'namespace.lock': EntryLock;
  'namespace.metadata': EntryMetadata;
  'file.read': FileRead;
  'file.write': FileWrite;
  'file.readWrite': FileReadWrite;
  'file.serverCopy': FileServerCopy;
  'file.tree': FileTree;
  checkpointer: Checkpointer;
}
export type Capability = keyof Capabilities;

/** All the interfaces of the capabilities `C` at once. */
type Implements<C extends Capability> = (C extends Capability ? (i: Capabilities[C]) => void : never) extends (
  i: infer All,
) => void
  ? All
  : never;

/** A connected adaptor: one backend, reached with the contexts of one session. */
export type Connection<C extends Capability = never> = Implements<C> & {
  /** The URL of the service in the one form that its ids carry, when it has several; default: as the user gave it. */
  readonly serviceUrl?: URL;
  /** Free what the connection holds. Jobs and files of the backend are untouched. May be repeated. */
  close(): Promise<void>;
};

/** What the engine gives to an adaptor. */
export interface AdaptorEnvironment {
  /** The session's contexts of the types that the manifest names, as they are now: ask before each use. */
  contexts(): readonly Context[];
  /**
   * The checkpointer for a job that has these requirements.
   * @param name - Which one; default: the first that meets them.
   * @throws BadParameter naming what is not met, and what there is.
   */
  checkpointer(name: string | undefined, requirements: Readonly<Record<string, boolean>>): Promise<Checkpointer>;
  /** Diagnostic text, shown with `NODE_DEBUG=xosaga`. Never a secret. */
  log(message: string): void;
}

/** The part of an adaptor that is loaded when first used. */
export interface AdaptorModule<C extends Capability> {
  /**
   * Reach the backend.
   * @throws IncorrectURL when this adaptor cannot serve the URL after all; AuthenticationFailed, AuthorizationFailed,
   * Timeout or NoSuccess when the backend refuses.
   */
  connect(url: URL, environment: AdaptorEnvironment, options: CallOptions): Promise<Connection<C>>;
  /** The SAGA error for a native one; undefined when it means nothing special (it becomes NoSuccess). */
  translate(error: unknown): SagaException | undefined;
}

/** Limits that the engine keeps for the adaptor, so that no adaptor has retries or timers of its own. */
export interface CallLimits {
  /** Seconds after which one attempt is given up with Timeout; default none. */
  readonly timeout?: number;
  /** Attempts beyond the first, for operations that are safe to repeat; default 0. */
  readonly retries?: number;
  /** Calls under way at once; default unlimited. */
  readonly concurrency?: number;
  /** Seconds between two queries of watched jobs, where the adaptor has no `job.watch`; default 5. */
  readonly pollInterval?: number;
}

/** An adaptor as the engine knows it before it is loaded. */
export interface AdaptorManifest<C extends Capability = Capability> {
  /** Unique; also the prefix of `job.state_detail` and the key of `native` attributes. */
  readonly name: string;
  /** The version of this interface. */
  readonly spi: 1;
  /** One sentence for `xosaga adaptors`. */
  readonly summary: string;
  /** URL schemes, lower case. */
  readonly schemes: readonly string[];
  readonly capabilities: readonly C[];
  /** The job attributes that the adaptor honours; the engine refuses all others by name. */
  readonly jobAttributes?: readonly JobAttribute[];
  /** Why some attributes are not honoured, where that helps: "a machine has no queues". */
  readonly refusals?: Readonly<Partial<Record<JobAttribute, string>>>;
  /** Of a checkpointer: the CheckpointRequirements that it meets. */
  readonly checkpointRequirements?: readonly string[];
  /** The context types that it can use. */
  readonly contexts?: readonly string[];
  readonly limits?: CallLimits;
  load(): Promise<AdaptorModule<C>>;
}

/** Types a manifest: what it declares, `load` must give. */
export function defineAdaptor<const C extends Capability>(manifest: AdaptorManifest<C>): AdaptorManifest {
  return manifest;
}
