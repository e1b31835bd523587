import type { LeaseRecord } from '@gatecast/shared/ownership';

/** What is known of the owner of a lease. */
export interface OwnerFacts {
  live: boolean;
  /** The present holder, or the last one. */
  instance?: string;
  /** ISO 8601: the last renewal that was seen, also of a lease that is gone. */
  renewedAt?: string;
  /** Every lease of the present holder is of this epoch or a later one; 0 when that is not known. */
  sinceEpoch: number;
}

interface Seen {
  instance: string;
  nonce: string;
  renewedAt: string;
  /** Of the latest renewal. */
  revision: number;
  sinceEpoch: number;
  /** Monotonic time, ms; undefined once the lease was given up or has expired. */
  observedAt: number | undefined;
}

/**
 * Which leases are alive, judged by when their renewals were seen here: no other machine's clock is compared with
 * ours, and a lease whose expiry was never announced (NATS was away) runs out all the same.
 */
export class LeaseLiveness {
  readonly #ttlMs: number;
  readonly #seen = new Map<string, Seen>();

  /** @param ttlMs TTL of a lease, ms */
  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  /** `current` undefined: given up or expired. `monotonic`: now, ms. */
  observe(key: string, current: { value: LeaseRecord; revision: number } | undefined, monotonic: number): void {
    const before = this.#seen.get(key);
    if (!current) {
      if (before) before.observedAt = undefined;
      return;
    }
    const { instance, nonce, renewedAt } = current.value;
    // A process that lost its lease and has it again is the same owner: what it said under the former epoch holds.
    const sinceEpoch = before?.nonce === nonce ? before.sinceEpoch : before ? before.revision + 1 : 0;
    this.#seen.set(key, { instance, nonce, renewedAt, revision: current.revision, sinceEpoch, observedAt: monotonic });
  }

  of(key: string, monotonic: number): OwnerFacts {
    const seen = this.#seen.get(key);
    if (!seen) return { live: false, sinceEpoch: 0 };
    const { instance, renewedAt, sinceEpoch, observedAt } = seen;
    return { live: observedAt !== undefined && monotonic - observedAt < this.#ttlMs, instance, renewedAt, sinceEpoch };
  }
}
