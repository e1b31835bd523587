import { isGatecastError } from '@gatecast/shared/errors';
import {
  type BatchHeaders,
  lastMessageOf,
  type Nats,
  nextMessageOf,
  outboxStreamOf,
  readBatchHeaders,
  subjects,
} from '@gatecast/shared/nats';
import type { LineReader } from '../../application/ports.ts';
import type { Batch } from '../../domain/batch.ts';
import { batchOf } from './batch-of-message.ts';
import type { UnreadableBatches } from './unreadable-batches.ts';

/** Reads single gateways' subjects of a fleet's outbox, one message after the other: some thousand a second. */
export class NatsLineReader implements LineReader {
  readonly #nats: Nats;
  readonly #fleet: string;
  readonly #unreadable: UnreadableBatches;

  constructor(nats: Nats, fleet: string, unreadable: UnreadableBatches) {
    this.#nats = nats;
    this.#fleet = fleet;
    this.#unreadable = unreadable;
  }

  async end(partition: number, gatewayId: string): Promise<BatchHeaders | undefined> {
    const subject = subjects.outbox(this.#fleet, partition, gatewayId);
    const message = await lastMessageOf(this.#nats, outboxStreamOf(this.#fleet, partition), subject);
    return message && readBatchHeaders(message.headers);
  }

  async *read(partition: number, gatewayId: string, from: number): AsyncGenerator<Batch> {
    const stream = outboxStreamOf(this.#fleet, partition);
    const subject = subjects.outbox(this.#fleet, partition, gatewayId);
    for (let next = from; ; ) {
      const message = await nextMessageOf(this.#nats, stream, subject, next);
      if (!message) return;
      const { sequence, headers, data, time } = message;
      next = sequence + 1;
      try {
        yield batchOf({ subject, sequence, storedAt: time.getTime(), headers, data }, 'outbox');
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        await this.#unreadable.setAside({ subject, sequence, data }, error);
      }
    }
  }
}
