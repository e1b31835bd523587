import { ManualClock } from '@gatecast/shared/testing';
import { beforeEach, expect, test } from 'vitest';
import { SharedTicks } from '../../../src/adapters/mqtt/shared-ticks.ts';

let clock: ManualClock;
let ticks: SharedTicks;

beforeEach(() => {
  clock = new ManualClock({ monotonic: 1_137 });
  ticks = new SharedTicks(clock);
});

test('an interval comes as often as asked for, at most a quarter of a second early, never late', async () => {
  const began = clock.monotonic();
  const fired: number[] = [];
  ticks.set(() => void fired.push(clock.monotonic() - began), 30_000);
  await clock.advance(91_000);
  expect(fired).toHaveLength(3);
  for (const [index, at] of fired.entries()) {
    const due = (index + 1) * 30_000;
    expect(at).toBeGreaterThan(due - 250);
    expect(at).toBeLessThanOrEqual(due);
  }
});

test('a thousand sessions have one timer, and none when they are gone', async () => {
  const ids = Array.from({ length: 1_000 }, (_, index) => ticks.set(() => {}, 2_500 + index));
  expect(clock.pendingTimers).toBe(1);
  for (const id of ids) ticks.clear(id);
  await clock.advance(250);
  expect(clock.pendingTimers).toBe(0);
  let fired = 0;
  ticks.set(() => (fired += 1), 1_000);
  await clock.advance(1_000);
  expect(fired).toBe(1);
});

test('one that is cleared never comes, even if cleared by another of the same tick', async () => {
  const fired: string[] = [];
  const second = { id: 0 };
  ticks.set(() => {
    fired.push('first');
    ticks.clear(second.id);
  }, 1_000);
  second.id = ticks.set(() => void fired.push('second'), 1_000);
  await clock.advance(1_000);
  expect(fired).toEqual(['first']);
});

test('after the process stood still it comes once, and goes on from there', async () => {
  const still = new StandingClock();
  const later = new SharedTicks(still);
  let fired = 0;
  later.set(() => (fired += 1), 1_000);
  still.standFor(10_000);
  expect(fired).toBe(1);
  still.standFor(750);
  expect(fired).toBe(1);
  still.standFor(250);
  expect(fired).toBe(2);
});

/** Time that goes on while no timer runs, as for a process that is stopped. */
class StandingClock extends ManualClock {
  #at = 1_137;
  #fn: (() => void) | undefined;

  override monotonic(): number {
    return this.#at;
  }

  override setTimeout(fn: () => void): { cancel(): void } {
    this.#fn = fn;
    return { cancel: () => {} };
  }

  standFor(ms: number): void {
    this.#at += ms;
    this.#fn?.();
  }
}
