/** How a connection of a channel begins (docs/channels.md, "Beginning"): who is there, proof of it, and how far both are. */
import { Buffer } from 'node:buffer';
import type * as Crypto from 'node:crypto';

import type { DirectionCount } from './digest.js';
import {
  CHALLENGE,
  FRAME_HEAD,
  FrameFields,
  frameType,
  FrameWriter,
  HELLO,
  JOIN,
  JOINED,
  MalformedFrame,
  REFUSE,
} from './frames.js';
import type { Link } from './link.js';
import { Refusal } from './refusal.js';

/** Loaded with the first channel: importing the package must be quick. */
const crypto = (): typeof Crypto => process.getBuiltinModule('node:crypto');

const MAGIC = 'xosagach';
const VERSION = 1;
const NONCE = 32;
const PROOF = 32;
export const INSTANCE = 16;
/** Milliseconds that the other end may take for the whole beginning. */
const PATIENCE = 10_000;
/** Bytes of a name. */
const LONGEST_NAME = 200;
/** The incarnation of an end that belongs to no checkpointable job. */
export const NO_JOB: number = 2 ** 32 - 1;
const STRANGER = Buffer.alloc(INSTANCE);

/** What an end says of itself. */
export interface EndState {
  readonly incarnation: number;
  readonly instance: Buffer;
  /** Undefined when it has met none. */
  readonly peer: Buffer | undefined;
  readonly received: DirectionCount;
  readonly consumed: number;
  readonly window: number;
  readonly largest: number;
}

/** An end as the beginning of a connection sees it. */
export interface Joinable {
  /** What it says of itself now. Whatever connection it had is not read any more. */
  state(): EndState;
  /** Compares what the other end says with what this one knows. @throws Refusal */
  check(other: EndState): void;
  /** The connection is the channel's. */
  attach(link: Link, other: EndState): void;
}

export type Secret = Uint8Array | undefined;

/** Whether a server or a client can be called so: `<server>/<client>` names their channel in reports and messages. */
export function isChannelName(name: string): boolean {
  const bytes = Buffer.from(name);
  return bytes.length > 0 && bytes.length <= LONGEST_NAME && bytes.toString() === name && !/[/\p{Cc}]/u.test(name);
}

/** What {@link isChannelName} wants. */
export const CHANNEL_NAME = 'a name has 1 to 200 bytes of UTF-8, without / and control characters';

/** The client's part. Resolves when the connection is attached. @throws Refusal */
export async function join(
  link: Link,
  names: { server: string; client: string },
  secret: Secret,
  end: Joinable,
): Promise<void> {
  await within(link, async () => {
    const hello = new FrameWriter(HELLO)
      .bytes(Buffer.from(MAGIC))
      .u8(VERSION)
      .u8(VERSION)
      .bytes(crypto().randomBytes(NONCE))
      .str(names.server)
      .str(names.client)
      .frame();
    link.write(hello);
    const challenge = await expected(link, CHALLENGE);
    const fields = new FrameFields(challenge);
    if (fields.u8() !== VERSION) throw new Refusal('version', 'the server chose a version that was not offered');
    fields.bytes(NONCE);
    const proven = fields.position;
    const proof = fields.bytes(PROOF);
    if (secret && !crypto().timingSafeEqual(proof, proofOf('server', secret, hello, challenge.subarray(0, proven))))
      throw new Refusal('proof', `the server "${names.server}" does not know the secret`);
    const state = writeState(end.state());
    const mine = secret ? proofOf('client', secret, hello, challenge, state) : Buffer.alloc(PROOF);
    link.write(new FrameWriter(JOIN).bytes(mine).bytes(state).frame());
    const other = readState(new FrameFields(await expected(link, JOINED)));
    end.check(other);
    end.attach(link, other);
  });
}

/**
 * The server's part. Resolves when the connection is attached.
 * @param find the end that talks to this client. @throws Refusal
 */
export async function admit(
  link: Link,
  server: string,
  secret: Secret,
  find: (client: string, other: EndState) => Joinable,
): Promise<void> {
  await within(link, async () => {
    const hello = await expected(link, HELLO);
    const fields = new FrameFields(hello);
    if (fields.bytes(MAGIC.length).toString('latin1') !== MAGIC) throw new MalformedFrame('no channel client');
    const [lowest, highest] = [fields.u8(), fields.u8()];
    if (lowest > VERSION || highest < VERSION)
      throw new Refusal('version', `this server speaks version ${VERSION}, the client ${lowest} to ${highest}`);
    fields.bytes(NONCE);
    const [wanted, client] = [fields.str(), fields.str()];
    if (wanted !== server)
      throw new Refusal('name', `this is the server "${server}", not "${wanted.slice(0, LONGEST_NAME)}"`);
    if (!isChannelName(client)) throw new Refusal('name', CHANNEL_NAME);

    const begun = new FrameWriter(CHALLENGE).u8(VERSION).bytes(crypto().randomBytes(NONCE));
    // The length in the frame is that of the whole one, with the proof.
    const unproven = begun.bytes(Buffer.alloc(PROOF)).frame().subarray(0, -PROOF);
    const proof = secret ? proofOf('server', secret, hello, unproven) : Buffer.alloc(PROOF);
    const challenge = Buffer.concat([unproven, proof]);
    link.write(challenge);

    const joining = await expected(link, JOIN);
    const theirs = new FrameFields(joining).bytes(PROOF);
    if (
      secret &&
      !crypto().timingSafeEqual(
        theirs,
        proofOf('client', secret, hello, challenge, joining.subarray(FRAME_HEAD + PROOF)),
      )
    )
      throw new Refusal('proof', `the client "${client}" does not know the secret`);
    const other = readState(new FrameFields(joining, FRAME_HEAD + PROOF));
    const end = find(client, other);
    end.check(other);
    link.write(new FrameWriter(JOINED).bytes(writeState(end.state())).frame());
    end.attach(link, other);
  });
}

/** Runs a beginning; one that takes too long, or fails, ends the connection, and a refusal is told to the other end. */
async function within(link: Link, begin: () => Promise<void>): Promise<void> {
  const timer = setTimeout(() => {
    link.destroy();
  }, PATIENCE);
  try {
    await begin();
  } catch (error) {
    const refusal = error instanceof MalformedFrame ? new Refusal('protocol', error.message) : error;
    if (!(refusal instanceof Refusal)) {
      link.destroy();
      throw error;
    }
    if (!refusal.fromOther) link.write(refusal.frame());
    void link.finish();
    throw refusal;
  } finally {
    clearTimeout(timer);
  }
}

async function expected(link: Link, type: number): Promise<Buffer> {
  const frame = await link.next();
  if (!frame) throw new Error('the connection ended before the channel began');
  if (frameType(frame) === REFUSE) throw Refusal.read(frame);
  if (frameType(frame) !== type) throw new MalformedFrame(`a frame of type ${frameType(frame)} where ${type} was due`);
  return frame;
}

function proofOf(end: 'server' | 'client', secret: Uint8Array, ...parts: Uint8Array[]): Buffer {
  const hmac = crypto().createHmac('sha256', secret).update(`xosaga channel ${end}\n`);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

function writeState(state: EndState): Buffer {
  return new FrameWriter(JOINED)
    .u32(state.incarnation)
    .bytes(state.instance)
    .bytes(state.peer ?? STRANGER)
    .count(state.received)
    .u64(state.consumed)
    .u32(state.window)
    .u32(state.largest)
    .frame()
    .subarray(FRAME_HEAD);
}

function readState(fields: FrameFields): EndState {
  const incarnation = fields.u32();
  const instance = fields.bytes(INSTANCE);
  const peer = fields.bytes(INSTANCE);
  const received = fields.count();
  const consumed = fields.u64();
  if (consumed > received.messages) throw new MalformedFrame('more consumed than received');
  if (instance.equals(STRANGER)) throw new MalformedFrame('an end without instance');
  return {
    incarnation,
    instance,
    peer: peer.equals(STRANGER) ? undefined : peer,
    received,
    consumed,
    window: fields.u32(),
    largest: fields.u32(),
  };
}
