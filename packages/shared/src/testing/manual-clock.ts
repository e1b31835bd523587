import { setImmediate as nextMacrotask } from 'node:timers/promises';
import type { Clock } from '../lifecycle/clock.ts';

export interface ManualClockOptions {
  /** Wall time at the start, ms since the epoch. Default 2026-01-01T00:00:00Z. */
  readonly now?: number;
  /** Monotonic time at the start, ms. Not zero by default, so that code which mixes the two clocks is found out. */
  readonly monotonic?: number;
}

interface ManualTimer {
  readonly dueAt: number;
  readonly fn: () => void;
}

/** A clock that stands still until a test moves it. Timers with the same due time run in the order they were set. */
export class ManualClock implements Clock {
  #wall: number;
  #monotonic: number;
  readonly #timers = new Set<ManualTimer>();

  constructor(options: ManualClockOptions = {}) {
    this.#wall = options.now ?? Date.UTC(2026, 0, 1);
    this.#monotonic = options.monotonic ?? 1_000;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  setTimeout(fn: () => void, ms: number): { cancel(): void } {
    const timer: ManualTimer = { dueAt: this.#monotonic + Math.max(0, ms), fn };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Timers set and neither run nor cancelled: what would still happen if time went on. */
  get pendingTimers(): number {
    return this.#timers.size;
  }

  /**
   * Moves both clocks by `ms` and runs the timers that come due, each at its own time, with all promise callbacks
   * settled before, between and after them. Timers that these set run too, if they come due in the same span.
   * What a timer throws is thrown here.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`time does not run backwards: ${ms} ms`);
    const end = this.#monotonic + ms;
    await nextMacrotask();
    for (let timer = this.#nextDue(end); timer !== undefined; timer = this.#nextDue(end)) {
      this.#moveTo(timer.dueAt);
      this.#timers.delete(timer);
      timer.fn();
      await nextMacrotask();
    }
    this.#moveTo(end);
  }

  /** Sets the wall clock alone, as an NTP step or an operator does. Timers and monotonic time do not notice. */
  setWallTime(now: number): void {
    this.#wall = now;
  }

  #nextDue(end: number): ManualTimer | undefined {
    let next: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueAt <= end && (next === undefined || timer.dueAt < next.dueAt)) next = timer;
    }
    return next;
  }

  #moveTo(monotonic: number): void {
    this.#wall += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}
