import { HEADER, type Nats, publishToStream, subjects } from '@gatecast/shared/nats';
import { headers, type MsgHdrs } from '@nats-io/nats-core';
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

function copyOf(original: MsgHdrs | undefined): MsgHdrs {
  const result = headers();
  for (const name of original?.keys() ?? []) {
    if (NATS_HEADER.test(name)) continue;
    for (const value of original?.values(name) ?? []) result.append(name, value);
  }
  return result;
}
