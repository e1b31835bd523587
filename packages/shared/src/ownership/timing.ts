/** Spans of ownership, ms. All but the TTL follow from it. */
export interface OwnershipTiming {
  /** TTL of the buckets `members` and `leases`. */
  readonly ttlMs: number;
  /** From one round of renewals to the next. */
  readonly renewMs: number;
  /** After a request that failed. */
  readonly retryMs: number;
  /** How long a new member looks who else is there before it claims anything. */
  readonly settleMs: number;
  /** How long others leave an expired lease to its former owner, if that is alive. */
  readonly graceMs: number;
  /** How long membership has to be unchanged before partitions move because of it. */
  readonly stableMs: number;
  /** From one handover for the sake of balance to the next. */
  readonly handoverMs: number;
  /** After a lease was given up because of a later epoch: the first wait, doubled each time … */
  readonly backoffMs: number;
  /** … up to this. */
  readonly maxBackoffMs: number;
}

const LONGEST_SETTLE_MS = 1_000;

export function ownershipTiming(ttlMs: number, handoversPerSecond: number): OwnershipTiming {
  return {
    ttlMs,
    renewMs: ttlMs / 4,
    retryMs: ttlMs / 16,
    settleMs: Math.min(ttlMs / 4, LONGEST_SETTLE_MS),
    graceMs: ttlMs / 4,
    stableMs: ttlMs / 2,
    handoverMs: 1_000 / handoversPerSecond,
    backoffMs: ttlMs / 4,
    maxBackoffMs: 5 * ttlMs,
  };
}
