import { GatecastError, isGatecastError } from '@gatecast/shared/errors';
import { SharedRequest } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import {
  type BatchHeaders,
  backlogStreamOf,
  batchHeaders,
  gatewayOfSubject,
  lastMessageOf,
  type Nats,
  nextMessageOf,
  publishToStream,
  readBatchHeaders,
  subjects,
  translateNatsError,
} from '@gatecast/shared/nats';
import { AckPolicy, type Consumer, DeliverPolicy, type JsMsg } from '@nats-io/jetstream';
import { nuid } from '@nats-io/nats-core';
import type { BacklogStore, BacklogTail } from '../../application/ports.ts';
import type { Batch } from '../../domain/batch.ts';
import { batchOfMessage } from './batch-of-message.ts';
import type { UnreadableBatches } from './unreadable-batches.ts';

const READ_AHEAD = 64;
const FETCH_MS = 1_000;

/** The waiting rooms of a fleet's gateways: one subject each in the fleet's BACKLOG stream. */
export class NatsBacklogStore implements BacklogStore {
  readonly #nats: Nats;
  readonly #fleet: string;
  readonly #stream: string;
  readonly #log: Logger;
  readonly #unreadable: UnreadableBatches;
  /** Many partitions are taken over at the same moment, and each asks for all. */
  readonly #gateways = new SharedRequest(() => this.#list());

  constructor(nats: Nats, fleet: string, unreadable: UnreadableBatches, log: Logger) {
    this.#nats = nats;
    this.#fleet = fleet;
    this.#stream = backlogStreamOf(fleet);
    this.#log = log;
    this.#unreadable = unreadable;
  }

  async tail(gatewayId: string): Promise<BacklogTail | undefined> {
    const message = await lastMessageOf(this.#nats, this.#stream, subjects.backlog(this.#fleet, gatewayId));
    if (!message) return undefined;
    const { sequence } = message;
    try {
      return tailOf(readBatchHeaders(message.headers), sequence);
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      return await this.#tailBefore(gatewayId, sequence);
    }
  }

  /** A last batch that cannot be read is set aside, and says nothing: the one before it counts. */
  async #tailBefore(gatewayId: string, sequence: number): Promise<BacklogTail> {
    let tail: BacklogTail = { sequence, last: 0, incarnation: '' };
    for await (const batch of this.read(gatewayId, 0, sequence)) tail = tailOf(batch.headers, sequence);
    return tail;
  }

  async forget(gatewayId: string, upTo: number): Promise<boolean> {
    const filter = subjects.backlog(this.#fleet, gatewayId);
    try {
      const { state } = await this.#nats.untilCut(this.#nats.jsm.streams.info(this.#stream));
      if (state.first_seq > upTo) return true;
      // nats-server 2.15.2 loses later messages if its newest go by subject and then the others by sequence (ADR 17).
      const seq = Math.min(upTo + 1, state.last_seq);
      await this.#nats.untilCut(this.#nats.jsm.streams.purge(this.#stream, { filter, seq }));
      return seq > upTo;
    } catch (error) {
      throw translateNatsError(error, `emptying the waiting room of ${gatewayId}`);
    }
  }

  gateways(): Promise<Set<string>> {
    return this.#gateways.get();
  }

  async #list(): Promise<Set<string>> {
    try {
      const info = await this.#nats.jsm.streams.info(this.#stream, {
        subjects_filter: subjects.backlogOfFleet(this.#fleet),
      });
      return new Set(Object.keys(info.state.subjects ?? {}).map(gatewayOfSubject));
    } catch (error) {
      throw translateNatsError(error, `listing the subjects of ${this.#stream}`);
    }
  }

  async append(batch: Batch, expectLast: number): Promise<number> {
    const headers = batchHeaders(batch.headers);
    if (batch.trace) {
      headers.set('traceparent', batch.trace.traceparent);
      if (batch.trace.tracestate) headers.set('tracestate', batch.trace.tracestate);
    }
    const subject = subjects.backlog(this.#fleet, batch.gatewayId);
    const { sequence } = await publishToStream(this.#nats, subject, batch.data, { headers, expectLast });
    return sequence;
  }

  async *read(gatewayId: string, from: number, upTo: number): AsyncGenerator<Batch> {
    // A fetch waits for what may still come: nobody has to, where nothing is.
    if (upTo < Math.max(1, from)) return;
    const consumer = await this.#consumer(gatewayId, from);
    let delivered = 0;
    let next = from;
    try {
      for (;;) {
        const before = delivered;
        const messages = await consumer.fetch({ max_messages: READ_AHEAD, expires: FETCH_MS });
        for await (const message of messages) {
          delivered += 1;
          if (message.info.deliverySequence !== delivered) throw lostOnTheWay(gatewayId);
          if (message.seq > upTo) return await this.#endsBefore(gatewayId, next, upTo);
          next = message.seq + 1;
          const batch = await this.#readable(message);
          if (batch) yield batch;
          if (message.seq === upTo) return;
        }
        // Nothing came although the end was not reached: perhaps the rest was evicted meanwhile.
        if (delivered > before || !(await isExhausted(consumer, delivered, gatewayId))) continue;
        return await this.#endsBefore(gatewayId, next, upTo);
      }
    } catch (error) {
      throw translateNatsError(error, `reading the waiting room of ${gatewayId}`);
    } finally {
      // It vanishes by itself when nobody asks it any more.
      consumer.delete().catch((error) => this.#log.debug({ err: error }, 'could not delete a backlog consumer'));
    }
  }

  /** Asks the leader whether nothing is left: the replica that a consumer is on may not have caught up yet. */
  async #endsBefore(gatewayId: string, from: number, upTo: number): Promise<void> {
    const subject = subjects.backlog(this.#fleet, gatewayId);
    const message = await nextMessageOf(this.#nats, this.#stream, subject, from);
    if (message && message.sequence <= upTo) throw lostOnTheWay(gatewayId);
  }

  /** Undefined: it cannot be read and was set aside; its place in the line shows as a gap. */
  async #readable(message: JsMsg): Promise<Batch | undefined> {
    try {
      return batchOfMessage(message, 'backlog');
    } catch (error) {
      if (!isGatecastError(error)) throw error;
      await this.#unreadable.setAside({ subject: message.subject, sequence: message.seq, data: message.data }, error);
      return undefined;
    }
  }

  async #consumer(gatewayId: string, from: number): Promise<Consumer> {
    try {
      const info = await this.#nats.jsm.consumers.add(this.#stream, {
        // The server lets users create consumers by name and filter.
        name: `publisher-room-${nuid.next()}`,
        filter_subject: subjects.backlog(this.#fleet, gatewayId),
        ack_policy: AckPolicy.None,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: Math.max(1, from),
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: 10_000_000_000,
      });
      return this.#nats.js.consumers.getConsumerFromInfo(info);
    } catch (error) {
      throw translateNatsError(error, `reading the waiting room of ${gatewayId}`);
    }
  }
}

function tailOf({ incarnation, first, count, moves = 0 }: BatchHeaders, sequence: number): BacklogTail {
  return { sequence, last: first + count - 1, incarnation, moves };
}

/** Whether the server has nothing more for the consumer, and all that it sent has come. */
async function isExhausted(consumer: Consumer, delivered: number, gatewayId: string): Promise<boolean> {
  const info = await consumer.info();
  if (info.delivered.consumer_seq !== delivered) throw lostOnTheWay(gatewayId);
  return info.num_pending === 0;
}

/** Without acknowledgements nothing is delivered again, and what is missing must not pass for evicted. */
function lostOnTheWay(gatewayId: string): GatecastError {
  return new GatecastError('NATS_UNAVAILABLE', `messages of the waiting room of ${gatewayId} were lost on the way`, {
    retryable: true,
  });
}
