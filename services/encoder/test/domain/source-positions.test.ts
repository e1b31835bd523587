import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourcePositions } from '../../src/domain/source-positions.ts';

describe('SourcePositions', () => {
  it('never passes a message that is not done, whatever the order in which gateways finish', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.infiniteStream(fc.nat()), (count, random) => {
        const positions = new SourcePositions(10);
        const taken = Array.from({ length: count }, (_, index) => positions.take(11 + 3 * index, index));
        const open = [...taken];
        while (open.length > 0) {
          const [source] = open.splice((random.next().value ?? 0) % open.length, 1);
          if (source) positions.done(source);
          const first = open.toSorted((a, b) => a.sequence - b.sequence)[0];
          const before = taken
            .filter(({ sequence }) => sequence < (first?.sequence ?? Number.POSITIVE_INFINITY))
            .at(-1);
          expect(positions.position).toBe(before?.sequence ?? 10);
          expect(positions.oldest).toBe(first);
          expect(positions.outstanding).toBe(taken.filter(({ sequence }) => sequence > positions.position).length);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('moves an idle partition on, but not past what is taken', () => {
    const positions = new SourcePositions(10);
    expect(positions.passTo(20)).toBe(true);
    expect(positions.position).toBe(20);
    expect(positions.passTo(15)).toBe(false);
    const source = positions.take(25, 0);
    expect(positions.passTo(30)).toBe(true);
    expect(positions.position).toBe(24);
    positions.done(source);
    expect(positions.position).toBe(25);
  });
});
