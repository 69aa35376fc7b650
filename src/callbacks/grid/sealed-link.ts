/**
 * A link between two agents of one job (docs/checkpoint-state.md, "Links"): both prove that they know the secret of the job, and every
 * message is sealed, so that nothing is forged, changed, repeated or left out on the way.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

import type { Link } from './coordination.js';
import { AFTER_PROOF, type Wire } from './wire.js';

const VERSION = 1;
const NONCE = 32;
const SEAL = 32;
/** Milliseconds for the proof. */
const PATIENCE = 10_000;
/** Milliseconds between messages that say nothing but that somebody is there. */
const BEAT = 5000;
/** Milliseconds of silence after which nobody is. */
const SILENCE = 30_000;

type Side = 'unit' | 'job';

export interface Identity {
  readonly job: string;
  readonly secret: Buffer;
}

interface Session extends Identity {
  readonly unit: string;
  /** Of the job checkpointer, then of the unit; hexadecimal. */
  readonly nonces: readonly [job: string, unit: string];
}

/** The side of the job checkpointer. `proven` is told of the unit, once it has proven itself. */
export function acceptLink<Sent, Received>(
  wire: Wire,
  identity: Identity,
  isExpected: (unit: string) => boolean,
  proven: (unit: string, link: Link<Sent, Received>) => void,
): void {
  const { job } = identity;
  const nonce = randomBytes(NONCE).toString('hex');
  const timer = limit(wire);
  wire.onMessage = (bytes) => {
    const { v, unit, nonce: theirs, proof } = parse(bytes);
    if (v !== VERSION || typeof unit !== 'string' || !isExpected(unit) || !isNonce(theirs)) {
      wire.close();
      return;
    }
    const session: Session = { ...identity, unit, nonces: [nonce, theirs] };
    if (!matches(proof, proofOf(session, 'unit'))) {
      wire.close();
      return;
    }
    clearTimeout(timer);
    say(wire, { proof: proofOf(session, 'job') });
    proven(unit, sealed<Sent, Received>(wire, session, 'job'));
  };
  say(wire, { v: VERSION, job, nonce });
}

/** The side of a unit. `proven` is told when the job checkpointer has proven itself. */
export function dialLink<Sent, Received>(
  wire: Wire,
  identity: Identity,
  unit: string,
  proven: (link: Link<Sent, Received>) => void,
): void {
  const own = randomBytes(NONCE).toString('hex');
  const timer = limit(wire);
  wire.onMessage = (first) => {
    const { v, job, nonce } = parse(first);
    if (v !== VERSION || job !== identity.job || !isNonce(nonce)) {
      wire.close();
      return;
    }
    const session: Session = { ...identity, unit, nonces: [nonce, own] };
    wire.onMessage = (second) => {
      if (!matches(parse(second)['proof'], proofOf(session, 'job'))) {
        wire.close();
        return;
      }
      clearTimeout(timer);
      proven(sealed<Sent, Received>(wire, session, 'unit'));
    };
    say(wire, { v: VERSION, unit, nonce: own, proof: proofOf(session, 'unit') });
  };
}

function sealed<Sent, Received>(wire: Wire, session: Session, side: Side): Link<Sent, Received> {
  const other: Side = side === 'unit' ? 'job' : 'unit';
  const [outward, inward] = [keyOf(session, side), keyOf(session, other)];
  let sent = 0;
  let received = 0;
  const send = (text: string): void => {
    const body = Buffer.from(text);
    wire.send(Buffer.concat([sealOf(outward, sent++, body), body]));
  };
  const beat = setInterval(() => {
    send('');
  }, BEAT);
  const silence = setTimeout(() => {
    wire.close();
  }, SILENCE);
  const link: Link<Sent, Received> = {
    send: (message) => {
      send(JSON.stringify(message));
    },
    close: () => {
      wire.close();
    },
    onMessage: () => undefined,
    onClose: () => undefined,
  };
  wire.longest = AFTER_PROOF;
  wire.onMessage = (bytes) => {
    const body = bytes.subarray(SEAL);
    if (bytes.length < SEAL || !timingSafeEqual(bytes.subarray(0, SEAL), sealOf(inward, received++, body))) {
      wire.close();
      return;
    }
    silence.refresh();
    if (body.length > 0) link.onMessage(JSON.parse(body.toString()) as Received);
  };
  const stop = (): void => {
    clearInterval(beat);
    clearTimeout(silence);
  };
  const { onClose } = wire;
  wire.onClose = () => {
    stop();
    onClose();
    link.onClose();
  };
  return link;
}

function limit(wire: Wire): NodeJS.Timeout {
  const timer = setTimeout(() => {
    wire.close();
  }, PATIENCE);
  const { onClose } = wire;
  wire.onClose = () => {
    clearTimeout(timer);
    onClose();
  };
  return timer;
}

function say(wire: Wire, message: object): void {
  wire.send(Buffer.from(JSON.stringify(message)));
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function isNonce(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function proofOf({ secret, job, unit, nonces }: Session, who: Side): string {
  return createHmac('sha256', secret)
    .update(['proof', who, job, unit, ...nonces].join('\n'))
    .digest('hex');
}

function keyOf({ secret, job, unit, nonces }: Session, who: Side): Buffer {
  return createHmac('sha256', secret)
    .update(['key', who, job, unit, ...nonces].join('\n'))
    .digest();
}

/** Its number is in it: a message that is repeated or left out has another one than is expected. */
function sealOf(key: Buffer, number: number, body: Buffer): Buffer {
  const counted = Buffer.alloc(8);
  counted.writeBigUInt64BE(BigInt(number));
  return createHmac('sha256', key).update(counted).update(body).digest();
}

function matches(given: unknown, expected: string): boolean {
  const [a, b] = [Buffer.from(typeof given === 'string' ? given : ''), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
