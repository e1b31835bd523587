/** Permissions that come at a steady rate and may be saved up to a bound. Pure: time is given, in monotonic ms. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /** Full at `now`. @param burst most that may be taken at once; at least 1 */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** ms from `now` until one may be taken; 0: now. */
  waitMs(now: number): number {
    const missing = 1 - this.#refill(now);
    return missing <= 0 ? 0 : Math.ceil((missing * 1000) / this.#perSecond);
  }

  /** Takes one if there is one. */
  take(now: number): boolean {
    if (this.waitMs(now) > 0) return false;
    this.#tokens -= 1;
    return true;
  }

  isFull(now: number): boolean {
    return this.#refill(now) >= this.#burst;
  }

  #refill(now: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) * this.#perSecond) / 1000);
    this.#at = now;
    return this.#tokens;
  }
}
