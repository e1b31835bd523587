import type { GatecastError } from '@gatecast/shared/errors';
import type { Logger } from '@gatecast/shared/logging';
import {
  gatewayOfSubject,
  HEADER,
  type Nats,
  publishToStream,
  type StreamMessage,
  subjects,
} from '@gatecast/shared/nats';
import { headers as natsHeaders } from '@nats-io/nats-core';

/** Sets stored batches aside that are of an unknown schema, or damaged, so that they hold up nothing behind them. */
export class UnreadableBatches {
  readonly #nats: Nats;
  readonly #fleet: string;
  readonly #log: Logger;
  readonly #onSetAside: () => void;

  constructor(nats: Nats, fleet: string, log: Logger, onSetAside: () => void) {
    this.#nats = nats;
    this.#fleet = fleet;
    this.#log = log;
    this.#onSetAside = onSetAside;
  }

  /** Resolves once `message` is in DEADLETTER, with the code of `error` as its reason. @throws {GatecastError} */
  async setAside(
    { subject, sequence, data }: Pick<StreamMessage, 'subject' | 'sequence' | 'data'>,
    error: GatecastError,
  ): Promise<void> {
    this.#log.error({ err: error, subject, sequence }, 'a stored batch cannot be read: set aside');
    const headers = natsHeaders();
    headers.set(HEADER.reason, error.code);
    // Set aside again after a crash, it is the same dead letter.
    headers.set(HEADER.msgId, `unreadable-${subject}-${sequence}`);
    const deadletter = subjects.deadletter(this.#fleet, gatewayOfSubject(subject));
    await publishToStream(this.#nats, deadletter, data, { headers });
    this.#onSetAside();
  }
}
