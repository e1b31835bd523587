import { expect, test } from 'vitest';
import { LeaseSight } from '../../src/ownership/lease-sight.ts';
import { ManualClock } from '../../src/testing/index.ts';

const record = (instance: string) => ({
  instance,
  nonce: `nonce of ${instance}`,
  renewedAt: '2026-01-01T00:00:00.000Z',
});

function sightOfOurs(clock = new ManualClock()): LeaseSight {
  return new LeaseSight({
    partition: 0,
    nonce: record('ours').nonce,
    timing: { ttlMs: 1_000, graceMs: 100 },
    clock,
    membership: { isSettled: true, shouldOwn: () => true, isLive: () => true },
  });
}

test.each([
  ['deleted', 'handover'],
  ['missed', 'expiry'],
] as const)(
  'of a lease that was %s, ours comes after a %s, also when it is seen before it is answered',
  async (how, after) => {
    const clock = new ManualClock();
    const sight = sightOfOurs(clock);
    sight.seen({ value: record('other'), revision: 1 });
    await clock.advance(20);
    sight.gone(how);
    await clock.advance(5);
    sight.seen({ value: record('ours'), revision: 3 });
    expect(sight.acquisition()).toEqual({ after, gapMs: 25 });
  },
);

test('a lease that was ours, or nobody’s, was free', () => {
  const sight = sightOfOurs();
  expect(sight.acquisition()).toEqual({ after: 'free', gapMs: undefined });
  sight.seen({ value: record('ours'), revision: 1 });
  sight.gone('deleted');
  expect(sight.acquisition()).toEqual({ after: 'free', gapMs: undefined });
});
