import { describe, expect, it } from 'vitest';
import { deliveryOf, presenceOf } from '../../../src/domain/status/delivery.ts';

describe('deliveryOf', () => {
  const nothing = { delivered: 0, waiting: 0, lost: 0, settled: 0 };

  it.each([
    ['no record', undefined, nothing],
    ['another life’s record', { i: 'life-0', s: 9, t: 1 }, nothing],
    [
      'settled',
      { i: 'life-1', s: 9, t: 1_000 },
      { delivered: 9, waiting: 0, lost: 0, settled: 9, lastDeliveredAt: '1970-01-01T00:00:01.000Z' },
    ],
    [
      'some lost, some set aside',
      { i: 'life-1', s: 10, l: 3, x: 2 },
      { delivered: 5, waiting: 0, lost: 3, settled: 10 },
    ],
    ['a lost session', { i: 'life-1', s: 4, d: 2 }, { delivered: 4, waiting: 0, lost: 0, settled: 4, downgraded: 2 }],
    ['a session in doubt', { i: 'life-1', s: 4, e: 2 }, { delivered: 4, waiting: 0, lost: 0, settled: 4, unproven: 2 }],
    ['a backlog', { i: 'life-1', s: 4, h: 10 }, { delivered: 4, waiting: 6, lost: 0, settled: 4 }],
    ['a backlog that was drained', { i: 'life-1', s: 12, h: 10 }, { delivered: 12, waiting: 0, lost: 0, settled: 12 }],
  ])('%s', (_what, record, expected) => {
    expect(deliveryOf(record, 'life-1')).toEqual(expected);
  });
});

describe('presenceOf', () => {
  const at = (t: number, i = 'life-1') => ({ i, c: 1, s: 1, p: 1, t });

  it.each([
    ['never sent', undefined, 60, { online: false }],
    ['sent in a former life', at(1_000_000, 'life-0'), 60, { online: false }],
    ['sent just now', at(1_000_000), 60, { online: true }],
    ['three intervals ago', at(1_000_000 - 180_000), 60, { online: true }],
    ['longer ago', at(1_000_000 - 180_001), 60, { online: false }],
    ['three long intervals ago', at(1_000_000 - 1_800_000), 600, { online: true }],
  ])('%s', (_what, position, interval, expected) => {
    expect(presenceOf(position, 'life-1', interval, 1_000_000)).toMatchObject(expected);
  });

  it('says when it was', () => {
    expect(presenceOf(at(1_000_000), 'life-1', 60, 1_000_000).lastSeenAt).toBe('1970-01-01T00:16:40.000Z');
    expect('lastSeenAt' in presenceOf(undefined, 'life-1', 60, 0)).toBe(false);
  });
});
