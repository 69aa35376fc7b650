/** Whether two ends can go on with each other: the table in docs/channels.md, "Beginning". */
import { describeCount, sameCount } from './digest.js';
import { NO_JOB } from './handshake.js';
import type { EndState } from './handshake.js';
import type { Memory } from './memory.js';
import { Refusal } from './refusal.js';

export interface OwnSide {
  readonly end: 'server' | 'client';
  readonly incarnation: number;
  /** Bytes of the largest message. */
  readonly largest: number;
  readonly memory: Memory;
}

/** @throws Refusal */
export function agree(own: OwnSide, other: EndState): void {
  agreeOnIncarnation(own, other.incarnation);
  if (other.largest !== own.largest)
    throw new Refusal(
      'limits',
      `the largest message has ${own.largest} bytes at one end, ${other.largest} at the other: give both the same maxMessage`,
    );
  const { instance, peer, outgoing } = own.memory;
  const known = !peer || other.instance.equals(peer);
  const knowsMe = !other.peer || other.peer.equals(instance);
  if (!known || !knowsMe)
    throw new Refusal(
      'instance',
      'the other end is not the one that this channel has been with: it was started anew, or two processes have its name',
    );
  agreeOnHistory(outgoing, other);
}

function agreeOnIncarnation({ end, incarnation }: OwnSide, other: number): void {
  if (incarnation === other || incarnation === NO_JOB || other === NO_JOB) return;
  const serverIsOld = end === 'server' ? incarnation < other : other < incarnation;
  throw new Refusal(
    'incarnation',
    `the job has been restarted ${incarnation} times for one end, ${other} times for the other: one of them is left over`,
    serverIsOld,
  );
}

function agreeOnHistory(outgoing: Memory['outgoing'], { received }: EndState): void {
  const { sent, consumedByOther } = outgoing;
  const mine = received.messages <= sent ? outgoing.countAt(received.messages) : undefined;
  if (!mine)
    throw new Refusal(
      'history',
      `one end has received ${received.messages} messages, the other one has sent ${sent} and can repeat the last ` +
        `${sent - consumedByOther} of them: they come from different checkpoints`,
    );
  if (!sameCount(mine, received))
    throw new Refusal(
      'history',
      `one end has sent ${describeCount(mine)}, the other one has received ${describeCount(received)}: ` +
        'they come from different checkpoints',
    );
}
