/** The SAGA object (GFD.90 section 3.2): identity, type, session and deep copy of everything in the API. */
import { randomUUID } from 'node:crypto';

import { DoesNotExist } from './exceptions.js';
import type { Session } from './session.js';

/** The type codes of SAGA objects (GFD.90 section 3.2). */
export const ObjectType = {
  Exception: 1,
  URL: 2,
  Buffer: 3,
  Session: 4,
  Context: 5,
  Task: 6,
  TaskContainer: 7,
  Metric: 8,
  NSEntry: 9,
  NSDirectory: 10,
  IOVec: 11,
  File: 12,
  Directory: 13,
  LogicalFile: 14,
  LogicalDirectory: 15,
  JobDescription: 16,
  JobService: 17,
  Job: 18,
  JobSelf: 19,
  StreamService: 20,
  Stream: 21,
  Parameter: 22,
  RPC: 23,
} as const;
export type ObjectType = (typeof ObjectType)[keyof typeof ObjectType];

/** What every SAGA object answers. */
export interface SagaObject {
  /** A UUID, constant for the life of the object and different for every other object. */
  getId(): string;
  /** The `ObjectType` code of the concrete class. */
  getType(): number;
  /**
   * The session that the object works in; the default session when none was given.
   * @throws DoesNotExist on objects that have none: job description, task, metric, session.
   */
  getSession(): Session;
  /** A deep copy with an id of its own; only the session and callbacks are shared. */
  clone(): this;
}

/**
 * The base of the objects that have no session. Those that have one derive from `SessionObject` (session.ts).
 */
export abstract class BaseObject implements SagaObject {
  #id: string | undefined;

  getId(): string {
    // Made when first asked: most objects are never asked, and a UUID costs more than the object.
    return (this.#id ??= randomUUID());
  }

  abstract getType(): number;

  getSession(): Session {
    throw new DoesNotExist(`a ${this.constructor.name} has no session`);
  }

  abstract clone(): this;
}
