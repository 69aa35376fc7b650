/** What can become of a channel (docs/channels.md, "Refusals"; from `closed` on said by this end alone). */
export type ChannelErrorCode =
  | 'version'
  | 'name'
  | 'proof'
  | 'instance'
  | 'history'
  | 'incarnation'
  | 'limits'
  | 'protocol'
  | 'later'
  | 'closed'
  /** The other end has not come back in time. */
  | 'lost'
  /** Too much is queued: the sender does not wait for `send`. The message was not taken. */
  | 'full'
  /** The message is larger than both ends have agreed. It was not taken. */
  | 'size'
  /** The address cannot be used, or is not safe to use. */
  | 'address'
  /** `open` or `listen` was not called, or too early. */
  | 'state';

const CHANNEL_ERROR = Symbol.for('xosaga.ChannelError');

/** A channel that cannot do what it was asked. The message tells what to do. */
export class ChannelError extends Error {
  override readonly name = 'ChannelError';
  readonly code: ChannelErrorCode;
  /** The channel, `<server>/<client>`, or the name of a server. */
  readonly channel: string;

  static {
    Object.defineProperty(this.prototype, CHANNEL_ERROR, { value: true });
  }

  constructor(code: ChannelErrorCode, channel: string, message: string, options?: ErrorOptions) {
    super(`channel ${channel}: ${message}`, options);
    this.code = code;
    this.channel = channel;
  }

  /** Whether `e` is one, of this or another copy of the library. */
  static is(e: unknown): e is ChannelError {
    return typeof e === 'object' && e !== null && CHANNEL_ERROR in e;
  }
}
