import { isGatecastError } from '@gatecast/shared/errors';
import { outboxStreamOf, type ReadContext, readStream, subjects } from '@gatecast/shared/nats';
import type { Lease } from '@gatecast/shared/ownership';
import type { OutboxItem, OutboxReader } from '../../application/ports.ts';
import { batchOf } from './batch-of-message.ts';
import type { UnreadableBatches } from './unreadable-batches.ts';

export interface NatsOutboxReaderOptions {
  fleet: string;
  /** Messages of a partition that the server may send ahead. */
  readAhead: number;
  unreadable: UnreadableBatches;
}

export class NatsOutboxReader implements OutboxReader {
  readonly #context: ReadContext;
  readonly #options: NatsOutboxReaderOptions;

  constructor(context: ReadContext, options: NatsOutboxReaderOptions) {
    this.#context = context;
    this.#options = options;
  }

  async *read(partition: number, lease: () => Lease, from: number, signal: AbortSignal): AsyncGenerator<OutboxItem> {
    const { fleet, readAhead, unreadable } = this.#options;
    const reading = {
      stream: outboxStreamOf(fleet, partition),
      filter: subjects.outboxOfPartition(fleet, partition),
      namePrefix: `publisher-${partition}-e${lease().epoch}`,
      maxMessages: readAhead,
      mayGoOn: () => lease().confirm(),
      signal,
    };
    for await (const message of readStream(this.#context, reading, from)) {
      try {
        yield { kind: 'batch', batch: batchOf(message, 'outbox') };
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        const { sequence } = message;
        await unreadable.setAside(message, error);
        yield { kind: 'unreadable', sequence };
      }
    }
  }
}
