import { beforeEach, describe, expect, test } from 'vitest';
import { Lane } from '../../src/domain/lane.ts';
import type { LaneItem } from '../../src/domain/lane-item.ts';
import { batchOf, upTo } from '../support/batches.ts';

const EVERYTHING = Number.POSITIVE_INFINITY;

let lane: Lane;

beforeEach(() => {
  lane = new Lane({ settled: 0, lost: 0, aside: 0 });
});

/** Sends what may be sent, as long as the record is there already. */
function sendAll(limit = EVERYTHING, held = false): LaneItem[] {
  const sent: LaneItem[] = [];
  for (let item = lane.peek(limit, EVERYTHING); item; item = lane.peek(limit, EVERYTHING)) {
    lane.sent(item, held);
    sent.push(item);
  }
  return sent;
}

/** What the lane says of itself: a failed comparison cannot show an object with private fields. */
function state() {
  const { settled, lost, aside, next, size, inFlight } = lane;
  return { settled, lost, aside, next, size, inFlight };
}

const countersOf = (items: LaneItem[]) => items.map((item) => item.counter);

describe('taking', () => {
  test('the messages of a batch, each with its own counter', () => {
    expect(lane.take(batchOf(1, 3))).toBe(3);
    expect(countersOf(sendAll())).toEqual([1, 2, 3]);
    expect(lane.next).toBe(4);
  });

  test('what was handled before is skipped, in whole or in part', () => {
    lane.take(batchOf(1, 3));
    expect(lane.take(batchOf(1, 3))).toBe(0);
    expect(lane.take(batchOf(2, 5))).toBe(2);
    expect(countersOf(sendAll())).toEqual(upTo(5));
  });

  test('goes on after the settled counter of the record', () => {
    lane = new Lane({ settled: 10, lost: 2, aside: 1 });
    expect(lane.take(batchOf(8, 12))).toBe(2);
    expect(countersOf(sendAll())).toEqual([11, 12]);
    expect(state()).toMatchObject({ settled: 10, lost: 2, aside: 1 });
  });
});

describe('settling', () => {
  test('waits for the oldest', () => {
    lane.take(batchOf(1, 3));
    const [first, second, third] = sendAll();
    lane.acknowledged(third!, 'delivered');
    lane.acknowledged(second!, 'delivered');
    expect(lane.advance()).toBe(false);
    expect(lane.settled).toBe(0);
    lane.acknowledged(first!, 'delivered');
    expect(lane.advance()).toBe(true);
    expect(state()).toMatchObject({ settled: 3, size: 0, inFlight: 0 });
  });

  test('an acknowledgement counts once', () => {
    lane.take(batchOf(1, 2));
    const [first] = sendAll();
    lane.acknowledged(first!, 'delivered');
    lane.acknowledged(first!, 'delivered');
    expect(lane.inFlight).toBe(1);
  });

  test('nothing beyond the limit is sent', () => {
    lane.take(batchOf(1, 10));
    expect(countersOf(sendAll(4))).toEqual(upTo(4));
  });
});

describe('messages set aside', () => {
  test('count when they are settled: a crash before that sets them aside again', () => {
    lane.take(batchOf(1, 2));
    const [first, second] = sendAll();
    lane.acknowledged(second!, 'aside');
    lane.advance();
    expect(lane.aside).toBe(0);
    lane.acknowledged(first!, 'delivered');
    lane.advance();
    expect(state()).toMatchObject({ settled: 2, aside: 1 });
  });

  test('are not sent, or set aside, again when the rest moves to the waiting room', () => {
    lane.take(batchOf(1, 3));
    lane.acknowledged(sendAll()[1]!, 'aside');
    lane.sessionLost();
    lane.removeUnsent();
    lane.take(batchOf(1, 3));
    const items = sendAll();
    expect(countersOf(items)).toEqual([1, 3]);
    for (const item of items) lane.acknowledged(item, 'delivered');
    lane.advance();
    expect(state()).toMatchObject({ settled: 3, aside: 1 });
  });
});

describe('a gap', () => {
  test('is counted as lost, and nothing after it is sent before the record holds it', () => {
    lane.take(batchOf(1, 1));
    lane.take(batchOf(5, 5));
    const [first] = sendAll();
    expect(lane.lost).toBe(0);
    lane.acknowledged(first!, 'delivered');
    lane.advance();
    expect(state()).toMatchObject({ settled: 4, lost: 3 });
    expect(lane.waitsForRecord(3)).toBe(true);
    expect(lane.peek(EVERYTHING, 3)).toBeUndefined();
    expect(lane.waitsForRecord(4)).toBe(false);
    expect(lane.peek(EVERYTHING, 4)?.counter).toBe(5);
  });

  test('at the front needs no acknowledgement', () => {
    lane.lose(7);
    lane.lose(3);
    expect(lane.peek(EVERYTHING, EVERYTHING)).toBeUndefined();
    expect(lane.advance()).toBe(true);
    expect(state()).toMatchObject({ settled: 7, lost: 7, next: 8 });
  });
});

describe('a broker that has nothing of a former session', () => {
  test('what it had refused it has not passed on; what was sent again since, it may have', () => {
    lane.take(batchOf(1, 4));
    for (const item of sendAll(3, true)) lane.refused(item);
    lane.sessionLost();
    const [again] = sendAll(1, true);
    lane.sessionLost();
    expect(again!.counter).toBe(1);
    expect(lane.startAnew()).toBe(1);
    expect(countersOf(sendAll())).toEqual([1, 2, 3, 4]);
  });
});

describe('the end of a session', () => {
  test('what was not acknowledged is sent again, in order; what was is not', () => {
    lane.take(batchOf(1, 5));
    const items = sendAll();
    lane.acknowledged(items[1]!, 'delivered');
    lane.sessionLost();
    expect(lane.inFlight).toBe(0);
    expect(countersOf(sendAll())).toEqual([1, 3, 4, 5]);
  });

  test('an acknowledgement that comes later has no effect', () => {
    lane.take(batchOf(1, 1));
    const [first] = sendAll();
    lane.sessionLost();
    lane.acknowledged(first!, 'delivered');
    expect(lane.advance()).toBe(false);
    expect(countersOf(sendAll())).toEqual([1]);
  });

  test('what is in flight stays when the rest is removed, whatever was set aside in front of it', () => {
    lane.take(batchOf(1, 5));
    const poison = lane.peek(EVERYTHING, EVERYTHING)!;
    lane.sent(poison, true);
    lane.sessionLost();
    lane.hold(poison);
    const [second] = sendAll(2);
    lane.setAside(poison);
    lane.removeUnsent();
    lane.acknowledged(second!, 'delivered');
    expect(state()).toMatchObject({ next: 3, size: 2, inFlight: 0 });
  });

  test('what was acknowledged behind it stays when the rest is removed: it is not sent twice', () => {
    lane.take(batchOf(1, 5));
    const items = sendAll();
    lane.acknowledged(items[2]!, 'delivered');
    lane.sessionLost();
    lane.removeUnsent();
    expect(state()).toMatchObject({ next: 4, size: 3 });
    lane.take(batchOf(1, 5));
    const again = sendAll();
    expect(countersOf(again)).toEqual([1, 2, 4, 5]);
    for (const item of again) lane.acknowledged(item, 'delivered');
    lane.advance();
    expect(state()).toMatchObject({ settled: 5 });
  });

  test('what is removed unsent is expected again', () => {
    lane.take(batchOf(1, 5));
    const item = lane.peek(EVERYTHING, EVERYTHING);
    lane.sent(item!);
    lane.removeUnsent();
    expect(state()).toMatchObject({ next: 2, size: 1, inFlight: 1 });
    lane.take(batchOf(1, 5));
    expect(countersOf(sendAll())).toEqual([2, 3, 4, 5]);
  });
});
