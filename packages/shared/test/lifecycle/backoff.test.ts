import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullJitter } from '../../src/lifecycle/index.ts';

const OPTIONS = { baseMs: 250, maxMs: 30_000 };

test('the bound doubles with each attempt, up to the maximum', () => {
  const bounds = [1, 2, 3, 7, 8, 9, 1_000].map((attempt) => fullJitter(attempt, OPTIONS, () => 1));
  expect(bounds).toEqual([250, 500, 1_000, 16_000, 30_000, 30_000, 30_000]);
});

test('spreads over the whole of it', () => {
  expect(fullJitter(3, OPTIONS, () => 0)).toBe(1);
  expect(fullJitter(3, OPTIONS, () => 0.5)).toBe(500);
});

test('is always a whole number of milliseconds within the bounds, at least one', () => {
  const options = fc
    .tuple(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 0, max: 1e6 }))
    .map(([baseMs, more]) => ({ baseMs, maxMs: baseMs + more }));
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), options, random, (attempt, bounds, r) => {
      const ms = fullJitter(attempt, bounds, () => r);
      expect(Number.isInteger(ms)).toBe(true);
      expect(ms).toBeGreaterThanOrEqual(1);
      expect(ms).toBeLessThanOrEqual(bounds.maxMs);
    }),
  );
});
