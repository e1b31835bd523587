export interface TokenBucketOptions {
  /** How much may be taken at once after a pause. */
  capacity: number;
  /** What comes back, per second. */
  perSecond: number;
}

/** A token bucket that may go into debt: what something costs is sometimes known only when it is done. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #level: number;
  #at: number;

  /** @param now monotonic time, ms */
  constructor(options: TokenBucketOptions, now: number) {
    this.#options = options;
    this.#level = options.capacity;
    this.#at = now;
  }

  /** Takes `cost`, whatever is left. */
  charge(cost: number, now: number): void {
    this.#refill(now);
    this.#level -= cost;
  }

  /** Takes `cost` if there is as much. */
  tryTake(cost: number, now: number): boolean {
    this.#refill(now);
    if (this.#level < cost) return false;
    this.#level -= cost;
    return true;
  }

  /** Time until something is left again, ms; 0 when something is. */
  msUntilPositive(now: number): number {
    this.#refill(now);
    return this.#level > 0 ? 0 : Math.floor((-this.#level / this.#options.perSecond) * 1000) + 1;
  }

  #refill(now: number): void {
    const { capacity, perSecond } = this.#options;
    this.#level = Math.min(capacity, this.#level + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
  }
}
