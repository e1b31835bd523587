import type { LaneItem } from './lane-item.ts';

export interface SettledCounters {
  /** Every message up to here is settled. */
  settled: number;
  /** Lost to limits. */
  lost: number;
  /** Settled without being delivered: dead letters. */
  aside: number;
}

/** How far a gateway's messages are settled, and how many of them were not delivered. */
export class Settlement {
  readonly #counters: SettledCounters;
  /** Nothing is sent until a decision to lose messages, up to this counter, is recorded. */
  #lossBarrier = 0;

  constructor({ settled, lost, aside }: SettledCounters) {
    this.#counters = { settled, lost, aside };
  }

  get settled(): number {
    return this.#counters.settled;
  }

  get lost(): number {
    return this.#counters.lost;
  }

  get aside(): number {
    return this.#counters.aside;
  }

  /** The next message, or gap, needs nothing more. What was set aside counts now: before, it may be set aside again. */
  settle(item: LaneItem): void {
    if (item.lost && !item.isPoison) {
      this.#counters.lost += item.last - item.counter + 1;
      this.#lossBarrier = item.last;
    } else if (item.lost || item.state === 'aside') this.#counters.aside += 1;
    this.#counters.settled = item.last;
  }

  /** Whether a loss was decided that the durable record must hold before anything more is sent. */
  waitsForRecord(recorded: number): boolean {
    return this.#lossBarrier > recorded;
  }
}
