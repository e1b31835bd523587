import type { GatewayClient } from '@gatecast/local-stack';
import type { BrokerMessage } from '@gatecast/shared/testing';

export interface TrafficOptions {
  /** Readings of one request. Default 5. */
  perRequest?: number;
  /** Least time between two requests of one gateway, ms. Default 20. */
  intervalMs?: number;
}

const SENSOR = '3002FA';
/** Readings are told apart, and put in order, by their time: one second each. */
const HORIZON_SECONDS = 20_000;

/** Gateways that send counted readings until told to stop, and send a request again until it is accepted. */
export class Traffic {
  readonly #gateways: readonly GatewayClient[];
  readonly #options: Required<TrafficOptions>;
  readonly #accepted = new Map<string, number[]>();
  readonly #start = Math.floor(Date.now() / 1000) - HORIZON_SECONDS;
  #running = true;
  #refusals = 0;
  #done: Promise<unknown> = Promise.resolve();

  constructor(gateways: readonly GatewayClient[], options: TrafficOptions = {}) {
    this.#gateways = gateways;
    this.#options = { perRequest: 5, intervalMs: 20, ...options };
  }

  start(): this {
    this.#done = Promise.all(this.#gateways.map((gateway) => this.#send(gateway)));
    return this;
  }

  /** Answers that were not 202, or no answer at all. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Readings accepted so far, of all gateways. */
  get acceptedCount(): number {
    return [...this.#accepted.values()].reduce((sum, times) => sum + times.length, 0);
  }

  /** Times of a gateway's accepted readings, in order. */
  accepted(gatewayId: string): number[] {
    return this.#accepted.get(gatewayId) ?? [];
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #send(gateway: GatewayClient): Promise<void> {
    const accepted: number[] = [];
    this.#accepted.set(gateway.gatewayId, accepted);
    const { perRequest, intervalMs } = this.#options;
    for (let next = this.#start; this.#running; next += perRequest) {
      const times = Array.from({ length: perRequest }, (_, index) => next + index);
      const readings = times.map((time) => ({ sensorId: SENSOR, time, values: { co2: '452' } }));
      const began = performance.now();
      while (!(await this.#accept(gateway, readings))) {
        if (!this.#running) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      accepted.push(...times);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, intervalMs - (performance.now() - began))));
    }
  }

  async #accept(gateway: GatewayClient, readings: Parameters<GatewayClient['send']>[0]): Promise<boolean> {
    try {
      const { status } = await gateway.send(readings);
      if (status === 202) return true;
    } catch {
      // No answer: whether it was accepted is not known, and the same request again is no repeat.
    }
    this.#refusals += 1;
    return false;
  }
}

/** Times of a gateway's readings as a broker took them over, in order, repeats included. */
export function readingTimes(messages: readonly BrokerMessage[], gatewayId: string): number[] {
  const topic = `Aranet/${gatewayId}/sensors/${SENSOR}/json/measurements`;
  return messages
    .filter((message) => message.topic === topic)
    .map((message) => Number((JSON.parse(String(message.payload)) as { time: string }).time));
}
