/**
 * The file in which a participant keeps its channels in a checkpoint: a line of JSON that says what is there, then the
 * payloads one after the other. The checkpointer syncs it and guards it with a checksum; here it is only not trusted
 * to fit together.
 */
import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ChannelError } from './channel-error.js';
import type { DirectionCount } from './digest.js';
import { INSTANCE } from './handshake.js';

const FILE = 'channels';
const FORMAT = 'xosaga channels';
const VERSION = 1;
const NEWLINE = 10;

/** The part of an end that belongs in a checkpoint. */
export interface SavedConversation {
  readonly instance: Buffer;
  readonly peer: Buffer | undefined;
  readonly sent: DirectionCount;
  readonly endSent: boolean;
  readonly endQueued: boolean;
  readonly received: DirectionCount;
  readonly endReceived: boolean;
  readonly allConsumed: boolean;
  readonly queued: readonly Buffer[];
  readonly unread: readonly Buffer[];
}

interface Line {
  readonly format: string;
  readonly version: number;
  readonly channels: readonly Entry[];
}

/** As it is saved, with the lengths of payloads in their place. */
interface Entry extends Omit<SavedConversation, 'instance' | 'peer' | 'queued' | 'unread'> {
  readonly id: string;
  readonly instance: string;
  readonly peer: string | null;
  readonly queued: readonly number[];
  readonly unread: readonly number[];
}

/** Writes the channels, by their ids, into a checkpoint. */
export async function saveChannels(directory: string, channels: ReadonlyMap<string, SavedConversation>): Promise<void> {
  const entries = [...channels].map(([id, saved]): Entry => {
    const { instance, peer, queued, unread } = saved;
    return {
      ...saved,
      id,
      instance: instance.toString('hex'),
      peer: peer?.toString('hex') ?? null,
      queued: queued.map(({ length }) => length),
      unread: unread.map(({ length }) => length),
    };
  });
  const line: Line = { format: FORMAT, version: VERSION, channels: entries };
  const file = await open(join(directory, FILE), 'wx', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(line)}\n`);
    for (const { queued, unread } of channels.values()) await file.writeFile(Buffer.concat([...queued, ...unread]));
  } finally {
    await file.close();
  }
}

/** Reads what {@link saveChannels} has written. @throws ChannelError history */
export async function loadChannels(directory: string, name: string): Promise<Map<string, SavedConversation>> {
  const path = join(directory, FILE);
  const damaged = (why: string, cause?: unknown): ChannelError =>
    new ChannelError('history', name, `its state in ${path} ${why}`, { cause });
  let content: Buffer;
  try {
    content = await readFile(path, { flag: constants.O_RDONLY | constants.O_NOFOLLOW });
  } catch (cause) {
    throw damaged('cannot be read', cause);
  }
  const head = content.indexOf(NEWLINE);
  let line: unknown;
  try {
    line = JSON.parse(content.toString('utf8', 0, Math.max(head, 0)));
  } catch (cause) {
    throw damaged('is damaged: it does not begin with a line of JSON', cause);
  }
  if (!isLine(line)) throw damaged(`is not of the form "${FORMAT}" version ${VERSION}`);

  let at = head + 1;
  const payload = (length: number): Buffer => {
    at += length;
    if (at > content.length) throw damaged('is damaged: it is too short');
    return content.subarray(at - length, at);
  };
  const channels = new Map(
    line.channels.map(({ id, ...entry }): [string, SavedConversation] => [
      id,
      {
        ...entry,
        instance: Buffer.from(entry.instance, 'hex'),
        peer: entry.peer === null ? undefined : Buffer.from(entry.peer, 'hex'),
        queued: entry.queued.map(payload),
        unread: entry.unread.map(payload),
      },
    ]),
  );
  if (at !== content.length) throw damaged('is damaged: it is too long');
  return channels;
}

function isLine(value: unknown): value is Line {
  if (!isObject(value)) return false;
  const { format, version, channels } = value;
  return format === FORMAT && version === VERSION && Array.isArray(channels) && channels.every(isEntry);
}

function isEntry(value: unknown): value is Entry {
  if (!isObject(value)) return false;
  const { id, instance, peer, sent, received, queued, unread, ...flags } = value;
  return (
    typeof id === 'string' &&
    isInstance(instance) &&
    (peer === null || isInstance(peer)) &&
    [sent, received].every(isCount) &&
    [queued, unread].every((lengths) => Array.isArray(lengths) && lengths.every(isNumber)) &&
    ['endSent', 'endQueued', 'endReceived', 'allConsumed'].every((flag) => typeof flags[flag] === 'boolean')
  );
}

function isCount(value: unknown): value is DirectionCount {
  return isObject(value) && isNumber(value['messages']) && isNumber(value['bytes']) && isNumber(value['digest']);
}

function isInstance(value: unknown): value is string {
  return typeof value === 'string' && value.length === 2 * INSTANCE && /^[0-9a-f]+$/.test(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
