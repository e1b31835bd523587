import type { Delivered } from '../checker/index.ts';

const MEASUREMENTS = /^[^/]+\/([^/]+)\/sensors\/[^/]+\/json\/measurements$/;

/** Readings as the brokers of a run took them over, in the order in which they came. */
export class DeliveryLog {
  readonly #byGateway = new Map<string, { arrivals: Delivered[]; numbers: Set<number> }>();

  /** Takes a message; what is no measurement (birth, will, metadata) is passed over. */
  add(topic: string, payload: string, time: number): void {
    const gatewayId = MEASUREMENTS.exec(topic)?.[1];
    if (gatewayId === undefined) return;
    const n = Number((JSON.parse(payload) as { n: string }).n);
    const { arrivals, numbers } = this.#of(gatewayId);
    arrivals.push({ n, time });
    numbers.add(n);
  }

  arrivals(gatewayId: string): readonly Delivered[] {
    return this.#of(gatewayId).arrivals;
  }

  has(gatewayId: string, n: number): boolean {
    return this.#of(gatewayId).numbers.has(n);
  }

  /** How many different readings of a gateway have come. */
  count(gatewayId: string): number {
    return this.#of(gatewayId).numbers.size;
  }

  #of(gatewayId: string): { arrivals: Delivered[]; numbers: Set<number> } {
    let entry = this.#byGateway.get(gatewayId);
    if (entry === undefined) {
      entry = { arrivals: [], numbers: new Set() };
      this.#byGateway.set(gatewayId, entry);
    }
    return entry;
  }
}
