import { batchHeaders, HEADER, type Nats, publishToStream, subjects } from '@gatecast/shared/nats';
import { encodeBatch, type MqttMessage } from '@gatecast/shared/outbox';
import type { DeadLetters } from '../../application/ports.ts';
import type { Batch } from '../../domain/batch.ts';

export class NatsDeadLetters implements DeadLetters {
  readonly #nats: Nats;
  readonly #fleet: string;

  constructor(nats: Nats, fleet: string) {
    this.#nats = nats;
    this.#fleet = fleet;
  }

  async put(batch: Batch, message: MqttMessage, reason: string): Promise<void> {
    const counter = batch.first + batch.messages.indexOf(message);
    const headers = batchHeaders({ ...batch.headers, first: counter, count: 1 });
    headers.set(HEADER.reason, reason);
    headers.set(HEADER.kind, 'messages');
    // Sent again after a crash, it is the same dead letter.
    headers.set(HEADER.msgId, `${batch.gatewayId}-${batch.headers.incarnation}-${counter}`);
    await publishToStream(this.#nats, subjects.deadletter(this.#fleet, batch.gatewayId), encodeBatch([message]), {
      headers,
    });
  }
}
