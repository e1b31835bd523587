import fc from 'fast-check';
import { expect, it } from 'vitest';
import { median, percentile, spread, summariseLatency } from '../../src/statistics/index.ts';

it('finds medians of odd and even counts', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});

it('finds percentiles by nearest rank', () => {
  const thousand = Array.from({ length: 1000 }, (_, index) => 1000 - index);
  expect(summariseLatency(thousand)).toEqual({ count: 1000, p50: 500, p99: 990, p999: 999, highest: 1000 });
  expect(percentile([7], 0.5)).toBe(7);
  expect(percentile([], 0.5)).toBeNaN();
});

it('has a value that was measured for every percentile, not falling', () => {
  const values = fc.array(fc.double({ noNaN: true }), { minLength: 1 });
  const fraction = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(values, fraction, fraction, (measured, a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      expect(measured).toContain(percentile(measured, low));
      expect(percentile(measured, low)).toBeLessThanOrEqual(percentile(measured, high));
      expect(spread(measured)).toMatchObject({ lowest: percentile(measured, 0), highest: percentile(measured, 1) });
    }),
  );
});
