/**
 * The side of a channel towards the application: it sends and receives, closes, drains and goes on, and need not know whether there
 * is a connection ({@link Exchange}) right now. It knows no sockets and no checkpoints.
 *
 * What holds:
 * - a message is taken or refused within the call of `send`, and whatever was taken is in every checkpoint from then on;
 * - it fails once, with the first reason, and never after it has ended;
 * - while it is stopped the queue grows, and nothing that was queued leaves; only who has stopped it ends that (`Stop.held`).
 */
import type { ChannelDrain } from '../participant.js';
import { agree } from './agreement.js';
import { Changes } from './changes.js';
import { ChannelError } from './channel-error.js';
import type { ChannelLimits } from './channel-options.js';
import type { DirectionCount } from './digest.js';
import type { Received } from './direction.js';
import { Exchange } from './exchange.js';
import { NO_JOB } from './handshake.js';
import type { EndState, Joinable } from './handshake.js';
import type { Link } from './link.js';
import { Memory } from './memory.js';
import { Patience } from './patience.js';
import { Receivers } from './receivers.js';
import { Refusal } from './refusal.js';
import type { SavedConversation } from './state-file.js';
import { Stop } from './stop.js';

export class Conversation implements Joinable {
  readonly id: string;
  readonly end: 'server' | 'client';
  readonly #limits: ChannelLimits;
  readonly #memory = new Memory();
  readonly #outgoing = this.#memory.outgoing;
  readonly #incoming = this.#memory.incoming;
  readonly #exchange: Exchange;
  /** Told when a connection is there, gone, or not wanted any more. */
  onChange: () => void = () => undefined;
  incarnation: number = NO_JOB;

  /** Bytes that may be queued before `send` waits. */
  #room: number;
  #stop: Stop | undefined;
  #failure: ChannelError | undefined;
  /** Closed before there was anybody to close it with. */
  #unused = false;
  #opened = false;
  /** The application knows that it has failed, and has closed it. */
  #released = false;
  readonly #patience: Patience;
  readonly #receivers = new Receivers();
  readonly #changes = new Changes();

  constructor(id: string, end: 'server' | 'client', limits: ChannelLimits) {
    this.id = id;
    this.end = end;
    this.#limits = limits;
    this.#room = limits.queue;
    this.#exchange = new Exchange(this.#memory, limits, {
      arrived: () => {
        this.#deliver();
      },
      changed: () => {
        this.#changed();
      },
      settle: () => {
        this.#settle();
      },
      proven: () => {
        // With an end outside of the job the connection is not wanted any more.
        if (limits.outside) this.onChange();
        this.#changed();
      },
      refused: (refusal) => {
        this.refused(refusal);
      },
      lost: () => {
        this.#lost();
      },
    });
    this.#patience = new Patience(limits.patience, () => {
      const away = `the other end has not been there for ${limits.patience} s`;
      this.fail(this.#error('lost', `${away}; what it has not consumed may be lost`));
    });
  }

  get largest(): number {
    return this.#limits.largest;
  }

  get connected(): boolean {
    return this.#exchange.connected;
  }

  /** Whether the other end was ever there. */
  get met(): boolean {
    return this.#memory.peer !== undefined;
  }

  /** Whether the other end is the one that this one has met. */
  isWith(other: EndState): boolean {
    return this.#memory.peer?.equals(other.instance) === true;
  }

  get stopped(): boolean {
    return this.#stop !== undefined;
  }

  get failure(): ChannelError | undefined {
    return this.#failure;
  }

  /** Both ends have said that nothing follows, and have everything. */
  get ended(): boolean {
    return this.#unused || this.#memory.ended;
  }

  /** Whether a connection is of use. */
  get wantsLink(): boolean {
    if (!this.#opened || this.#failure || this.ended) return false;
    return !(this.#limits.outside && this.#stop?.proven);
  }

  get sent(): DirectionCount {
    return this.#outgoing.sentCount;
  }

  get received(): DirectionCount {
    return this.#incoming.count;
  }

  /** From now on messages are taken. */
  open(): void {
    this.#opened = true;
    if (this.end === 'client') this.#watch();
    this.onChange();
  }

  /** Takes a message; resolves when there is room for more. */
  async send(payload: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (!this.#opened) throw this.#error('state', 'it is not open: await its open() before the first send()');
    if (this.#outgoing.ended || this.#incoming.ended)
      throw this.#error('closed', 'it is closed: nothing can be sent any more');
    const { largest, mostQueued } = this.#limits;
    if (payload.byteLength > largest)
      throw this.#error('size', `a message of ${payload.byteLength} bytes is larger than maxMessage, ${largest}`);
    if (this.#outgoing.queuedWeight + payload.byteLength > mostQueued)
      throw this.#error(
        'full',
        `${this.#outgoing.queuedWeight} bytes wait to be sent; await each send() before the next one`,
      );
    this.#outgoing.take(payload);
    this.#exchange.pump();
    if (this.#outgoing.queuedWeight <= this.#room) return;
    await this.#until(() => this.#outgoing.queuedWeight <= this.#room);
  }

  /** The next message, which counts as consumed when `done` was called with it; undefined after the last one. */
  receive(signal?: AbortSignal): Promise<Received | undefined> {
    const received = this.#receivers.add(signal);
    this.#deliver();
    return received;
  }

  done(message: Received): void {
    this.#incoming.done(message);
    this.#exchange.acknowledgeSoon();
    this.#changed();
  }

  /** Nothing follows. Resolves when both ends have everything. */
  async close(signal?: AbortSignal): Promise<void> {
    if (this.#failure) {
      this.#released = true;
      return;
    }
    if (!this.#outgoing.ended) {
      if (!this.met && this.#outgoing.taken === 0) this.#unused = true;
      else {
        this.#outgoing.take();
        this.#incoming.consumeAll();
      }
      this.#exchange.pump();
      this.#exchange.acknowledgeSoon();
      this.#settle();
      this.#deliver();
    }
    await this.#until(
      () => this.ended,
      signal,
      () => 'the other end has not closed',
    );
  }

  /** Resolves when there is a connection, or none is needed any more. */
  connection(signal?: AbortSignal): Promise<void> {
    return this.#until(
      () => this.connected || this.ended,
      signal,
      () => 'there is no connection to the other end',
    );
  }

  /** Gives the channel up, or tells why it cannot go on. Later reasons are not told. */
  fail(error: ChannelError): void {
    if (this.#failure || this.ended) return;
    this.#failure = error;
    this.#patience.end();
    void this.detach();
    this.#deliver();
    this.#changed();
    this.onChange();
  }

  /** Sends nothing any more; messages are queued. */
  stop(op: number): Stop {
    if (this.#stop) return this.#stop;
    this.#patience.end();
    const stop = new Stop(op, this.sent);
    this.#stop = stop;
    // Who handles a message and waits for room to send its result would hold up the drain, and wait for its end.
    this.#room += this.#outgoing.queuedWeight;
    this.#exchange.stop(stop);
    return stop;
  }

  /** Stops, and resolves when nothing is in flight, with what the agent compares; undefined when there is no other end. */
  async drain(op: number, signal: AbortSignal | undefined): Promise<ChannelDrain | undefined> {
    if (this.#released) return undefined;
    if (this.#failure) throw this.#failure;
    const stop = this.stop(op);
    stop.held ||= op !== 0;
    const missing = (): string | undefined => {
      if (this.#stop !== stop) throw this.#error('state', 'it was resumed before it was drained');
      if (!stop.proven && this.met && !this.ended) return stop.unproven(this.connected);
      return this.#unhandled();
    };
    await this.#until(() => missing() === undefined, signal, missing);
    stop.quiet = true;
    if (!this.met || this.ended) return undefined;
    return stop.report(this.id, this.end, this.#incoming.count, this.#limits.outside);
  }

  /** What this end has not done with what has arrived, for people; undefined when that keeps nobody. */
  #unhandled(): string | undefined {
    const { held, unread } = this.#incoming;
    if (held > 0) return `${held} messages are still being handled`;
    if (this.#limits.unread === 'buffer' || unread === 0) return undefined;
    return `${unread} messages are not read; read on while stopping, or let them be buffered (unread: 'buffer')`;
  }

  /** Goes on after a stop that the application asked for. When a checkpoint has joined it, that goes on at its end. */
  resume(): void {
    if (!this.#stop?.held) this.go();
  }

  /** Goes on. */
  go(): void {
    const stop = this.#stop;
    if (!stop) return;
    this.#stop = undefined;
    this.#room = this.#limits.queue;
    this.#exchange.go();
    if (!this.connected) this.#watch();
    this.#exchange.pump();
    this.#deliver();
    this.#exchange.acknowledgeSoon();
    this.#changed();
    this.onChange();
  }

  save(): SavedConversation {
    return this.#memory.save();
  }

  /** Takes the place of an end that was saved. It is stopped. */
  restore(saved: SavedConversation): void {
    if (this.#opened || this.met)
      throw this.#error(
        'state',
        'it was opened before its state was restored: await checkpointing.ready() before open()',
      );
    this.#memory.restore(saved);
    this.#opened = true;
    this.#stop = undefined;
    this.#room = this.#limits.queue;
    this.stop(0).held = true;
  }

  // For connections.

  state(): EndState {
    const consumed = this.#exchange.rewind();
    return {
      incarnation: this.incarnation,
      instance: this.#memory.instance,
      peer: this.#memory.peer,
      received: this.received,
      consumed,
      window: this.#limits.window,
      largest: this.#limits.largest,
    };
  }

  check(other: EndState): void {
    if (this.#failure || this.#unused) throw new Refusal('closed', 'this end has given up the channel');
    const { end, incarnation } = this;
    agree({ end, incarnation, largest: this.#limits.largest, memory: this.#memory }, other);
  }

  attach(link: Link, other: EndState): void {
    if (this.#failure || this.#unused) {
      link.destroy();
      return;
    }
    this.#patience.end();
    this.#exchange.attach(link, other);
    this.#settle();
    this.#exchange.acknowledgeSoon();
    this.#changed();
    this.onChange();
  }

  /** Lets go of the connection; resolves when it is closed. */
  detach(): Promise<void> {
    return this.#exchange.detach();
  }

  /** This end or the other one does not go on. */
  refused(refusal: Refusal): void {
    if (refusal.again) this.#lost();
    else this.fail(this.#error(refusal.code, refusal.message));
  }

  #lost(): void {
    this.#watch();
    this.#changed();
    this.onChange();
  }

  #deliver(): void {
    while (this.#receivers.waiting && this.#mayDeliver()) {
      const message = this.#incoming.take();
      if (message) this.#receivers.serve(message);
      else if (this.#failure) this.#receivers.fail(this.#failure);
      else if (this.#incoming.ended || this.ended) this.#receivers.serve(undefined);
      else break;
    }
  }

  #mayDeliver(): boolean {
    return !this.#stop || this.#failure !== undefined || (this.#limits.unread === 'veto' && !this.#stop.quiet);
  }

  /** Lets the connection go when both ends have everything. */
  #settle(): void {
    if (!this.ended) return;
    this.#patience.end();
    this.#exchange.finish();
    this.#changed();
    this.onChange();
  }

  #watch(): void {
    const away = this.wantsLink && !this.connected && !this.#stop;
    // A client may take its time before it comes for the first time.
    if (away && (this.end === 'client' || this.met)) this.#patience.start();
  }

  #changed(): void {
    this.#changes.happened();
  }

  /** Resolves as soon as `holds`; rejects when it throws, the channel fails, or the signal is aborted. */
  #until(
    holds: () => boolean,
    signal?: AbortSignal,
    missing: () => string | undefined = () => 'there is no room',
  ): Promise<void> {
    const looks = (): boolean => {
      if (holds()) return true;
      if (this.#failure) throw this.#failure;
      return false;
    };
    return this.#changes.until(looks, {
      signal,
      late: (cause) => this.#error('lost', missing() ?? 'it is late', { cause }),
    });
  }

  #error(code: ChannelError['code'], message: string, options?: ErrorOptions): ChannelError {
    return new ChannelError(code, this.id, message, options);
  }
}
