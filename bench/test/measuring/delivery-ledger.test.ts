import { expect, it } from 'vitest';
import { DeliveryLedger } from '../../src/measuring/delivery-ledger.ts';

function ledgerOf(...sequences: number[]): DeliveryLedger {
  const ledger = new DeliveryLedger();
  sequences.forEach((sequence, index) => {
    ledger.arrived({ gatewayId: 'gw', sequence, sentAt: sequence * 10, arrivedAt: index * 10 + 5 });
  });
  return ledger;
}

const integrity = (ledger: DeliveryLedger, accepted: number) => ledger.integrity(new Map([['gw', accepted]]));

it('finds nothing wrong with what comes in order', () => {
  expect(integrity(ledgerOf(0, 1, 2), 3)).toEqual({ lost: 0, reordered: 0, duplicates: 0 });
});

it('counts repeats, also of a gap that was filled late', () => {
  expect(integrity(ledgerOf(0, 1, 1, 0), 2)).toEqual({ lost: 0, reordered: 0, duplicates: 2 });
  expect(integrity(ledgerOf(0, 2, 1, 1), 3)).toEqual({ lost: 0, reordered: 1, duplicates: 1 });
});

it('counts what is missing in between, at the end, and altogether', () => {
  expect(integrity(ledgerOf(0, 2), 3)).toMatchObject({ lost: 1, reordered: 0 });
  expect(integrity(ledgerOf(0), 3)).toMatchObject({ lost: 2 });
  expect(integrity(ledgerOf(), 3)).toMatchObject({ lost: 3 });
});

it('does not count as lost what was accepted while nobody looked', () => {
  expect(integrity(ledgerOf(0, 1, 2), 2)).toMatchObject({ lost: 0 });
});

it('takes latencies of readings that were due in a period, repeats left out', () => {
  const ledger = ledgerOf(0, 1, 1, 2); // arrive at 5, 15, 25, 35; due at 0, 10, 10, 20
  expect(ledger.latencies(['gw', 'unknown'], { from: 10, to: 30 })).toEqual([5, 15]);
  expect(ledger.latencies(['gw'], { from: 0, to: 10 })).toEqual([5]);
});

it('finds the worst gap: one that began before the period, one within, and one that has not ended', () => {
  const ledger = new DeliveryLedger();
  for (const [sequence, arrivedAt] of [100, 180, 200, 260].entries()) {
    ledger.arrived({ gatewayId: 'gw', sequence, sentAt: 0, arrivedAt });
  }
  expect(ledger.worstGap('gw', { from: 170, to: 210 })).toBe(80);
  expect(ledger.worstGap('gw', { from: 190, to: 270 })).toBe(60);
  expect(ledger.worstGap('gw', { from: 190, to: 500 })).toBe(240);
  expect(ledger.worstGap('unknown', { from: 190, to: 500 })).toBe(310);
});
