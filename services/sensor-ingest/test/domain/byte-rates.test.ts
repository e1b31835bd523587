import { ManualClock } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { ByteRates } from '../../src/domain/byte-rates.ts';

test('lets a gateway send until its minute’s bytes are used up, and each for itself', async () => {
  const clock = new ManualClock();
  const rates = new ByteRates({ bytesPerMinute: 600, maxGateways: 10 }, clock);
  rates.charge('a', 500);
  expect(rates.msToWait('a')).toBe(0);
  rates.charge('a', 500);
  expect(rates.msToWait('a')).toBe(40_001);
  expect(rates.msToWait('b')).toBe(0);
  await clock.advance(40_001);
  expect(rates.msToWait('a')).toBe(0);
});

test('is not moved by a step of the wall clock', () => {
  const clock = new ManualClock();
  const rates = new ByteRates({ bytesPerMinute: 600, maxGateways: 10 }, clock);
  rates.charge('a', 700);
  clock.setWallTime(clock.now() + 3_600_000);
  expect(rates.msToWait('a')).toBe(10_001);
});

test('forgets the longest silent gateway when there are too many', () => {
  const rates = new ByteRates({ bytesPerMinute: 600, maxGateways: 2 }, new ManualClock());
  for (const gateway of ['a', 'b', 'c']) rates.charge(gateway, 1_000);
  expect(rates.msToWait('a')).toBe(0);
  expect(rates.msToWait('b')).toBeGreaterThan(0);
});
