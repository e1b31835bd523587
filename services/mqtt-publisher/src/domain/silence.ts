import type { GatewayCheckpoint } from '@gatecast/shared/model';

/**
 * - `present`: readings come, or none is overdue.
 * - `unsure`: they are overdue, but some may wait before us.
 * - `silent`: none has come for too long, and none waits.
 */
export type Presence = 'present' | 'unsure' | 'silent';

/**
 * A successor whose clock is behind by this much does not call a silent gateway present again, ms. That the clocks of
 * hosts agree within it is asked of the operator.
 */
const CLOCK_TOLERANCE_MS = 10_000;

/** Whether one gateway has fallen silent. Pure: all times are given, ms since the epoch. */
export class Silence {
  #afterMs: number;
  /** When the last batch with readings was stored; undefined before the first. */
  #lastReadingAt: number | undefined;
  /** From when on silence is counted while there is none. */
  readonly #registeredAt: number;
  /** Another reason to count from then: something of it was accepted, or it was switched on. */
  #alsoFrom = 0;
  #isSilent = false;
  /** What a former owner found out: it holds unless something newer is found. */
  #wasSilent: boolean;

  /** @param afterMs how long a gateway may be without readings; 0: for ever */
  constructor(afterMs: number, registeredAt: number, { a, q }: Pick<GatewayCheckpoint, 'a' | 'q'> = {}) {
    this.#afterMs = afterMs;
    this.#registeredAt = registeredAt;
    this.#lastReadingAt = a;
    this.#wasSilent = q === 1;
  }

  /** The time of the last reading, or of the registration. */
  get since(): number {
    return this.#lastReadingAt ?? this.#registeredAt;
  }

  /** When readings are overdue unless some come; undefined: never. */
  get overdueAt(): number | undefined {
    if (this.#afterMs === 0) return undefined;
    // Once it was silent, only readings count: what was accepted may be metadata.
    if (this.#wasSilent) return this.since + this.#afterMs - CLOCK_TOLERANCE_MS;
    return Math.max(this.since, this.#alsoFrom) + this.#afterMs;
  }

  presence(now: number): Presence {
    if (this.#isSilent) return 'silent';
    const { overdueAt } = this;
    return overdueAt === undefined || now < overdueAt ? 'present' : 'unsure';
  }

  /** A batch with readings has come that was stored at `at`. */
  heard(at: number, now: number): void {
    if (this.#lastReadingAt !== undefined && at <= this.#lastReadingAt) return;
    this.#lastReadingAt = at;
    // What waited for us while we were away may be as old as the silence.
    if (this.#afterMs > 0 && at + this.#afterMs <= now) return;
    this.#isSilent = false;
    this.#wasSilent = false;
  }

  /** Something of the gateway was accepted at `at`: silence is not decided before it would be overdue from then, too. */
  defer(at: number): void {
    this.#alsoFrom = Math.max(this.#alsoFrom, at);
  }

  /** Nothing newer waits before us. */
  confirm(now: number): void {
    if (this.presence(now) === 'unsure') this.#isSilent = true;
  }

  /** The settings have changed. */
  allow(afterMs: number, now: number): void {
    // While it was off, readings came and went unseen.
    if (this.#afterMs === 0) this.defer(now);
    this.#afterMs = afterMs;
    const { overdueAt } = this;
    if (overdueAt !== undefined && overdueAt <= now) return;
    this.#isSilent = false;
    this.#wasSilent = false;
  }

  checkpoint(): Pick<GatewayCheckpoint, 'a' | 'q'> {
    return {
      ...(this.#lastReadingAt === undefined ? {} : { a: this.#lastReadingAt }),
      ...(this.#isSilent || this.#wasSilent ? { q: 1 } : {}),
    };
  }
}
