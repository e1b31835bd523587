import { GatecastError, isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import { partitionOf } from '@gatecast/shared/model';
import {
  DEADLETTER_STREAM,
  gatewayOfSubject,
  HEADER,
  type Nats,
  publishToStream,
  readReadingsHeaders,
  requeuedHeaders,
  type StoredMessage,
  subjects,
  translateNatsError,
} from '@gatecast/shared/nats';
import { injectTrace } from '@gatecast/shared/telemetry';
import { DeliverPolicy, type JsMsg, type PushConsumer } from '@nats-io/jetstream';
import type { DeadLetterStore, LetterScan } from '../../application/ports.ts';
import type { DeadLetter, LetterHead } from '../../domain/dead-letter.ts';
import { requireConnection } from './require-connection.ts';

const READ_WITHIN_MS = 5_000;
/** The stream is read backwards in windows of sequences, of which each is so many times larger than the one before. */
const FIRST_WINDOW = 1_024;
const WINDOW_GROWTH = 8;
/** Set by the server on messages that are delivered without their body. */
const SIZE_HEADER = 'Nats-Msg-Size';

export interface NatsDeadLettersOptions {
  nats: Nats;
  partitions: number;
  clock: Clock;
}

/** DEADLETTER on the NATS server, and the way back into READINGS. */
export class NatsDeadLetters implements DeadLetterStore {
  readonly #nats: Nats;
  readonly #partitions: number;
  readonly #clock: Clock;

  constructor({ nats, partitions, clock }: NatsDeadLettersOptions) {
    this.#nats = nats;
    this.#partitions = partitions;
    this.#clock = clock;
  }

  async scan(gatewayId: string, { order, beyond }: LetterScan, visit: (head: LetterHead) => boolean): Promise<void> {
    if (order === 'oldest') return this.#forwards(gatewayId, (beyond ?? 0) + 1, Number.POSITIVE_INFINITY, visit);
    const { firstSequence, lastSequence } = await this.#bounds();
    let end = Math.min(lastSequence, (beyond ?? Number.POSITIVE_INFINITY) - 1);
    for (let width = FIRST_WINDOW; end >= firstSequence; width *= WINDOW_GROWTH) {
      const start = Math.max(firstSequence, end - width + 1);
      const heads: LetterHead[] = [];
      await this.#forwards(gatewayId, start, end, (head) => heads.push(head) > 0);
      for (const head of heads.toReversed()) if (!visit(head)) return;
      end = start - 1;
    }
  }

  async get(gatewayId: string, id: number): Promise<DeadLetter | undefined> {
    requireConnection(this.#nats);
    const query = { seq: id, next_by_subj: subjects.deadlettersOf(gatewayId) };
    const found = await this.#do('reading a dead letter', () =>
      this.#nats.jsm.streams.getMessage(DEADLETTER_STREAM, query),
    );
    if (found?.seq !== id || gatewayOfSubject(found.subject) !== gatewayId) return undefined;
    const head = headOf(id, found.time.getTime(), found.header, found.data.byteLength);
    return { ...head, body: found.data };
  }

  async remove(gatewayId: string, id: number): Promise<boolean> {
    requireConnection(this.#nats);
    try {
      return await this.#do('removing a dead letter', () =>
        this.#nats.jsm.streams.deleteMessage(DEADLETTER_STREAM, id, false),
      );
    } catch (error) {
      // The server's answer to a letter that is gone is no different from others.
      if (isGatecastError(error) && (await this.get(gatewayId, id)) === undefined) return false;
      throw error;
    }
  }

  async removeAll(gatewayId: string): Promise<number> {
    requireConnection(this.#nats);
    const filter = subjects.deadlettersOf(gatewayId);
    const purge = () => this.#nats.jsm.streams.purge(DEADLETTER_STREAM, { filter });
    return (await this.#do('removing dead letters', purge)).purged;
  }

  async sendAgain(
    { id, kind, body }: DeadLetter,
    { gatewayId, incarnation }: { gatewayId: string; incarnation: string },
  ) {
    requireConnection(this.#nats);
    if (kind === 'unreadable') throw new TypeError('an unreadable letter cannot be sent');
    const headers = requeuedHeaders(incarnation, kind, id);
    injectTrace(headers);
    const subject = subjects.readings(partitionOf(gatewayId, this.#partitions), gatewayId);
    await publishToStream(this.#nats, subject, body, { headers });
  }

  async #bounds(): Promise<{ firstSequence: number; lastSequence: number }> {
    requireConnection(this.#nats);
    const { state } = await this.#do('reading the state of DEADLETTER', () =>
      this.#nats.jsm.streams.info(DEADLETTER_STREAM),
    );
    return { firstSequence: Math.max(1, state.first_seq), lastSequence: state.last_seq };
  }

  /** Letters from sequence `start` to `end`, without their bodies. */
  async #forwards(gatewayId: string, start: number, end: number, visit: (head: LetterHead) => boolean): Promise<void> {
    requireConnection(this.#nats);
    await this.#do('listing dead letters', async () => {
      const consumer = await this.#nats.js.consumers.getPushConsumer(DEADLETTER_STREAM, {
        filter_subjects: subjects.deadlettersOf(gatewayId),
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: start,
        headers_only: true,
      });
      try {
        if ((await consumer.info(true)).num_pending > 0) await this.#take(consumer, end, visit);
      } finally {
        await consumer.delete();
      }
    });
  }

  async #take(consumer: PushConsumer, end: number, visit: (head: LetterHead) => boolean): Promise<void> {
    let timer: { cancel(): void } | undefined;
    let messages: { stop(): void } | undefined;
    let isDone = false;
    try {
      await new Promise<void>((resolve, reject) => {
        const late = new GatecastError('NATS_UNAVAILABLE', 'dead letters did not arrive in time', { retryable: true });
        const callback = (message: JsMsg) => {
          if (isDone) return;
          timer?.cancel();
          isDone = message.seq > end || !visit(headOfListed(message)) || message.info.pending === 0;
          if (isDone) resolve();
          else timer = this.#clock.setTimeout(() => reject(late), READ_WITHIN_MS);
        };
        timer = this.#clock.setTimeout(() => reject(late), READ_WITHIN_MS);
        consumer.consume({ callback }).then((started) => {
          messages = started;
          if (isDone) started.stop();
        }, reject);
      });
    } finally {
      timer?.cancel();
      messages?.stop();
    }
  }

  async #do<T>(what: string, request: () => Promise<T>): Promise<T> {
    try {
      return await this.#nats.untilCut(request());
    } catch (error) {
      throw translateNatsError(error, what);
    }
  }
}

function headOfListed(message: JsMsg): LetterHead {
  const time = Math.floor(message.info.timestampNanos / 1e6);
  return headOf(message.seq, time, message.headers, Number(message.headers?.get(SIZE_HEADER) ?? 0));
}

function headOf(id: number, time: number, headers: StoredMessage['headers'], bytes: number): LetterHead {
  const reason = headers?.get(HEADER.reason) || 'unknown';
  try {
    const { incarnation, kind } = readReadingsHeaders(headers);
    return { id, time, reason, kind, incarnation, bytes };
  } catch (error) {
    if (!isGatecastError(error)) throw error;
    return { id, time, reason, kind: 'unreadable', incarnation: undefined, bytes };
  }
}
