import { expect, it } from 'vitest';
import type { Variant } from './simulation/parameters.ts';
import { runSchedule } from './simulation/run-schedule.ts';

const SCHEDULES = 10_000;

/** First schedule that shows a violation, with what it shows. Replay one: `runSchedule(seed, variant)`. */
function firstViolation(variant: Variant, schedules: number): { seed: number; violations: string[] } | undefined {
  for (let seed = 0; seed < schedules; seed += 1) {
    const violations = runSchedule(seed, variant);
    if (violations.length > 0) return { seed, violations: violations.slice(0, 5) };
  }
  return undefined;
}

it(`holds in ${SCHEDULES} random schedules: one owner at a time, and every partition with its owner in the end`, () => {
  expect(firstViolation('correct', SCHEDULES)).toBeUndefined();
}, 120_000);

it.each([
  'lease ignored',
  'reconnect without re-check',
  'deadline from the answer',
  'creation without compare-and-set',
] as const)('finds out what is broken: %s', (variant) => {
  expect(firstViolation(variant, SCHEDULES)).toBeDefined();
});
