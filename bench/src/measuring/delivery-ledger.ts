import type { Integrity } from '../section.ts';

/** A stamped reading as it came to its broker. Times in ms since the epoch. */
export interface Arrival {
  gatewayId: string;
  sequence: number;
  sentAt: number;
  arrivedAt: number;
}

/** From (inclusive) and to (exclusive), ms since the epoch. */
export interface Period {
  from: number;
  to: number;
}

interface GatewayArrivals {
  /** What comes next if all is well. */
  next: number;
  /** Passed over and not seen since. */
  skipped: Set<number>;
  duplicates: number;
  reordered: number;
  /** Of readings that came for the first time, in the order they came. */
  sentAt: number[];
  arrivedAt: number[];
}

/** Keeps book of stamped readings at the brokers, by gateway: latency, gaps, and whether any is missing. */
export class DeliveryLedger {
  readonly #gateways = new Map<string, GatewayArrivals>();

  arrived({ gatewayId, sequence, sentAt, arrivedAt }: Arrival): void {
    const gateway = this.#of(gatewayId);
    if (sequence < gateway.next && !gateway.skipped.delete(sequence)) {
      gateway.duplicates += 1;
      return;
    }
    if (sequence < gateway.next) gateway.reordered += 1;
    for (let missed = gateway.next; missed < sequence; missed += 1) gateway.skipped.add(missed);
    gateway.next = Math.max(gateway.next, sequence + 1);
    gateway.sentAt.push(sentAt);
    gateway.arrivedAt.push(arrivedAt);
  }

  /** Readings of a gateway that have come, each counted once. */
  countOf(gatewayId: string): number {
    return this.#gateways.get(gatewayId)?.sentAt.length ?? 0;
  }

  duplicatesOf(gatewayId: string): number {
    return this.#gateways.get(gatewayId)?.duplicates ?? 0;
  }

  /** From being due to being at the broker, ms, of readings that were due in the period and have come. */
  latencies(gatewayIds: Iterable<string>, { from, to }: Period): number[] {
    const found: number[] = [];
    for (const gatewayId of gatewayIds) {
      const { sentAt = [], arrivedAt = [] } = this.#gateways.get(gatewayId) ?? {};
      sentAt.forEach((sent, index) => {
        if (sent >= from && sent < to) found.push((arrivedAt[index] ?? Number.NaN) - sent);
      });
    }
    return found;
  }

  /** Longest time without a new reading of the gateway that ended in the period, or had not ended at its end, ms. */
  worstGap(gatewayId: string, { from, to }: Period): number {
    const arrivals = this.#gateways.get(gatewayId)?.arrivedAt ?? [];
    let last = from;
    let worst = 0;
    for (const time of arrivals) {
      if (time >= to) break;
      if (time >= from) worst = Math.max(worst, time - last);
      last = time;
    }
    return Math.max(worst, to - last);
  }

  /** @param accepted how many of each gateway there should be */
  integrity(accepted: ReadonlyMap<string, number>): Integrity {
    const total = { lost: 0, reordered: 0, duplicates: 0 };
    for (const [gatewayId, count] of accepted) {
      const { reordered = 0, duplicates = 0 } = this.#gateways.get(gatewayId) ?? {};
      total.lost += Math.max(0, count - this.countOf(gatewayId));
      total.reordered += reordered;
      total.duplicates += duplicates;
    }
    return total;
  }

  #of(gatewayId: string): GatewayArrivals {
    let gateway = this.#gateways.get(gatewayId);
    if (gateway === undefined) {
      gateway = { next: 0, skipped: new Set(), duplicates: 0, reordered: 0, sentAt: [], arrivedAt: [] };
      this.#gateways.set(gatewayId, gateway);
    }
    return gateway;
  }
}
