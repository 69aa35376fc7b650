/** What checkpoints throw, and how errors are told to others. */
import { types } from 'node:util';

const VETO = Symbol.for('xosaga.CheckpointVeto');

/** Throw it in `stop` or `checkpoint` to refuse this checkpoint: all that had stopped are resumed. */
export class CheckpointVeto extends Error {
  override readonly name = 'CheckpointVeto';
  /** Seconds after which another attempt makes sense. */
  readonly retryAfter: number | undefined;

  static {
    Object.defineProperty(this.prototype, VETO, { value: true });
  }

  constructor(reason: string, options: { readonly retryAfter?: number; readonly cause?: unknown } = {}) {
    super(reason, 'cause' in options ? { cause: options.cause } : undefined);
    this.retryAfter = options.retryAfter;
  }

  /** Whether `e` is a veto, of this or another copy of the library. */
  static is(e: unknown): e is CheckpointVeto {
    return typeof e === 'object' && e !== null && VETO in e;
  }
}

/** The process does not run as part of a checkpointable job. */
export class NotUnderCheckpointer extends Error {
  override readonly name = 'NotUnderCheckpointer';

  constructor(what: string) {
    super(
      `${what}: this process is not part of a checkpointable job (XOSAGA_CKPT_SOCKET is not set); ` +
        'submit it with a checkpointer, or do without checkpoints here',
    );
  }
}

/** A checkpoint was asked for where waiting for it would last for ever. */
export class CheckpointDeadlock extends Error {
  override readonly name = 'CheckpointDeadlock';

  constructor(where: string) {
    super(`checkpointing.request() in ${where}: the checkpoint would wait for its end, and it for the checkpoint`);
  }
}

/** What others may read of an error: a frame has a limit, and so has patience. */
export function messageOf(error: unknown): string {
  const message = types.isNativeError(error) ? error.message : String(error);
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}...` : message;
}

const LONGEST_MESSAGE = 1000;
