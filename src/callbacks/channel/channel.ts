import type { Duplex } from 'node:stream';

import type { CheckpointParticipant, RebuildContext } from '../participant.js';
import { assertSafe, dial, parseAddress } from './address.js';
import { ChannelEnd } from './channel-end.js';
import { ChannelError } from './channel-error.js';
import { checkName, limitsOf, secretOf } from './channel-options.js';
import type { ChannelEndOptions } from './channel-options.js';
import { Conversation } from './conversation.js';
import { Dialer } from './dialer.js';
import { drainAll } from './drain.js';
import { DEFAULT_PRIORITY, endpointOf, incarnationOf, isInJob, registrarOf } from './names.js';
import type { Registrar } from './names.js';
import { loadChannels, saveChannels } from './state-file.js';

export interface ChannelOptions extends ChannelEndOptions {
  /** The name of the server. */
  readonly server: string;
  /** The name of this end: unique among the clients of that server, and the same after a restart of the job. */
  readonly name: string;
  /**
   * Where the server is: `unix:/path/of/a/socket` or `tcp:host:port`. Default: asked by the server's name through
   * `checkpointing`, which is also done after every restart of the job, whatever stands here.
   */
  readonly address?: string;
  /** Connects in a way of its own, instead of `address`: TLS, a tunnel, the standard streams of a process. */
  readonly connect?: (signal: AbortSignal) => Duplex | PromiseLike<Duplex>;
}

/** The client's end of a channel: it finds the server, and finds it again. */
export class Channel extends ChannelEnd {
  readonly #options: ChannelOptions;
  readonly #conversation: Conversation;
  readonly #dialer: Dialer;
  readonly #registrar: Registrar | undefined;
  readonly #registration: { unregister(): Promise<void> } | undefined;
  #address: string | undefined;
  /** It has written its state for a checkpoint, and knows of no outcome. */
  #saved = false;

  /**
   * Makes the end and registers it for checkpoints; nothing is connected before {@link open}.
   * @throws ChannelError for names, addresses and secrets that cannot be.
   */
  constructor(options: ChannelOptions) {
    const { server, name } = options;
    checkName(server);
    checkName(name);
    const id = `${server}/${name}`;
    if (options.address !== undefined) parseAddress(options.address, id);
    const conversation = new Conversation(id, 'client', limitsOf(options));
    super(conversation);
    this.#options = options;
    this.#conversation = conversation;
    this.#address = options.address;
    const secret = secretOf(options, id);
    this.#dialer = new Dialer(conversation, { server, client: name }, secret, (signal) => this.#connect(signal));
    this.#registrar = registrarOf(options.checkpointing);
    this.#registration = this.#registrar?.register(this.#participant());
  }

  /**
   * Connects, for as long as that takes, and for ever after; messages can be sent from now on. In a job with checkpoints: after
   * `await checkpointing.ready()`. Resolves when there is a connection.
   * @throws ChannelError when the channel fails before, or the signal is aborted.
   */
  async open(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { address, connect } = this.#options;
    if (address !== undefined)
      await assertSafe(parseAddress(address, this.id), this.#options.secret !== undefined, this.id);
    else if (!connect && !(this.#registrar && isInJob()))
      throw new ChannelError('address', this.id, 'it needs an address: no job is there to ask where the server is');
    this.#conversation.incarnation = incarnationOf(this.#registrar);
    this.#conversation.open();
    if (!this.#conversation.stopped) this.#dialer.start();
    await this.#conversation.connection(options.signal);
  }

  override async close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    try {
      await super.close(options);
    } finally {
      this.#conversation.fail(new ChannelError('closed', this.id, 'it was closed before the other end had everything'));
      await this.#dialer.stop();
      await this.#registration?.unregister();
    }
  }

  override async drain(signal?: AbortSignal): ReturnType<ChannelEnd['drain']> {
    await this.#settled();
    return super.drain(signal);
  }

  /** An end that does not know whether the server has met it would report something else than the server. */
  async #settled(): Promise<void> {
    if (!this.#conversation.met) await this.#dialer.attempt;
  }

  async #connect(signal: AbortSignal): Promise<Duplex> {
    const { connect } = this.#options;
    if (connect) return connect(signal);
    this.#address ??= await this.#resolve(signal);
    const address = parseAddress(this.#address, this.id);
    await assertSafe(address, this.#options.secret !== undefined, this.id);
    return dial(address, signal);
  }

  async #resolve(signal: AbortSignal): Promise<string> {
    const { server } = this.#options;
    if (this.#registrar) return this.#registrar.resolve(endpointOf(server), { signal });
    throw new ChannelError('address', this.id, 'it has no address');
  }

  #participant(): CheckpointParticipant {
    const { priority = DEFAULT_PRIORITY, deadline } = this.#options;
    const conversation = this.#conversation;
    return {
      name: `channel ${this.id}`,
      priority,
      ...(deadline !== undefined && { deadline }),
      stop: async (context) => {
        await this.#settled();
        return drainAll(context, [conversation]);
      },
      checkpoint: async ({ directory }) => {
        await this.#dialer.stop();
        await conversation.detach();
        await saveChannels(directory, new Map([[this.id, conversation.save()]]));
        this.#saved = true;
      },
      resumeCp: () => {
        this.#saved = false;
        conversation.go();
        if (conversation.wantsLink) this.#dialer.start();
      },
      rebuild: async (context) => {
        await this.#rebuild(context);
      },
      resumeRst: async (context) => {
        this.#saved = false;
        // Everybody has rebuilt: the server has published where it is now.
        if (this.#options.outside !== true) this.#address = undefined;
        conversation.go();
        if (!conversation.wantsLink) return;
        this.#dialer.start();
        await conversation.connection(context.signal);
      },
    };
  }

  async #rebuild({ directory, incarnation }: RebuildContext): Promise<void> {
    const conversation = this.#conversation;
    // Memory that was restored with the process is the state; a new process has only the file.
    if (!this.#saved) {
      const saved = (await loadChannels(directory, this.id)).get(this.id);
      if (!saved) throw new ChannelError('history', this.id, `it is not in the checkpoint ${directory}`);
      conversation.restore(saved);
    }
    conversation.incarnation = incarnation;
  }
}
