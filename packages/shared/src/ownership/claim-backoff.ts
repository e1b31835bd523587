import type { OwnershipTiming } from './timing.ts';

/**
 * How long a partition is left alone after its lease was given up. A new epoch is higher, and mostly that is all it takes;
 * where it is not, as after a loss of the bucket `leases`, claiming again and again would help nobody.
 */
export class ClaimBackoff {
  readonly #timing: Pick<OwnershipTiming, 'backoffMs' | 'maxBackoffMs'>;
  #nextMs: number;
  #until = Number.NEGATIVE_INFINITY;

  constructor(timing: Pick<OwnershipTiming, 'backoffMs' | 'maxBackoffMs'>) {
    this.#timing = timing;
    this.#nextMs = timing.backoffMs;
  }

  /** Not to be claimed before, monotonic ms. */
  get until(): number {
    return this.#until;
  }

  gaveUp(now: number): void {
    const { backoffMs, maxBackoffMs } = this.#timing;
    // What has held for longer than the longest wait was not in vain.
    if (now - this.#until > maxBackoffMs) this.#nextMs = backoffMs;
    this.#until = now + this.#nextMs;
    this.#nextMs = Math.min(2 * this.#nextMs, maxBackoffMs);
  }
}
