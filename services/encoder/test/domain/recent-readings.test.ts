import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecentReadings } from '../../src/domain/recent-readings.ts';

describe('RecentReadings', () => {
  it('knows a reading by sensor and exact time', () => {
    const recent = new RecentReadings(10);
    expect(recent.isRepeat('A', 'S', 1000)).toBe(false);
    expect(recent.isRepeat('A', 'S', 1000)).toBe(true);
    expect(recent.isRepeat('A', 'S', 1001)).toBe(false);
    expect(recent.isRepeat('A', 'T', 1000)).toBe(false);
  });

  it('takes nothing of another registration for a repeat', () => {
    const recent = new RecentReadings(10);
    recent.isRepeat('A', 'S', 1000);
    expect(recent.isRepeat('B', 'S', 1000)).toBe(false);
  });

  it('welcomes late uploads', () => {
    const recent = new RecentReadings(10);
    recent.isRepeat('A', 'S', 5000);
    expect(recent.isRepeat('A', 'S', 1000)).toBe(false);
    expect(recent.isRepeat('A', 'S', 1000)).toBe(true);
  });

  it('forgets sensors that were not heard for longest', () => {
    const recent = new RecentReadings(4);
    for (const sensor of ['S', 'T', 'U']) recent.isRepeat('A', sensor, 1);
    recent.isRepeat('A', 'S', 2);
    recent.isRepeat('A', 'V', 1);
    expect(recent.sensors).toBeLessThanOrEqual(4);
    expect(recent.isRepeat('A', 'S', 1)).toBe(true);
    expect(recent.isRepeat('A', 'T', 1)).toBe(false);
  });

  it('never remembers more sensors than it may, and at least half of that', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 200 }), (sensors) => {
        const recent = new RecentReadings(10);
        const heard: number[] = [];
        for (const sensor of sensors) {
          const isRecent = new Set(heard.slice(heard.lastIndexOf(sensor))).size <= 5 && heard.includes(sensor);
          const isRepeat = recent.isRepeat('A', `${sensor}`, 1);
          if (isRecent) expect(isRepeat).toBe(true);
          expect(recent.sensors).toBeLessThanOrEqual(10);
          heard.push(sensor);
        }
      }),
    );
  });

  it('remembers exactly the last 64 different times, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 400 }), (times) => {
        const recent = new RecentReadings(1);
        const last: number[] = [];
        for (const time of times) {
          expect(recent.isRepeat('A', 'S', time)).toBe(last.includes(time));
          if (!last.includes(time)) last.push(time);
          if (last.length > 64) last.shift();
        }
      }),
    );
  });
});
