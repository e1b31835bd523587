import { JetStreamApiError } from '@nats-io/jetstream';
import {
  createInbox,
  errors,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type Subscription,
} from '@nats-io/nats-core';
import { GatecastError } from '../errors/index.ts';
import { type Clock, systemClock } from '../lifecycle/index.ts';
import type { MessageHeaders } from './header-block.ts';

export interface PublishResult {
  sequence: number;
  /** The server had a message with this `Nats-Msg-Id` within the stream's window. */
  duplicate: boolean;
}

interface Publish {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MessageHeaders;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
}

type Waiting = Pick<Publish, 'subject' | 'resolve' | 'reject'> & {
  /** Monotonic time, ms. */
  readonly deadline: number;
};

/** What a stream answers to a publish (NATS ADR-1). */
interface PubAck {
  seq: number;
  duplicate?: boolean;
  error?: { code: number; err_code: number; description: string };
}

const NO_RESPONDERS = 503;

/**
 * Publishes to streams. The client library does the same by a request each, with a timer, five promises and, for every
 * one that succeeds, an error that nobody sees: half of what a publish costs. Here all share one inbox, whose last token
 * numbers the publish, and one timer; and what is published in one turn of the event loop goes out at its end, in one
 * write to the socket, where each on its own would cost a system call.
 */
export class StreamPublisher {
  readonly #connection: NatsConnection;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #inbox: string;
  /** To be sent at the end of this turn. */
  #queued: Publish[] = [];
  /** In the order of their deadlines, by number. */
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #subscription: Subscription | undefined;
  #timer: { cancel(): void } | undefined;

  constructor(
    connection: NatsConnection,
    timeoutMs: number,
    { inboxPrefix, clock = systemClock }: { inboxPrefix: string; clock?: Clock },
  ) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#inbox = `${createInbox(inboxPrefix)}.`;
  }

  /** Resolves once the stream has answered. Rejects with what `translateNatsError` knows. */
  publish(subject: string, data: Uint8Array, headers: MessageHeaders): Promise<PublishResult> {
    return new Promise((resolve, reject) => {
      if (this.#queued.push({ subject, data, headers, resolve, reject }) === 1) setImmediate(() => this.#sendQueued());
    });
  }

  /** The connection was cut, or is back: what was asked before gets no answer. */
  cut(): void {
    this.#rejectAll(() => true, new GatecastError('OUTCOME_UNKNOWN', 'the connection to NATS was cut', RETRYABLE));
  }

  /** The server has refused something. */
  refused(error: Error): void {
    if (!(error instanceof errors.PermissionViolationError) || error.operation !== 'publish') return;
    this.#rejectAll(({ subject }) => subject === error.subject, error);
  }

  #sendQueued(): void {
    const queued = this.#queued;
    this.#queued = [];
    for (const publish of queued) {
      try {
        this.#subscribe();
        this.#send(publish);
      } catch (error) {
        publish.reject(error);
      }
    }
  }

  #send({ subject, data, headers, resolve, reject }: Publish): void {
    const number = this.#last + 1;
    // The library sends what `encode` returns, and asks headers for nothing else.
    const options = { headers: headers as MsgHdrs, reply: this.#inbox + number };
    this.#connection.publish(subject, data, options);
    this.#last = number;
    this.#waiting.set(number, { subject, deadline: this.#clock.monotonic() + this.#timeoutMs, resolve, reject });
    this.#timer ??= this.#clock.setTimeout(() => this.#expire(), this.#timeoutMs);
  }

  #subscribe(): void {
    this.#subscription ??= this.#connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (!error) return this.#answered(message);
        this.#subscription = undefined; // the library has ended it; the next publish tries again
        this.#rejectAll(() => true, error);
      },
    });
  }

  #answered(message: Msg): void {
    const number = Number(message.subject.slice(this.#inbox.length));
    const waiting = this.#waiting.get(number);
    if (!waiting) return;
    this.#waiting.delete(number);
    try {
      waiting.resolve(resultOf(message, waiting.subject));
    } catch (error) {
      waiting.reject(error);
    }
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    for (const [number, waiting] of this.#waiting) {
      if (waiting.deadline > now) {
        this.#timer = this.#clock.setTimeout(() => this.#expire(), waiting.deadline - now);
        return;
      }
      this.#waiting.delete(number);
      waiting.reject(new errors.TimeoutError());
    }
  }

  #rejectAll(concerned: (waiting: Waiting) => boolean, error: unknown): void {
    for (const [number, waiting] of this.#waiting) {
      if (!concerned(waiting)) continue;
      this.#waiting.delete(number);
      waiting.reject(error);
    }
  }
}

const RETRYABLE = { retryable: true };

function resultOf(message: Msg, subject: string): PublishResult {
  if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS) throw new errors.NoRespondersError(subject);
  const { error, seq, duplicate = false } = message.json<PubAck>();
  if (error) throw new JetStreamApiError(error);
  return { sequence: seq, duplicate };
}
