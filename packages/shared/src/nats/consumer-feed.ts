import { createInbox, type Msg, type Subscription } from '@nats-io/nats-core';
import { MsgImpl } from '@nats-io/nats-core/internal';
import { GatecastError } from '../errors/index.ts';
import type { Clock } from '../lifecycle/index.ts';
import type { Nats } from './connection.ts';
import { HeaderBlock, type MessageHeaders } from './header-block.ts';

/** A message as a stream holds it. */
export interface StreamMessage {
  readonly subject: string;
  readonly sequence: number;
  /** When the server stored it, ms since the epoch. */
  readonly storedAt: number;
  readonly headers: MessageHeaders | undefined;
  readonly data: Uint8Array;
}

export interface Pull {
  /** Most messages that the server may send. */
  readonly messages: number;
  /** Most bytes, as the server counts them: with subjects and headers. Undefined: no limit. */
  readonly bytes: number | undefined;
}

/** How long a pull request waits for messages. */
const EXPIRES_MS = 20_000;
/** Of the server while it has nothing to send. */
const HEARTBEAT_MS = 2_000;
/** So long without a sign: the consumer, or its server, is gone. */
const SILENCE_MS = 2 * HEARTBEAT_MS;
const NANOS_PER_MS = 1e6;

const IDLE_HEARTBEAT = 100;
const REQUEST_TIMEOUT = 408;

/**
 * What one pull consumer that acknowledges nothing delivers (NATS ADR-37, ADR-42), one pull request at a time. Such a
 * consumer delivers nothing twice, so its deliveries are counted, and heartbeats say how many there were: what is
 * missing ends the feed, and another consumer has to read it.
 */
export class ConsumerFeed {
  readonly #connection: Nats['connection'];
  readonly #clock: Clock;
  readonly #next: string;
  /** Followed by the number of the pull request, which the server's own messages about it carry as their subject. */
  readonly #inbox: string;
  readonly #subscription: Subscription;
  #received: StreamMessage[] = [];
  #taken = 0;
  /** Of this consumer, in all. */
  #delivered = 0;
  /** Of the pull request under way: what it may still bring, and what it has brought. Undefined: none is. */
  #pull: { readonly reply: string; left: number; bytesLeft: number; brought: number } | undefined;
  #pulls = 0;
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #heardAt = 0;
  #watch: { cancel(): void } | undefined;

  constructor(
    { connection, inboxPrefix }: Pick<Nats, 'connection' | 'inboxPrefix'>,
    stream: string,
    consumer: string,
    clock: Clock,
  ) {
    this.#connection = connection;
    this.#clock = clock;
    this.#inbox = `${createInbox(inboxPrefix)}.`;
    this.#next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#subscription = connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error) this.fail(error);
        else if (message.subject.startsWith(this.#inbox)) this.#hear(message);
        else this.#take(message);
      },
    });
  }

  /** Whether everything of the last pull request has been taken, and another one may follow. */
  get isDone(): boolean {
    return this.#pull === undefined && this.#taken === this.#received.length;
  }

  pull({ messages, bytes }: Pull): void {
    if (this.#failure) return;
    if (this.#subscription.isClosed()) {
      this.fail(lost('the subscription has ended'));
      return;
    }
    const request = {
      batch: messages,
      ...(bytes === undefined ? {} : { max_bytes: bytes }),
      expires: EXPIRES_MS * NANOS_PER_MS,
      idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS,
    };
    this.#pulls += 1;
    const reply = `${this.#inbox}${this.#pulls}`;
    this.#pull = { reply, left: messages, bytesLeft: bytes ?? Number.POSITIVE_INFINITY, brought: 0 };
    this.#heardAt = this.#clock.monotonic();
    this.#watch ??= this.#clock.setTimeout(() => this.#listen(), SILENCE_MS);
    this.#connection.publish(this.#next, JSON.stringify(request), { reply });
  }

  /**
   * The next message that is here; undefined: none.
   * @throws what has ended the feed; nothing comes after it
   */
  take(): StreamMessage | undefined {
    if (this.#failure) throw this.#failure;
    const message = this.#received[this.#taken];
    if (message === undefined) return undefined;
    this.#taken += 1;
    if (this.#taken === this.#received.length) {
      this.#received = [];
      this.#taken = 0;
    }
    return message;
  }

  /** Resolves when there is a message, an end or a failure. For one caller. */
  async changed(): Promise<void> {
    if (this.#failure || this.#taken < this.#received.length || this.#pull === undefined) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Ends the feed; what is not taken yet is dropped. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#end();
    this.#signal();
  }

  /** Wakes who waits for a change. */
  close(): void {
    this.#end();
    this.#subscription.unsubscribe();
    this.#signal();
  }

  #take(message: Msg): void {
    const pull = this.#pull;
    if (this.#failure || !pull) return;
    const { sequence, delivery, storedAt } = metadataOf(message.reply ?? '');
    if (delivery !== this.#delivered + 1) {
      this.fail(lost(`delivery ${this.#delivered + 1} was lost`));
      return;
    }
    this.#heardAt = this.#clock.monotonic();
    this.#delivered = delivery;
    this.#received.push({
      subject: message.subject,
      sequence,
      storedAt,
      headers: headersOf(message),
      data: message.data,
    });
    pull.left -= 1;
    pull.bytesLeft -= message instanceof MsgImpl ? message.size() : 0;
    pull.brought += 1;
    // That there is more than the bytes allow is said; that they are used up to the last one is not.
    if (pull.left === 0 || pull.bytesLeft === 0) this.#end();
    this.#signal();
  }

  /** A message of the server itself about a pull request; one whose messages have all come may still be told to have ended. */
  #hear({ subject, headers }: Msg): void {
    const pull = this.#pull;
    if (pull?.reply !== subject) return;
    const { code = 0, description = '' } = headers ?? {};
    this.#heardAt = this.#clock.monotonic();
    if (code === IDLE_HEARTBEAT) {
      const delivered = Number(headers?.get('Nats-Last-Consumer') || this.#delivered);
      if (delivered > this.#delivered) this.fail(lost(`deliveries up to ${delivered} were lost`));
    } else if (code === REQUEST_TIMEOUT || pull.brought > 0) {
      // The bytes are used up, for one. If it is anything worse, the next request meets it, and brings nothing.
      this.#end();
      this.#signal();
    } else this.fail(lost(`the server refused a pull request: ${code} ${description}`));
  }

  #listen(): void {
    this.#watch = undefined;
    const silentMs = this.#clock.monotonic() - this.#heardAt;
    if (silentMs >= SILENCE_MS) this.fail(lost('heartbeats were missed'));
    else this.#watch = this.#clock.setTimeout(() => this.#listen(), SILENCE_MS - silentMs);
  }

  /** Of the pull request. */
  #end(): void {
    this.#pull = undefined;
    this.#watch?.cancel();
    this.#watch = undefined;
  }

  #signal(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

function lost(message: string): GatecastError {
  return new GatecastError('NATS_UNAVAILABLE', message, { retryable: true });
}

/** `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<sequence>.<delivery>.<ns>.<pending>[.<token>]` */
function metadataOf(reply: string): { sequence: number; delivery: number; storedAt: number } {
  const tokens = reply.split('.');
  const at = tokens.length === 9 ? 5 : 7;
  const storedAt = Math.floor(Number(tokens[at + 2]) / NANOS_PER_MS);
  return { sequence: Number(tokens[at]), delivery: Number(tokens[at + 1]), storedAt };
}

/** The library parses headers into a map of lists, which costs four times as much as keeping them as text. */
function headersOf(message: Msg): MessageHeaders | undefined {
  if (!(message instanceof MsgImpl)) return message.headers;
  const { _msg, _rdata } = message;
  return _msg.hdr > 0 ? HeaderBlock.parse(_rdata.subarray(0, _msg.hdr)) : undefined;
}
