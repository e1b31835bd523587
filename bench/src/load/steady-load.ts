import { timestamp } from '../measuring/timestamp.ts';
import { requestBody } from './readings.ts';
import { GatewayRequests, type LoadTarget } from './request.ts';

export interface SteadyLoadOptions {
  ingestUrl: string;
  gateways: readonly LoadTarget[];
  /** Between two requests of one gateway. The gateways are spread over it. */
  intervalMs: number;
  /** Readings of one request. Default 1. */
  batch?: number;
}

const CONNECTIONS = 64;
const REPEAT_PAUSE_MS = 100;
/** Readings are told apart by their time, one second for each request: so many requests back from now. */
const HORIZON_SECONDS = 40_000;

/**
 * Gateways that send at a fixed rate, whatever becomes of it. A reading is stamped with the time it was due, not with
 * the time it was sent: a request that had to wait for the one before it shows in the latency. One load for a gateway's
 * lifetime: a second one would repeat readings.
 */
export class SteadyLoad {
  readonly #options: Required<SteadyLoadOptions>;
  readonly #requests: GatewayRequests;
  /** Readings accepted, by gateway. */
  readonly #accepted = new Map<string, number>();
  readonly #startTime = Math.floor(Date.now() / 1000) - HORIZON_SECONDS;
  /** End the pauses that last. */
  readonly #pauses = new Set<() => void>();
  #refused = 0;
  #running = true;
  #done: Promise<unknown> = Promise.resolve();

  private constructor(options: SteadyLoadOptions) {
    this.#options = { batch: 1, ...options };
    this.#requests = new GatewayRequests(options.ingestUrl, CONNECTIONS);
  }

  static start(options: SteadyLoadOptions): SteadyLoad {
    const load = new SteadyLoad(options);
    const began = timestamp();
    const { gateways, intervalMs } = options;
    const sending = gateways.map((gateway, index) =>
      load.#send(gateway, began + (intervalMs * index) / gateways.length),
    );
    load.#done = Promise.all(sending);
    return load;
  }

  get readingsPerSecond(): number {
    const { gateways, batch, intervalMs } = this.#options;
    return (gateways.length * batch * 1000) / intervalMs;
  }

  /** Readings accepted of one gateway. */
  acceptedOf(gatewayId: string): number {
    return this.#accepted.get(gatewayId) ?? 0;
  }

  /** Answers that were not 202, or no answer; the request was sent again. */
  get refused(): number {
    return this.#refused;
  }

  /** Ends after the requests under way. Repeated calls do nothing more. */
  async stop(): Promise<void> {
    this.#running = false;
    for (const end of this.#pauses) end();
    await this.#done;
    this.#requests.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #send(gateway: LoadTarget, firstDue: number): Promise<void> {
    const { intervalMs, batch } = this.#options;
    for (let index = 0; this.#running; index += 1) {
      const sentAt = firstDue + index * intervalMs;
      await this.#pause(sentAt - timestamp());
      if (!this.#running) return;
      const body = requestBody(this.#startTime + index, batch, { sequence: index * batch, sentAt });
      if (!(await this.#untilAccepted(gateway, body))) return;
      this.#accepted.set(gateway.gatewayId, (index + 1) * batch);
    }
  }

  async #untilAccepted(gateway: LoadTarget, body: string): Promise<boolean> {
    while (!(await this.#isAccepted(gateway, body))) {
      this.#refused += 1;
      if (!this.#running) return false;
      await this.#pause(REPEAT_PAUSE_MS);
    }
    return true;
  }

  async #isAccepted(gateway: LoadTarget, body: string): Promise<boolean> {
    try {
      return (await this.#requests.post(gateway, body)) === 202;
    } catch {
      return false; // no answer: whether it was accepted is not known, and the same request again is no repeat
    }
  }

  #pause(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#pauses.add(end);
    });
  }
}
