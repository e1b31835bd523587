import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/domain/token-bucket.ts';

test('gives its capacity at once, then what comes back', () => {
  const bucket = new TokenBucket({ capacity: 3, perSecond: 2 }, 1_000);
  expect([1, 2, 3, 4].map(() => bucket.tryTake(1, 1_000))).toEqual([true, true, true, false]);
  expect(bucket.tryTake(1, 1_499)).toBe(false);
  expect(bucket.tryTake(1, 1_500)).toBe(true);
  expect([1, 2, 3, 4].map(() => bucket.tryTake(1, 60_000))).toEqual([true, true, true, false]);
});

test('a debt is paid off in time', () => {
  const bucket = new TokenBucket({ capacity: 100, perSecond: 10 }, 0);
  expect(bucket.msUntilPositive(0)).toBe(0);
  bucket.charge(150, 0);
  expect(bucket.msUntilPositive(0)).toBe(5_001);
  expect(bucket.msUntilPositive(3_000)).toBe(2_001);
  expect(bucket.msUntilPositive(5_001)).toBe(0);
});

test('waiting for as long as it says is enough', () => {
  const options = fc.record({
    capacity: fc.integer({ min: 1, max: 1e6 }),
    perSecond: fc.integer({ min: 1, max: 1e5 }),
  });
  fc.assert(
    fc.property(options, fc.integer({ min: 0, max: 1e7 }), fc.integer({ min: 0, max: 1e9 }), (opts, cost, now) => {
      const bucket = new TokenBucket(opts, now);
      bucket.charge(cost, now);
      expect(bucket.msUntilPositive(now + bucket.msUntilPositive(now))).toBe(0);
    }),
  );
});
