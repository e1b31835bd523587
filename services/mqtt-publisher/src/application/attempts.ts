import { fullJitter } from '@gatecast/shared/lifecycle';
import type { Verdict } from '../domain/classify.ts';
import type { DeliveryLimits } from './context.ts';

/**
 * A session that lasted this long counts as a success for the back-off. Acknowledgements alone do not: two clients with
 * one client id, who end each other's sessions in turn, would otherwise do so without a pause.
 */
const STABLE_AFTER_MS = 10_000;

/**
 * Somebody else uses the client id. Whoever comes back ends the other's session: the slower we are about it, the less of
 * both is lost. The delay is at least this share of the longest one.
 */
const TAKEN_OVER_SHARE = 0.5;

/** Attempts to connect since the last success, or since settings that were not tried before; and how long to wait. */
export class Attempts {
  readonly #limits: Pick<DeliveryLimits, 'backoffBaseMs' | 'backoffMaxMs'>;
  readonly #random: () => number;
  #count = 0;

  constructor(limits: Pick<DeliveryLimits, 'backoffBaseMs' | 'backoffMaxMs'>, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  get count(): number {
    return this.#count;
  }

  /** There was none with the present settings. */
  reset(): void {
    this.#count = 0;
  }

  begin(): void {
    this.#count += 1;
  }

  /** A session has ended that lasted so long, ms. */
  sessionLasted(ms: number): void {
    if (ms > STABLE_AFTER_MS) this.#count = 1;
  }

  /** What made them fail is gone. */
  forgive(): void {
    this.#count = 1;
  }

  /** Time to wait before the next one, ms: with full jitter, as after so many `failures`. */
  waitMs({ reason }: Verdict, failures = this.#count): number {
    const { backoffBaseMs: baseMs, backoffMaxMs: maxMs } = this.#limits;
    if (reason !== 'session_taken_over') return fullJitter(failures, { baseMs, maxMs }, this.#random);
    const leastMs = maxMs * TAKEN_OVER_SHARE;
    return Math.ceil(leastMs + this.#random() * (maxMs - leastMs));
  }
}
