import type { Duplex } from 'node:stream';

import type { CheckpointParticipant, Endpoints, RebuildContext } from '../participant.js';
import { Arrivals } from './arrivals.js';
import { ChannelEnd } from './channel-end.js';
import { ChannelError } from './channel-error.js';
import { checkName, limitsOf, secretOf } from './channel-options.js';
import type { ChannelEndOptions, ChannelLimits } from './channel-options.js';
import { Conversation } from './conversation.js';
import { drainAll } from './drain.js';
import { admit } from './handshake.js';
import type { EndState, Secret } from './handshake.js';
import { Link } from './link.js';
import { Listener } from './listener.js';
import { DEFAULT_PRIORITY, endpointOf, incarnationOf, isInJob, registrarOf } from './names.js';
import type { Registrar } from './names.js';
import { Refusal } from './refusal.js';
import { loadChannels, saveChannels } from './state-file.js';

export interface ChannelServerOptions extends ChannelEndOptions {
  /** The name of the server: unique in the job, and the same after a restart. */
  readonly name: string;
  /**
   * Where to listen: `unix:/path/of/a/socket` or `tcp:host:port`; with port 0 the system chooses one. Without it the
   * application hands connections over: {@link ChannelServer.admit}.
   */
  readonly address?: string;
  /** The host that clients are told in place of that of `address`, as with `tcp:0.0.0.0:0`. Default the name of this machine, then. */
  readonly advertise?: string;
  /** Who may connect. Default: everybody who can prove to know the secret, or can open the socket. */
  readonly clients?: readonly string[];
}

/** Connections that have not proven themselves, at one time: more are closed at once. */
const MOST_STRANGERS = 128;

interface Entry {
  readonly conversation: Conversation;
  readonly end: ChannelEnd;
}

/** The server's ends of channels, one for each client. */
export class ChannelServer implements AsyncIterable<ChannelEnd>, AsyncDisposable {
  readonly #options: ChannelServerOptions;
  readonly #limits: ChannelLimits;
  readonly #secret: Secret;
  readonly #registrar: Registrar | undefined;
  readonly #registration: { unregister(): Promise<void> } | undefined;
  /** By the names of the clients. */
  readonly #entries = new Map<string, Entry>();
  readonly #strangers = new Set<Duplex>();
  readonly #arrivals = new Arrivals();
  readonly #listener: Listener;
  #incarnation: number | undefined;
  #open = false;
  #closed = false;
  /** It has written its state for a checkpoint, and knows of no outcome. */
  #saved = false;
  /** The operation for which it has stopped. */
  #stopped: number | undefined;

  /**
   * Makes the server and registers it for checkpoints; nobody can connect before {@link listen}.
   * @throws ChannelError for names, addresses and secrets that cannot be.
   */
  constructor(options: ChannelServerOptions) {
    checkName(options.name);
    this.#options = options;
    this.#limits = limitsOf(options);
    this.#secret = secretOf(options, options.name);
    this.#listener = new Listener({ ...options, hasSecret: this.#secret !== undefined }, (socket) => {
      void this.admit(socket);
    });
    this.#registrar = registrarOf(options.checkpointing);
    this.#registration = this.#registrar?.register(this.#participant());
  }

  get name(): string {
    return this.#options.name;
  }

  /** Where clients find it; undefined while it does not listen. */
  get address(): string | undefined {
    return this.#listener.address;
  }

  /**
   * Lets clients connect. In a job with checkpoints: after `await checkpointing.ready()`.
   * @throws ChannelError `address` when it cannot listen there, or it would not be safe to.
   */
  async listen(): Promise<void> {
    if (this.#closed) throw this.#error('closed', 'it is closed');
    this.#incarnation ??= incarnationOf(this.#registrar);
    this.#open = true;
    for (const entry of this.#entries.values()) this.#start(entry.conversation);
    if (!this.#listener.isOpen && this.#stopped === undefined) {
      await this.#listener.open();
      if (this.#registrar && isInJob()) this.#publish(this.#registrar);
    }
  }

  /** The end that talks to this client, whether it has connected already or not. */
  channel(client: string): ChannelEnd {
    checkName(client);
    return (this.#entries.get(client) ?? this.#add(client)).end;
  }

  /** The ends of clients that connect for the first time and were not asked for by {@link channel}; until it is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ChannelEnd, undefined> {
    for (let end; (end = await this.#arrivals.next());) yield end;
    return undefined;
  }

  /** Takes a connection that the application has accepted in a way of its own. Resolves when it has become that of a channel, or was closed. */
  async admit(connection: Duplex): Promise<void> {
    if (!this.#isWanted() || this.#strangers.size >= MOST_STRANGERS) {
      connection.on('error', () => undefined).destroy();
      return;
    }
    this.#strangers.add(connection);
    try {
      await admit(new Link(connection), this.name, this.#secret, (client, other) => this.#find(client, other));
    } catch {
      // The other end was told. Here nobody waits for it: strangers are refused without disturbing anybody.
    } finally {
      this.#strangers.delete(connection);
    }
  }

  /** Closes all channels, as each of them is closed, and listens no more. May be called any number of times. */
  async close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    this.#closed = true;
    this.#arrivals.close();
    try {
      const closings = [...this.#entries.values()].map(({ end }) => end.close(options));
      const failed = (await Promise.allSettled(closings)).find((closing) => closing.status === 'rejected');
      if (failed) throw failed.reason;
    } finally {
      for (const { conversation } of this.#entries.values())
        conversation.fail(
          new ChannelError('closed', conversation.id, 'the server was closed before the other end had everything'),
        );
      await this.#unlisten();
      await this.#registration?.unregister();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #add(client: string): Entry {
    if (this.#closed) throw this.#error('closed', 'it is closed');
    const conversation = new Conversation(`${this.name}/${client}`, 'server', this.#limits);
    const entry: Entry = { conversation, end: new ChannelEnd(conversation) };
    this.#entries.set(client, entry);
    if (this.#stopped !== undefined) conversation.stop(this.#stopped);
    if (this.#open) this.#start(conversation);
    return entry;
  }

  #start(conversation: Conversation): void {
    if (this.#incarnation !== undefined) conversation.incarnation = this.#incarnation;
    conversation.open();
  }

  /** The end for a client that wants to begin. @throws Refusal */
  #find(client: string, other: EndState): Conversation {
    const known = this.#entries.get(client)?.conversation;
    // The name of a channel that is over is free again.
    const free = known === undefined || ((known.ended || known.failure) && !known.isWith(other));
    const { clients } = this.#options;
    if (free && this.#closed) throw new Refusal('closed', 'the server is closed');
    if (free && clients && !clients.includes(client))
      throw new Refusal('name', `no client "${client}" is expected here`);
    // A checkpoint is being made, whose report may have been sent: it must not miss a channel.
    if (this.#stopped !== undefined && (free || !known.met))
      throw new Refusal('later', 'a checkpoint is being made', true);
    if (!free) return known;
    const { conversation, end } = this.#add(client);
    this.#arrivals.announce(end);
    return conversation;
  }

  /** Nobody can connect any more; the channels keep their connections. */
  async #unlisten(): Promise<void> {
    for (const connection of this.#strangers) connection.destroy();
    await this.#listener.close();
  }

  #participant(): CheckpointParticipant {
    const { priority = DEFAULT_PRIORITY, deadline, name } = this.#options;
    return {
      name: `channel server ${name}`,
      priority,
      ...(deadline !== undefined && { deadline }),
      stop: (context) => {
        this.#stopped = context.op;
        return drainAll(context, this.#conversations());
      },
      checkpoint: async ({ directory }) => {
        await this.#unlisten();
        await Promise.all(this.#conversations().map((conversation) => conversation.detach()));
        const going = this.#conversations().filter(({ failure }) => !failure);
        await saveChannels(directory, new Map(going.map((conversation) => [conversation.id, conversation.save()])));
        this.#saved = true;
      },
      resumeCp: async (context) => {
        this.#saved = false;
        this.#go();
        if (!this.#isWanted() || this.#listener.isOpen) return;
        await this.#listener.open();
        if (this.#isWanted()) this.#publish(context);
        else await this.#unlisten(); // closed in the meantime
      },
      rebuild: async (context) => {
        await this.#rebuild(context);
      },
      resumeRst: () => {
        this.#saved = false;
        this.#go();
      },
    };
  }

  async #rebuild(context: RebuildContext): Promise<void> {
    this.#incarnation = context.incarnation;
    // Memory that was restored with the process is the state; a new process has only the file.
    if (!this.#saved) {
      if (this.#open)
        throw this.#error(
          'state',
          'it listened before its state was restored: await checkpointing.ready() before listen()',
        );
      this.#stopped = context.op;
      for (const [id, saved] of await loadChannels(context.directory, this.name)) {
        const client = id.slice(this.name.length + 1);
        const known = this.#entries.get(client);
        const entry = known ?? this.#add(client);
        entry.conversation.restore(saved);
        if (!known) this.#arrivals.announce(entry.end);
      }
      for (const { conversation } of this.#entries.values()) {
        conversation.open();
        conversation.stop(context.op);
      }
      this.#open = true;
    } else {
      // Its old address may belong to another machine.
      this.#listener.moved();
    }
    for (const conversation of this.#conversations()) conversation.incarnation = context.incarnation;
    if (!this.#isWanted()) return;
    await this.#listener.open();
    if (this.address !== undefined) await context.publish(endpointOf(this.name), this.address);
  }

  /** For clients that come later. Nobody waits for it: an agent that is away hears of it when it is back. */
  #publish(endpoints: Endpoints): void {
    const { address } = this;
    if (address !== undefined) endpoints.publish(endpointOf(this.name), address).catch(() => undefined);
  }

  #go(): void {
    this.#stopped = undefined;
    for (const conversation of this.#conversations()) conversation.go();
  }

  /** Whether somebody may come. A server that is being closed still has to hear from the clients that it has. */
  #isWanted(): boolean {
    return this.#open && (!this.#closed || this.#conversations().some(({ wantsLink }) => wantsLink));
  }

  #conversations(): Conversation[] {
    return [...this.#entries.values()].map(({ conversation }) => conversation);
  }

  #error(code: ChannelError['code'], message: string): ChannelError {
    return new ChannelError(code, this.name, message);
  }
}
