import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batch } from '../../src/domain/batch.ts';
import { Outstanding } from '../../src/domain/outstanding.ts';
import { batchOf } from '../support/batches.ts';

const batchAt = (sequence: number, gatewayId = 'gw-1') => batchOf(1, 1, { sequence, gatewayId });

describe('position', () => {
  test('nothing read: the position that it started with', () => {
    expect(new Outstanding(41).position(() => true)).toBe(41);
  });

  test('stops in front of the first batch that is not settled', () => {
    const outstanding = new Outstanding(0);
    const [first, second, third] = [batchAt(3), batchAt(7), batchAt(9)];
    for (const batch of [first, second, third]) outstanding.add(batch);
    expect(outstanding.position((batch) => batch !== second)).toBe(6);
    expect(outstanding.position(() => true)).toBe(9);
  });

  test('moves over what nobody waits for', () => {
    const outstanding = new Outstanding(0);
    outstanding.add(batchAt(1));
    outstanding.skip(5);
    expect(outstanding.position(() => true)).toBe(5);
    expect(outstanding.position(() => false)).toBe(0);
  });

  test('batches of one gateway come in order', () => {
    const outstanding = new Outstanding(0);
    for (const [sequence, gatewayId] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'a'],
    ] as const) {
      outstanding.add(batchAt(sequence, gatewayId));
    }
    expect([...outstanding.of('a')].map((batch) => batch.sequence)).toEqual([1, 3]);
  });
});

describe('any interleaving of reading, skipping, settling and removing', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('add' as const), gap: fc.integer({ min: 1, max: 3 }) }) },
    fc.record({ kind: fc.constant('skip' as const), gap: fc.integer({ min: 1, max: 3 }) }),
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('settle' as const), pick: fc.nat() }) },
    fc.record({ kind: fc.constant('remove' as const), pick: fc.nat() }),
  );

  test('the position never passes an unsettled batch, never moves back, and reaches the end', () => {
    fc.assert(
      fc.property(fc.nat({ max: 100 }), fc.array(step, { maxLength: 80 }), (start, steps) => {
        const outstanding = new Outstanding(start);
        const settled = new Set<Batch>();
        const added: Batch[] = [];
        let last = start;
        let before = start;
        for (const taken of steps) {
          if (taken.kind === 'add') {
            last += taken.gap;
            added.push(batchAt(last));
            outstanding.add(added.at(-1)!);
          } else if (taken.kind === 'skip') {
            last += taken.gap;
            outstanding.skip(last);
          } else if (taken.kind === 'settle') {
            const batch = added[taken.pick % Math.max(1, added.length)];
            if (batch) settled.add(batch);
          } else {
            // Only what is settled, and recorded as such, is removed.
            const batch = [...settled][taken.pick % Math.max(1, settled.size)];
            if (batch) outstanding.remove(batch);
          }
          const position = outstanding.position((batch) => settled.has(batch));
          expect(position).toBeGreaterThanOrEqual(before);
          for (const batch of added) if (!settled.has(batch)) expect(position).toBeLessThan(batch.sequence);
          before = position;
        }
        expect(outstanding.position(() => true)).toBe(last);
        expect(outstanding.readUpTo).toBe(last);
      }),
    );
  });
});
