import type { Clock } from '@gatecast/shared/lifecycle';
import { TokenBucket } from '../domain/token-bucket.ts';

/** This share of what is allowed in a second may go out at once: with the rest of the rate no second has too many. */
const BURST_SHARE = 10;

/** Keeps one session's publishes to what the broker's operator allows in a second. */
export class PublishRate {
  readonly #bucket: TokenBucket | undefined;
  readonly #clock: Clock;
  readonly #onAgain: () => void;
  #timer: { cancel(): void } | undefined;

  /**
   * @param perSecond undefined: as many as you like
   * @param onAgain called when one more is allowed, after one was not
   */
  constructor(perSecond: number | undefined, clock: Clock, onAgain: () => void) {
    this.#clock = clock;
    this.#onAgain = onAgain;
    if (!perSecond) return;
    const burst = Math.max(1, Math.floor(perSecond / BURST_SHARE));
    this.#bucket = new TokenBucket(perSecond - burst, burst, clock.monotonic());
  }

  /** Whether one more publish may go out now; it then counts. */
  take(): boolean {
    const now = this.#clock.monotonic();
    if (!this.#bucket || this.#bucket.take(now)) return true;
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(this.#onAgain, this.#bucket.waitMs(now));
    return false;
  }

  close(): void {
    this.#timer?.cancel();
  }
}
