import {
  batchHeaders,
  lastMessageOf,
  type Nats,
  outboxStreamOf,
  publishToStream,
  readBatchHeaders,
  subjects,
} from '@gatecast/shared/nats';
import { encodeBatch } from '@gatecast/shared/outbox';
import type { BatchTrace, OutboxLine, OutboxPort } from '../../application/ports.ts';
import type { Emission, Tail } from '../../domain/chain.ts';

/** Our headers take some 250 bytes, `tracestate` up to 512. */
const HEADER_BYTES = 2_048;
/** Until the server has said its own. */
const DEFAULT_MAX_PAYLOAD = 1024 * 1024;

/** The fleets' outboxes in JetStream. */
export class NatsOutbox implements OutboxPort {
  readonly #nats: Nats;

  constructor(nats: Nats) {
    this.#nats = nats;
  }

  get maxMessageBytes(): number {
    return (this.#nats.connection.info?.max_payload ?? DEFAULT_MAX_PAYLOAD) - HEADER_BYTES;
  }

  async tail(line: OutboxLine): Promise<Tail | undefined> {
    const message = await lastMessageOf(this.#nats, outboxStreamOf(line.fleet, line.partition), subjectOf(line));
    if (!message) return undefined;
    const { settings: _settings, ...batch } = readBatchHeaders(message.headers);
    return { sequence: message.sequence, ...batch };
  }

  async publish(line: OutboxLine, emission: Emission, settings: number, trace: BatchTrace): Promise<number> {
    const { messages, expectLast, unitsDone: _unitsDone, ...batch } = emission;
    const headers = batchHeaders({ ...batch, settings, count: messages.length });
    trace.inject(headers);
    const body = encodeBatch(messages);
    const { sequence } = await publishToStream(this.#nats, subjectOf(line), body, { headers, expectLast });
    return sequence;
  }
}

function subjectOf({ fleet, partition, gatewayId }: OutboxLine): string {
  return subjects.outbox(fleet, partition, gatewayId);
}
