import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BrokerModel, run } from './suspects-world.ts';

type Ending = BrokerModel['sessions'][number]['end'];

const MESSAGES = 30;
const MAX_TICKS = 20_000;
const all = Array.from({ length: MESSAGES }, (_, index) => index + 1);
const window = fc.integer({ min: 1, max: 20 });
const ticksPerPacket = fc.integer({ min: 1, max: 5 });

/** Poison messages, of which no three follow one another. */
const poisons = fc
  .uniqueArray(fc.integer({ min: 1, max: MESSAGES - 1 }), { maxLength: 6 })
  .filter((some) => !some.some((one) => some.includes(one + 1) && some.includes(one + 2)))
  .map((some) => new Set(some));

/** Sessions that live for long enough to take the birth and one message, and end for any reason; the last one lives. */
const restless = (perPacket: number) =>
  fc
    .array(
      fc.record({
        ticks: fc.integer({ min: 2 * perPacket + 2, max: 40 * perPacket }),
        end: fc.constantFrom<Ending[]>('closed', 'unanswered', 'ours', 'process_death'),
      }),
      { maxLength: 60 },
    )
    .map((sessions) => [...sessions, { ticks: Number.POSITIVE_INFINITY, end: 'ours' as const }]);

const world = fc
  .tuple(window, ticksPerPacket)
  .chain(([size, perPacket]) => fc.tuple(fc.constant(size), fc.constant(perPacket), restless(perPacket)));

test('exactly the poison messages are set aside, and all others arrive in order, whatever else ends sessions or this process', () => {
  fc.assert(
    fc.property(world, poisons, ([size, perPacket, sessions], poison) => {
      const broker: BrokerModel = { poison, ticksPerPacket: perPacket, sessions };
      const { delivered, deadLettered } = run(MESSAGES, size, broker, MAX_TICKS);
      expect(deadLettered.toSorted((a, b) => a - b)).toEqual([...poison].sort((a, b) => a - b));
      expect(delivered).toEqual(all.filter((counter) => !poison.has(counter)));
    }),
    { numRuns: 1_000 },
  );
});

test('a broker that ends every session after the same time has nothing dead-lettered, be it fast or slow', () => {
  fc.assert(
    fc.property(window, ticksPerPacket, fc.integer({ min: 1, max: 60 }), (size, perPacket, lifetime) => {
      const sessions = [{ ticks: lifetime, end: 'closed' as const }];
      const broker: BrokerModel = { poison: new Set(), ticksPerPacket: perPacket, sessions };
      const { delivered, deadLettered } = run(MESSAGES, size, broker, 1_500);
      expect(deadLettered).toEqual([]);
      expect(delivered).toEqual(all.slice(0, delivered.length));
    }),
    { numRuns: 500 },
  );
});

test('a broker that closes at every message has none dead-lettered', () => {
  fc.assert(
    fc.property(window, ticksPerPacket, (size, perPacket) => {
      const sessions = [{ ticks: Number.POSITIVE_INFINITY, end: 'ours' as const }];
      const broker: BrokerModel = { poison: new Set(all), ticksPerPacket: perPacket, sessions };
      expect(run(MESSAGES, size, broker, 2_000)).toMatchObject({ delivered: [], deadLettered: [] });
    }),
    { numRuns: 50 },
  );
});

test('one that has closed at every message for a while, and is mended, gets all of them in order', () => {
  fc.assert(
    fc.property(window, ticksPerPacket, fc.integer({ min: 16, max: 30 }), (size, perPacket, poisonousSessions) => {
      const sessions = [{ ticks: Number.POSITIVE_INFINITY, end: 'ours' as const }];
      const broker: BrokerModel = { poison: new Set(all), poisonousSessions, ticksPerPacket: perPacket, sessions };
      expect(run(MESSAGES, size, broker, 5_000)).toMatchObject({ delivered: all, deadLettered: [] });
    }),
    { numRuns: 200 },
  );
});
