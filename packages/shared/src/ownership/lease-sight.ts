import type { Clock } from '../lifecycle/index.ts';
import type { Departure, Revisioned } from '../nats/index.ts';
import type { Acquisition } from './effects.ts';
import type { Membership } from './membership.ts';
import type { LeaseRecord } from './ownership.ts';
import type { OwnershipTiming } from './timing.ts';

export interface LeaseSightOptions {
  partition: number;
  nonce: string;
  timing: Pick<OwnershipTiming, 'ttlMs' | 'graceMs'>;
  clock: Pick<Clock, 'monotonic'>;
  membership: Pick<Membership, 'isSettled' | 'shouldOwn' | 'isLive'>;
}

/** What was last seen of a partition's lease in the bucket, whoever holds it, and when it may be claimed by that. */
export class LeaseSight {
  readonly #options: LeaseSightOptions;
  #seen: { record: LeaseRecord; revision: number; at: number } | undefined;
  #gone: { by: LeaseRecord; how: Departure; at: number; lastSeenAt: number } | undefined;

  constructor(options: LeaseSightOptions) {
    this.#options = options;
  }

  /** Revision of the lease that is there, as far as is known; undefined: none. */
  get revision(): number | undefined {
    return this.#seen?.revision;
  }

  get isOurs(): boolean {
    return this.#seen?.record.nonce === this.#options.nonce;
  }

  seen({ value: record, revision }: Revisioned<LeaseRecord>): void {
    this.#seen = { record, revision, at: this.#options.clock.monotonic() };
    // Ours may be seen before its creation is answered; who had it before is asked only then.
    if (!this.isOurs) this.#gone = undefined;
  }

  /** Returns whether one had been there. */
  gone(how: Departure): boolean {
    const before = this.#seen;
    if (!before) return false;
    this.#seen = undefined;
    const at = this.#options.clock.monotonic();
    this.#gone = { by: before.record, how, at, lastSeenAt: before.at };
    return true;
  }

  /** When a partition that is not held here may be claimed, monotonic ms. */
  claimableAt(): number {
    const { membership, timing, partition } = this.#options;
    // After a creation whose outcome was unknown: ours already, but to be renewed before use.
    if (this.isOurs) return Number.NEGATIVE_INFINITY;
    if (!membership.isSettled || !membership.shouldOwn(partition)) return Number.POSITIVE_INFINITY;
    // Silent for longer than a lease lives: what was seen last was old news, or its end was never announced.
    if (this.#seen) return this.#seen.at + 1.5 * timing.ttlMs;
    const gone = this.#gone;
    if (!gone || gone.how === 'deleted' || !membership.isLive(gone.by.instance, gone.by.nonce)) {
      return Number.NEGATIVE_INFINITY;
    }
    return gone.at + timing.graceMs;
  }

  /** What had become of the owner before, if the partition was not ours. */
  acquisition(): Acquisition {
    const gone = this.#gone;
    if (!gone || gone.by.nonce === this.#options.nonce) return { after: 'free', gapMs: undefined };
    const gapMs = this.#options.clock.monotonic() - gone.lastSeenAt;
    return { after: gone.how === 'deleted' ? 'handover' : 'expiry', gapMs };
  }
}
