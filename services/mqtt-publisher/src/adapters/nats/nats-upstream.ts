import { lastMessageOf, type Nats, outboxStreamOf, readingsStreamOf, subjects } from '@gatecast/shared/nats';
import type { Upstream, UpstreamState } from '../../application/ports.ts';
import { Slots } from '../../application/slots.ts';

/** Questions under way at a time: when nothing comes in any more, every gateway is asked about in the same minute. */
const PARALLEL = 8;

const NEVER = new AbortController().signal;

export class NatsUpstream implements Upstream {
  readonly #nats: Nats;
  readonly #fleet: string;
  readonly #slots = new Slots(PARALLEL);

  constructor(nats: Nats, fleet: string) {
    this.#nats = nats;
    this.#fleet = fleet;
  }

  async of(partition: number, gatewayId: string): Promise<UpstreamState> {
    const leave = await this.#slots.enter(String(partition), NEVER);
    try {
      // In the order of the line: what moves on meanwhile is seen at its next place.
      const readings = subjects.readings(partition, gatewayId);
      const accepted = await lastMessageOf(this.#nats, readingsStreamOf(partition), readings);
      const outbox = subjects.outbox(this.#fleet, partition, gatewayId);
      const emitted = await lastMessageOf(this.#nats, outboxStreamOf(this.#fleet, partition), outbox);
      return { acceptedAt: accepted?.time.getTime(), outboxSequence: emitted?.sequence ?? 0 };
    } finally {
      leave?.();
    }
  }
}
