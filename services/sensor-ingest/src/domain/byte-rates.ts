import type { Clock } from '@gatecast/shared/lifecycle';
import { LRUCache } from 'lru-cache';
import { TokenBucket, type TokenBucketOptions } from './token-bucket.ts';

export interface ByteRateOptions {
  /** What one gateway may send in a minute, and at once after a pause, bytes. */
  bytesPerMinute: number;
  /** Gateways that are remembered. The longest silent one is forgotten first, which grants it a new minute. */
  maxGateways: number;
}

/** How many bytes each gateway has sent lately. */
export class ByteRates {
  readonly #bucket: TokenBucketOptions;
  readonly #byGateway: LRUCache<string, TokenBucket>;
  readonly #clock: Clock;

  constructor({ bytesPerMinute, maxGateways }: ByteRateOptions, clock: Clock) {
    this.#bucket = { capacity: bytesPerMinute, perSecond: bytesPerMinute / 60 };
    this.#byGateway = new LRUCache({ max: maxGateways });
    this.#clock = clock;
  }

  /** Time until the gateway may send again, ms; 0: now. */
  msToWait(gatewayId: string): number {
    return this.#byGateway.get(gatewayId)?.msUntilPositive(this.#clock.monotonic()) ?? 0;
  }

  /** Counts a body that was taken in. It may exceed what was left: the next one waits for longer then. */
  charge(gatewayId: string, bytes: number): void {
    const now = this.#clock.monotonic();
    let bucket = this.#byGateway.get(gatewayId);
    if (!bucket) {
      bucket = new TokenBucket(this.#bucket, now);
      this.#byGateway.set(gatewayId, bucket);
    }
    bucket.charge(bytes, now);
  }
}
