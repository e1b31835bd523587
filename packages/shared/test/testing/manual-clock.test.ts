import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/testing/manual-clock.ts';

describe('ManualClock', () => {
  it('stands still until it is moved, and moves both clocks', async () => {
    const clock = new ManualClock({ now: 5_000, monotonic: 10 });
    expect([clock.now(), clock.monotonic()]).toEqual([5_000, 10]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([5_250, 260]);
  });

  it('runs timers in the order they come due, each at its own time', async () => {
    const clock = new ManualClock({ monotonic: 0 });
    const ran: string[] = [];
    clock.setTimeout(() => ran.push(`late ${clock.monotonic()}`), 30);
    clock.setTimeout(() => ran.push(`first ${clock.monotonic()}`), 10);
    clock.setTimeout(() => ran.push(`second ${clock.monotonic()}`), 10);
    await clock.advance(29);
    expect(ran).toEqual(['first 10', 'second 10']);
    await clock.advance(1);
    expect(ran).toEqual(['first 10', 'second 10', 'late 30']);
  });

  it('runs timers that timers set, also after promises', async () => {
    const clock = new ManualClock({ monotonic: 0 });
    const ticks: number[] = [];
    const tick = async () => {
      await Promise.resolve();
      await Promise.resolve();
      ticks.push(clock.monotonic());
      clock.setTimeout(() => void tick(), 10);
    };
    void tick();
    await clock.advance(35);
    expect(ticks).toEqual([0, 10, 20, 30]);
    expect(clock.pendingTimers).toBe(1);
  });

  it('forgets a cancelled timer', async () => {
    const clock = new ManualClock();
    let isRun = false;
    const timer = clock.setTimeout(() => {
      isRun = true;
    }, 10);
    timer.cancel();
    expect(clock.pendingTimers).toBe(0);
    await clock.advance(20);
    expect(isRun).toBe(false);
  });

  it('steps the wall clock alone', async () => {
    const clock = new ManualClock({ now: 1_000, monotonic: 0 });
    clock.setWallTime(500);
    expect([clock.now(), clock.monotonic()]).toEqual([500, 0]);
    await clock.advance(10);
    expect([clock.now(), clock.monotonic()]).toEqual([510, 10]);
  });

  it('does not run backwards', async () => {
    const clock = new ManualClock();
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
    await expect(clock.advance(Number.NaN)).rejects.toThrow(RangeError);
  });

  it('throws what a timer throws', async () => {
    const clock = new ManualClock();
    clock.setTimeout(() => {
      throw new Error('from the timer');
    }, 1);
    await expect(clock.advance(1)).rejects.toThrow('from the timer');
  });
});
