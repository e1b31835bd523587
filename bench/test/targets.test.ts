import { expect, it } from 'vitest';
import { judge } from '../src/targets.ts';

it('judges what must not be above, what must not be below, and what must be under a limit', () => {
  expect(judge('cpuOurs', 4)).toEqual({ met: true, ratio: 1 });
  expect(judge('cpuOurs', 5)).toEqual({ met: false, ratio: 1.25 });
  expect(judge('readingsPerSecond', 20_000).met).toBe(true);
  expect(judge('readingsPerSecond', 19_999).met).toBe(false);
  expect(judge('latencyP99', 50).met).toBe(false);
  expect(judge('latencyP99', 49.9).met).toBe(true);
});

it('has no ratio to a target of zero', () => {
  expect(judge('lost', 0)).toEqual({ met: true, ratio: undefined });
  expect(judge('lost', 1).met).toBe(false);
});

it('does not take what could not be measured for met', () => {
  expect(judge('cpuOurs', Number.NaN).met).toBe(false);
  expect(judge('readingsPerSecond', Number.NaN).met).toBe(false);
});
