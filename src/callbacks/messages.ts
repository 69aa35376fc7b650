/** The messages of the checkpoint protocol, version 1 (docs/checkpoint-protocol.md, "Messages"), and what makes them valid. */
import type { Typed } from './frame.js';
import type { ChannelDrain, CheckpointMode } from './participant.js';

export const PROTOCOL = 1;

/** That are told in one message: more would not fit into a frame, and would help nobody. */
export const MOST_ERRORS = 100;

export interface ParticipantError {
  readonly participant: string;
  readonly message: string;
}

export interface Hello {
  readonly type: 'hello';
  readonly v: readonly [lowest: number, highest: number];
  readonly client: string;
  readonly pid: number;
  readonly thread: number;
  readonly rank: number;
  readonly host: string;
  readonly sdk: string;
  readonly incarnation?: number;
  readonly saved?: number;
  readonly done?: number;
}

/** What a process says, `hello` apart. */
export type FromProcess =
  | {
      readonly type: 'stopped';
      readonly op: number;
      readonly participant: string;
      readonly channels?: readonly ChannelDrain[];
    }
  | {
      readonly type: 'prepared';
      readonly op: number;
      readonly participants: readonly { readonly name: string; readonly rebuild: boolean }[];
    }
  | { readonly type: 'saved'; readonly op: number }
  | {
      readonly type: 'veto';
      readonly op: number;
      readonly by: string;
      readonly reason: string;
      readonly retry_after_ms?: number;
    }
  | {
      readonly type: 'rebuilt';
      readonly op: number;
      readonly participants: readonly string[];
      readonly errors: readonly ParticipantError[];
    }
  | { readonly type: 'resumed'; readonly op: number; readonly errors: readonly ParticipantError[] }
  | { readonly type: 'request'; readonly id: number; readonly mode: CheckpointMode; readonly deadline_ms?: number }
  | { readonly type: 'publish'; readonly id: number; readonly name: string; readonly address: string }
  | { readonly type: 'resolve'; readonly id: number; readonly name: string }
  | { readonly type: 'cancel'; readonly id: number }
  | Either;

export interface Outcome {
  readonly op: number;
  readonly result: 'committed' | 'aborted';
  readonly reason?: string;
  readonly by?: string;
  readonly deadline_ms: number;
}

export interface RestartOffer {
  readonly op: number;
  readonly generation: number;
  readonly directory: string;
  readonly participants: readonly string[];
  readonly previous_host: string;
  readonly committed_ms: number;
  readonly deadline_ms: number;
}

export interface Welcome {
  readonly type: 'welcome';
  readonly v: number;
  readonly incarnation: number;
  readonly generation: number;
  readonly outcome?: Outcome;
  readonly restart?: RestartOffer;
}

export interface Prepare {
  readonly type: 'prepare';
  readonly op: number;
  readonly mode: CheckpointMode;
  readonly generation: number;
  readonly deadline_ms: number;
}

export interface Save {
  readonly type: 'save';
  readonly op: number;
  readonly directory: string;
  readonly deadline_ms: number;
}

/** What an agent says. */
export type FromAgent =
  | Welcome
  | { readonly type: 'refused'; readonly reason: string; readonly id?: number }
  | Prepare
  | Save
  | { readonly type: 'abort'; readonly op: number; readonly reason: string; readonly by?: string }
  | { readonly type: 'all_rebuilt'; readonly op: number }
  | { readonly type: 'end'; readonly reason: string }
  | { readonly type: 'accepted'; readonly id: number; readonly op: number }
  | { readonly type: 'ok'; readonly id: number }
  | { readonly type: 'endpoint'; readonly id: number; readonly name: string; readonly address: string }
  | Either;

/** What both sides say. */
type Either =
  | { readonly type: 'ping'; readonly n: number }
  | { readonly type: 'pong'; readonly n: number }
  | { readonly type: 'unsupported'; readonly what: string };

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === 'string';
const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const flag: Check = (value) => typeof value === 'boolean';
const oneOf =
  (...values: readonly string[]): Check =>
  (value) =>
    values.includes(value as string);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const shape =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(fields).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const mode = oneOf('continue', 'stop');
const errors = list(shape({ participant: text, message: text }));
const flow = shape({ messages: count, bytes: count, digest: text });
const channel = shape({ id: text, end: text, sent: flow, received: flow, outside: optional(flag) });

const EITHER: Readonly<Record<Either['type'], Check>> = {
  ping: shape({ n: count }),
  pong: shape({ n: count }),
  unsupported: shape({ what: text }),
};

const FROM_AGENT: Readonly<Record<FromAgent['type'], Check>> = {
  ...EITHER,
  welcome: shape({
    v: count,
    incarnation: count,
    generation: count,
    outcome: optional(
      shape({
        op: count,
        result: oneOf('committed', 'aborted'),
        reason: optional(text),
        by: optional(text),
        deadline_ms: count,
      }),
    ),
    restart: optional(
      shape({
        op: count,
        generation: count,
        directory: text,
        participants: list(text),
        previous_host: text,
        committed_ms: count,
        deadline_ms: count,
      }),
    ),
  }),
  refused: shape({ reason: text, id: optional(count) }),
  prepare: shape({ op: count, mode, generation: count, deadline_ms: count }),
  save: shape({ op: count, directory: text, deadline_ms: count }),
  abort: shape({ op: count, reason: text, by: optional(text) }),
  all_rebuilt: shape({ op: count }),
  end: shape({ reason: text }),
  accepted: shape({ id: count, op: count }),
  ok: shape({ id: count }),
  endpoint: shape({ id: count, name: text, address: text }),
};

const FROM_PROCESS: Readonly<Record<(FromProcess | Hello)['type'], Check>> = {
  ...EITHER,
  hello: shape({
    v: (value) => list(count)(value) && (value as number[]).length === 2,
    client: text,
    pid: count,
    thread: count,
    rank: count,
    host: text,
    sdk: text,
    incarnation: optional(count),
    saved: optional(count),
    done: optional(count),
  }),
  stopped: shape({ op: count, participant: text, channels: optional(list(channel)) }),
  prepared: shape({ op: count, participants: list(shape({ name: text, rebuild: flag })) }),
  saved: shape({ op: count }),
  veto: shape({ op: count, by: text, reason: text, retry_after_ms: optional(count) }),
  rebuilt: shape({ op: count, participants: list(text), errors }),
  resumed: shape({ op: count, errors }),
  request: shape({ id: count, mode, deadline_ms: optional(count) }),
  publish: shape({ id: count, name: text, address: text }),
  resolve: shape({ id: count, name: text }),
  cancel: shape({ id: count }),
};

/** @returns whether the type is known. */
function isValid(table: Readonly<Record<string, Check>>, message: Typed): boolean {
  if (!Object.hasOwn(table, message.type)) return false;
  if (table[message.type]?.(message) === true) return true;
  throw new Error(`a "${message.type}" with missing or wrong fields`);
}

/**
 * What an agent said; undefined when its type is unknown.
 * @throws Error when fields are missing or ill-typed: the reader hangs up.
 */
export function fromAgent(message: Typed): FromAgent | undefined {
  return isValid(FROM_AGENT, message) ? (message as FromAgent) : undefined;
}

/** What a process said, as {@link fromAgent}. */
export function fromProcess(message: Typed): FromProcess | Hello | undefined {
  return isValid(FROM_PROCESS, message) ? (message as FromProcess | Hello) : undefined;
}
