import { expect, test } from 'vitest';
import { ByteBudget } from '../../src/domain/byte-budget.ts';

test('reserves up to its limit, and again what was released', () => {
  const budget = new ByteBudget(10);
  expect(budget.tryReserve(6)).toBe(true);
  expect(budget.tryReserve(5)).toBe(false);
  expect(budget.tryReserve(4)).toBe(true);
  expect(budget.used).toBe(10);
  budget.release(6);
  expect(budget.tryReserve(5)).toBe(true);
  expect(budget.used).toBe(9);
});
