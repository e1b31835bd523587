import type { Clock } from '@gatecast/shared/lifecycle';
import { FairQueue } from '../domain/fair-queue.ts';
import { TokenBucket } from '../domain/token-bucket.ts';

export interface ConnectRates {
  connectsPerSecond: number;
  connectBurst: number;
  connectsPerSecondPerHost: number;
  connectBurstPerHost: number;
}

/** Buckets that are full again say nothing: they are forgotten when there are more than this. */
const MAX_IDLE_BUCKETS = 1_000;

/**
 * Who may begin to connect: so many a second to one broker host, and so many a second altogether. Each host has a queue
 * of its own and the hosts take turns, so that a broker with thousands of sessions does not keep another's waiting. With
 * `n` attempts for one host at once, the last begins after (n − burst) ÷ rate seconds.
 */
export class ConnectTurns {
  readonly #rates: ConnectRates;
  readonly #clock: Clock;
  readonly #queue = new FairQueue<() => void>();
  readonly #process: TokenBucket;
  readonly #hosts = new Map<string, TokenBucket>();
  #timer: { cancel(): void } | undefined;

  constructor(rates: ConnectRates, clock: Clock) {
    this.#rates = rates;
    this.#clock = clock;
    this.#process = new TokenBucket(rates.connectsPerSecond, rates.connectBurst, clock.monotonic());
  }

  /** Attempts that wait for their turn. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Resolves when the turn has come; false when `signal` aborted first, which frees the place and costs no turn.
   * @param host host and port of the broker, as configured
   */
  next(host: string, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const go = () => {
        signal.removeEventListener('abort', giveUp);
        resolve(true);
      };
      const giveUp = () => {
        this.#queue.remove(host, go);
        resolve(false);
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#queue.add(host, go);
      this.#serve();
    });
  }

  #serve(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const now = this.#clock.monotonic();
    while (this.#queue.size > 0 && this.#process.waitMs(now) === 0) {
      const next = this.#queue.next((host) => this.#bucketOf(host).waitMs(now) === 0);
      if (!next) break;
      this.#bucketOf(next.key).take(now);
      this.#process.take(now);
      next.item();
    }
    if (this.#queue.size > 0) this.#timer = this.#clock.setTimeout(() => this.#serve(), this.#waitMs(now));
  }

  #waitMs(now: number): number {
    const processMs = this.#process.waitMs(now);
    if (processMs > 0) return processMs;
    let hostMs = Number.POSITIVE_INFINITY;
    for (const host of this.#queue.keys()) hostMs = Math.min(hostMs, this.#bucketOf(host).waitMs(now));
    return Math.max(1, hostMs);
  }

  #bucketOf(host: string): TokenBucket {
    const known = this.#hosts.get(host);
    if (known) return known;
    const now = this.#clock.monotonic();
    if (this.#hosts.size >= MAX_IDLE_BUCKETS) {
      for (const [name, bucket] of this.#hosts) if (bucket.isFull(now)) this.#hosts.delete(name);
    }
    const { connectsPerSecondPerHost, connectBurstPerHost } = this.#rates;
    const bucket = new TokenBucket(connectsPerSecondPerHost, connectBurstPerHost, now);
    this.#hosts.set(host, bucket);
    return bucket;
  }
}
