import { HEADER, HeaderBlock, type MessageHeaders, type Nats, publishToStream, subjects } from '@gatecast/shared/nats';
import type { DeadLetter, DeadLetterPort } from '../../application/ports.ts';

/** Of NATS itself, and meant for READINGS only. */
const NATS_HEADER = /^nats-/i;

/** DEADLETTER in JetStream. */
export class NatsDeadLetters implements DeadLetterPort {
  readonly #nats: Nats;

  constructor(nats: Nats) {
    this.#nats = nats;
  }

  async setAside({ fleet, source, reason, body }: DeadLetter): Promise<void> {
    const result = copyOf(source.headers);
    result.set(HEADER.reason, reason);
    // An encoder that takes over sets the same aside again; the stream's duplicate window knows it.
    result.set(HEADER.msgId, `readings-${source.sequence}-${reason}`);
    await publishToStream(this.#nats, subjects.deadletter(fleet, source.gatewayId), body, { headers: result });
  }
}

function copyOf(original: MessageHeaders | undefined): HeaderBlock {
  const result = new HeaderBlock();
  for (const name of original?.keys() ?? []) {
    if (!NATS_HEADER.test(name)) result.set(name, original?.get(name) ?? '');
  }
  return result;
}
