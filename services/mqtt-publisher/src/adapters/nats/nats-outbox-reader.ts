import { isGatecastError } from '@gatecast/shared/errors';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import { followStream, type Nats, outboxStreamOf, subjects } from '@gatecast/shared/nats';
import type { Lease } from '@gatecast/shared/ownership';
import type { OutboxItem, OutboxReader } from '../../application/ports.ts';
import { batchOfMessage } from './batch-of-message.ts';
import type { UnreadableBatches } from './unreadable-batches.ts';

export interface NatsOutboxReaderOptions {
  fleet: string;
  /** Messages of a partition that the server may send ahead. */
  readAhead: number;
  unreadable: UnreadableBatches;
}

export class NatsOutboxReader implements OutboxReader {
  readonly #nats: Nats;
  readonly #options: NatsOutboxReaderOptions;
  readonly #log: Logger;
  readonly #clock: Clock;

  constructor(nats: Nats, options: NatsOutboxReaderOptions, log: Logger, clock: Clock) {
    this.#nats = nats;
    this.#options = options;
    this.#log = log;
    this.#clock = clock;
  }

  async *read(partition: number, lease: () => Lease, from: number, signal: AbortSignal): AsyncGenerator<OutboxItem> {
    const { fleet, readAhead } = this.#options;
    const options = {
      stream: outboxStreamOf(fleet, partition),
      filter: subjects.outboxOfPartition(fleet, partition),
      namePrefix: `publisher-${partition}-e${lease().epoch}`,
      maxMessages: readAhead,
      mayGoOn: () => lease().confirm(),
    };
    for await (const message of followStream(this.#nats, options, from, signal, this.#log, this.#clock)) {
      try {
        yield { kind: 'batch', batch: batchOfMessage(message, 'outbox') };
      } catch (error) {
        if (!isGatecastError(error)) throw error;
        await this.#options.unreadable.setAside(message, error);
        yield { kind: 'unreadable', sequence: message.seq };
      }
    }
  }
}
