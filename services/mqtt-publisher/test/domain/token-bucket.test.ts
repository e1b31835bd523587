import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TokenBucket } from '../../src/domain/token-bucket.ts';

describe('TokenBucket', () => {
  test('gives its burst at once, then at its rate', () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect([1, 2, 3, 4].map(() => bucket.take(0))).toEqual([true, true, true, false]);
    expect(bucket.waitMs(0)).toBe(100);
    expect(bucket.take(99)).toBe(false);
    expect(bucket.take(100)).toBe(true);
  });

  test('saves up no more than its burst', () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect(bucket.isFull(60_000)).toBe(true);
    const taken = Array.from({ length: 10 }, () => bucket.take(60_000)).filter(Boolean);
    expect(taken).toHaveLength(3);
  });

  test('no span of time sees more than burst + rate × span', () => {
    const rates = fc.record({ perSecond: fc.integer({ min: 1, max: 500 }), burst: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(
        rates,
        fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 200 }),
        ({ perSecond, burst }, steps) => {
          const bucket = new TokenBucket(perSecond, burst, 0);
          const taken: number[] = [];
          let now = 0;
          for (const step of steps) {
            now += step;
            while (bucket.take(now)) taken.push(now);
            expect(bucket.waitMs(now)).toBeGreaterThan(0);
          }
          for (let from = 0; from < taken.length; from += 1) {
            const count = taken.length - from;
            const span = taken.at(-1)! - taken[from]!;
            expect(count).toBeLessThanOrEqual(burst + (perSecond * span) / 1000 + 1e-6);
          }
        },
      ),
    );
  });
});
