import { GatecastError } from '@gatecast/shared/errors';
import { describe, expect, test } from 'vitest';
import { upTo } from '../support/batches.ts';
import { FakeBacklogStore } from '../support/fake-backlog-store.ts';
import { LIMITS, LineHarness } from '../support/line-harness.ts';

const AWAY = new GatecastError('NATS_UNAVAILABLE', 'away', { retryable: true });
const FULL = new GatecastError('STORAGE_FULL', 'full');

/** A gateway whose broker is away, with messages 1 … n in its waiting room, one a batch. */
async function behind(n: number): Promise<LineHarness> {
  const harness = new LineHarness();
  harness.line.brokerIs('away');
  for (let counter = 1; counter <= n; counter += 1) harness.offer(counter);
  await harness.settle();
  harness.record();
  expect(harness.backlog.waiting('gw-1')).toHaveLength(n);
  return harness;
}

describe('live', () => {
  test('a batch that comes while another step is under way is not left behind', async () => {
    const harness = new LineHarness();
    harness.line.wake();
    harness.offer(1);
    await harness.settle();
    expect(harness.line.lane.size).toBe(1);
  });

  test('batches go straight into the lane', async () => {
    const harness = new LineHarness();
    harness.offer(1, 3);
    harness.offer(4);
    await harness.deliverAll();
    expect(harness.delivered).toEqual([1, 2, 3, 4]);
    expect(harness.backlog.waiting('gw-1')).toEqual([]);
    expect(harness.line.checkpoint()).toEqual({ i: 'first', s: 4 });
  });

  test('repeats are counted and not delivered again', async () => {
    const harness = new LineHarness({ checkpoint: { i: 'first', s: 5 } });
    harness.offer(4, 5);
    harness.offer(5, 7);
    await harness.deliverAll();
    expect(harness.delivered).toEqual([6, 7]);
    expect(harness.count('repeated')).toBe(3);
  });

  test('a batch larger than a lane gets in when the lane is empty', async () => {
    const harness = new LineHarness();
    harness.offer(1, LIMITS.laneMaxMessages + 5);
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(LIMITS.laneMaxMessages + 5));
    expect(harness.count('movedToBacklog')).toBe(0);
  });
});

describe('into the waiting room', () => {
  test('a full lane: everything above the record goes there, what is in flight included, in order', async () => {
    const harness = new LineHarness();
    for (let counter = 1; counter <= 4; counter += 1) harness.offer(counter);
    harness.send(2);
    for (let counter = 5; counter <= LIMITS.laneMaxMessages + 2; counter += 1) harness.offer(counter);
    await harness.settle();
    expect(harness.backlog.waiting('gw-1').map(([first]) => first)).toEqual(upTo(LIMITS.laneMaxMessages + 2));
    harness.acknowledge();
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(LIMITS.laneMaxMessages + 2));
    expect(harness.line.mode).toBe('live');
  });

  test('a broker that is away: the lane is emptied, and the line need not keep anything', async () => {
    const harness = new LineHarness();
    const batches = [harness.offer(1, 2), harness.offer(3)];
    harness.line.brokerIs('away');
    await harness.settle();
    expect(harness.line.lane.size).toBe(0);
    expect(batches.map((batch) => harness.line.isSettled(batch))).toEqual([true, true]);
    expect(harness.line.checkpoint()).toEqual({ i: 'first', s: 0, h: 3 });
    expect(harness.backlog.waiting('gw-1')).toEqual([
      [1, 2],
      [3, 3],
    ]);
  });

  test('until the append is confirmed the line keeps the batch', async () => {
    const harness = new LineHarness();
    harness.backlog.failure = AWAY;
    const batch = harness.offer(1);
    harness.line.brokerIs('away');
    await harness.clock.advance(5_000);
    expect(harness.line.isSettled(batch)).toBe(false);
    harness.backlog.failure = undefined;
    await harness.clock.advance(1_000);
    expect(harness.line.isSettled(batch)).toBe(true);
  });

  test('an append of unknown outcome is not repeated when it took effect', async () => {
    const harness = new LineHarness();
    harness.backlog.loseNextAnswer = true;
    harness.line.brokerIs('away');
    harness.offer(1);
    harness.offer(2);
    await harness.clock.advance(1_000);
    expect(harness.backlog.waiting('gw-1')).toEqual([
      [1, 1],
      [2, 2],
    ]);
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.delivered).toEqual([1, 2]);
  });

  test('nothing is written without a valid lease', async () => {
    const harness = new LineHarness();
    harness.lease.valid = false;
    harness.line.brokerIs('away');
    harness.offer(1);
    await harness.clock.advance(1_000);
    expect(harness.backlog.waiting('gw-1')).toEqual([]);
    harness.lease.valid = true;
    harness.line.wake();
    await harness.settle();
    expect(harness.backlog.waiting('gw-1')).toEqual([[1, 1]]);
  });
});

describe('a slow broker', () => {
  test('what waits for it too long moves to the waiting room, and arrives in order from there', async () => {
    const harness = new LineHarness();
    for (let counter = 1; counter <= 5; counter += 1) harness.offer(counter);
    harness.send(2);
    await harness.clock.advance(LIMITS.lineMaxAgeMs);
    harness.line.checkAge();
    expect(harness.line.mode).toBe('live');
    await harness.clock.advance(1);
    harness.line.checkAge();
    await harness.settle();
    expect(harness.line.mode).not.toBe('live');
    expect(harness.outstanding.size).toBe(5);
    harness.record();
    expect(harness.outstanding.size).toBe(0);
    harness.acknowledge();
    harness.offer(6);
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(6));
    expect(harness.line.mode).toBe('live');
  });

  test('is not blamed for a time in which we could not act', async () => {
    const harness = new LineHarness();
    harness.offer(1);
    harness.lease.valid = false;
    await harness.clock.advance(10 * LIMITS.lineMaxAgeMs);
    harness.line.checkAge();
    harness.lease.valid = true;
    await harness.clock.advance(LIMITS.lineMaxAgeMs);
    harness.line.checkAge();
    await harness.settle();
    expect(harness.line.mode).toBe('live');
  });
});

describe('out of the waiting room', () => {
  test('in order, new ones at the end, then live again', async () => {
    const harness = await behind(30);
    harness.line.brokerIs('back');
    harness.offer(31);
    await harness.deliverAll();
    harness.offer(32);
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(32));
    expect(harness.line.mode).toBe('live');
    expect(harness.count('lost')).toBe(0);
    expect(harness.line.checkpoint()).toEqual({ i: 'first', s: 32 });
    await harness.settle();
    expect(harness.line.drainedUpTo).toBe((await harness.backlog.tail('gw-1'))?.sequence);
    harness.line.emptied(harness.line.drainedUpTo!);
    expect(harness.line.drainedUpTo).toBeUndefined();
  });

  test('no more than a lane holds at a time', async () => {
    const harness = await behind(50);
    harness.line.brokerIs('back');
    await harness.settle();
    expect(harness.line.lane.size).toBe(LIMITS.laneMaxMessages);
  });

  test('the room may be emptied once its end is durably recorded, not before', async () => {
    const harness = await behind(5);
    harness.line.brokerIs('back');
    await harness.settle();
    harness.send();
    harness.acknowledge();
    await harness.settle();
    expect(harness.line.mode).toBe('live');
    expect(harness.line.drainedUpTo).toBeUndefined();
    harness.record();
    expect(harness.line.drainedUpTo).toBe(5);
    harness.lease.valid = false;
    expect(harness.line.drainedUpTo).toBeUndefined();
  });

  test('away again in the middle: what was not sent is read again', async () => {
    const harness = await behind(30);
    harness.line.brokerIs('back');
    await harness.settle();
    harness.send(5);
    harness.acknowledge(3);
    harness.loseSession();
    harness.line.brokerIs('away');
    expect(harness.line.lane.size).toBe(0);
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(30));
    expect(harness.count('lost')).toBe(0);
  });

  test('away while it is being read: nothing is taken for lost', async () => {
    const harness = await behind(8);
    harness.backlog.pauseAfter = 4;
    harness.line.brokerIs('back');
    await harness.settle();
    expect(harness.backlog.isPaused).toBe(true);
    harness.loseSession();
    harness.line.brokerIs('away');
    harness.backlog.proceed();
    await harness.settle();
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(8));
    expect(harness.count('lost')).toBe(0);
  });

  test('away and back while it is being read', async () => {
    const harness = await behind(8);
    harness.backlog.pauseAfter = 4;
    harness.line.brokerIs('back');
    await harness.settle();
    harness.loseSession();
    harness.line.brokerIs('away');
    harness.line.brokerIs('back');
    harness.backlog.proceed();
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(8));
    expect(harness.count('lost')).toBe(0);
  });

  test('a waiting room that cannot be read is tried again', async () => {
    const harness = await behind(5);
    harness.backlog.failure = AWAY;
    harness.line.brokerIs('back');
    await harness.clock.advance(5_000);
    harness.backlog.failure = undefined;
    await harness.clock.advance(1_000);
    expect(harness.line.lane.size).toBe(5);
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(5));
    expect(harness.count('lost')).toBe(0);
  });

  test('more than a lane comes in while the lane empties: behind again, in order', async () => {
    const harness = await behind(5);
    harness.line.brokerIs('back');
    await harness.settle();
    expect(harness.line.mode).toBe('rejoining');
    for (let counter = 6; counter <= 6 + LIMITS.laneMaxMessages; counter += 1) harness.offer(counter);
    await harness.settle();
    expect(harness.line.mode).toBe('behind');
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(6 + LIMITS.laneMaxMessages));
  });

  test('what came while the last ones from there were under way keeps the line no longer than others', async () => {
    const harness = await behind(5);
    harness.line.brokerIs('back');
    await harness.settle();
    harness.offer(6);
    await harness.settle();
    harness.send();
    harness.acknowledge();
    harness.record();
    await harness.settle();
    expect([harness.line.mode, harness.line.lane.size]).toEqual(['live', 1]);
    await harness.clock.advance(LIMITS.lineMaxAgeMs + 1);
    harness.line.checkAge();
    await harness.settle();
    expect(harness.backlog.waiting('gw-1').at(-1)).toEqual([6, 6]);
  });

  test('nor while the last ones from there stay under way', async () => {
    const harness = await behind(5);
    harness.line.brokerIs('back');
    await harness.settle();
    harness.send();
    harness.offer(6);
    await harness.clock.advance(LIMITS.lineMaxAgeMs + 1);
    expect(harness.line.mode).toBe('rejoining');
    harness.line.checkAge();
    await harness.settle();
    expect(harness.backlog.waiting('gw-1').at(-1)).toEqual([6, 6]);
    harness.acknowledge();
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(6));
    expect(harness.line.mode).toBe('live');
  });
});

describe('a new owner', () => {
  test('finds the waiting room and goes on behind it', async () => {
    const backlog = new FakeBacklogStore();
    const before = new LineHarness({ backlog });
    before.line.brokerIs('away');
    for (let counter = 1; counter <= 6; counter += 1) before.offer(counter);
    await before.settle();
    const tail = await backlog.tail('gw-1');
    const harness = new LineHarness({ backlog, checkpoint: before.record(), ...(tail && { tail }) });
    expect(harness.line.mode).toBe('behind');
    harness.line.brokerIs('back');
    harness.line.wake();
    harness.offer(7);
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(7));
    expect(harness.count('lost')).toBe(0);
  });

  test('moves more there before its broker is back', async () => {
    const backlog = new FakeBacklogStore();
    const before = new LineHarness({ backlog });
    before.line.brokerIs('away');
    for (let counter = 1; counter <= 6; counter += 1) before.offer(counter);
    await before.settle();
    const tail = await backlog.tail('gw-1');
    const harness = new LineHarness({ backlog, checkpoint: before.record(), ...(tail && { tail }) });
    harness.line.brokerIs('away');
    harness.offer(7);
    await harness.settle();
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(7));
    expect(harness.count('lost')).toBe(0);
  });

  test('what the tail shows is there already, whatever the record says', async () => {
    const backlog = new FakeBacklogStore();
    const before = new LineHarness({ backlog });
    before.line.brokerIs('away');
    for (let counter = 1; counter <= 6; counter += 1) before.offer(counter);
    await before.settle();
    const tail = await backlog.tail('gw-1');
    // Killed before its record: the moving line brings everything once more.
    const harness = new LineHarness({ backlog, ...(tail && { tail }) });
    harness.line.brokerIs('away');
    for (let counter = 1; counter <= 8; counter += 1) harness.offer(counter);
    await harness.settle();
    expect(backlog.waiting('gw-1').map(([first]) => first)).toEqual(upTo(8));
  });

  test('what was acknowledged while others moved there, and is not recorded, is no gap', async () => {
    const backlog = new FakeBacklogStore();
    const before = new LineHarness({ backlog });
    for (let counter = 1; counter <= LIMITS.laneMaxMessages; counter += 1) before.offer(counter);
    before.send(3);
    backlog.failure = AWAY;
    before.offer(LIMITS.laneMaxMessages + 1);
    await before.settle();
    before.acknowledge(3);
    backlog.failure = undefined;
    await before.clock.advance(1_000);
    before.line.stop();
    const tail = await backlog.tail('gw-1');
    const harness = new LineHarness({ backlog, ...(tail && { tail }) });
    harness.line.brokerIs('back');
    for (let counter = 1; counter <= LIMITS.laneMaxMessages + 1; counter += 1) harness.offer(counter);
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(LIMITS.laneMaxMessages + 1));
    expect(harness.count('lost')).toBe(0);
  });

  test('a waiting room of a former registration is not its own', async () => {
    const backlog = new FakeBacklogStore();
    const before = new LineHarness({ backlog });
    before.line.brokerIs('away');
    for (let counter = 1; counter <= 6; counter += 1) before.offer(counter);
    await before.settle();
    const tail = await backlog.tail('gw-1');
    const harness = new LineHarness({ backlog, checkpoint: { i: 'second', s: 0 }, ...(tail && { tail }) });
    expect(harness.line.mode).toBe('live');
    harness.line.brokerIs('away');
    harness.offer(1, 2, { incarnation: 'second' });
    await harness.settle();
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.delivered).toEqual([1, 2]);
    expect(harness.count('lost')).toBe(0);
  });
});

describe('limits of the waiting room', () => {
  test('evicted oldest messages are lost, exactly, and the rest is delivered', async () => {
    const harness = await behind(20);
    harness.backlog.evict('gw-1', 7);
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.delivered).toEqual(upTo(20).slice(7));
    expect(harness.line.checkpoint()).toEqual({ i: 'first', s: 20, l: 7 });
    expect(harness.count('lost')).toBe(7);
  });

  test('everything evicted: all lost, and it is live again', async () => {
    const harness = await behind(5);
    harness.backlog.evict('gw-1', 5);
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.line.checkpoint()).toMatchObject({ s: 5, l: 5 });
    harness.offer(6);
    await harness.deliverAll();
    expect(harness.delivered).toEqual([6]);
    expect(harness.line.mode).toBe('live');
  });

  test('a full waiting room costs the newest, without stalling the line', async () => {
    const harness = await behind(3);
    harness.backlog.failure = FULL;
    const refused = harness.offer(4, 6);
    await harness.settle();
    expect(harness.line.isSettled(refused)).toBe(true);
    expect(harness.count('backlogRefused')).toBe(3);
    harness.backlog.failure = undefined;
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.delivered).toEqual([1, 2, 3]);
    expect(harness.line.checkpoint()).toEqual({ i: 'first', s: 6, l: 3 });
    expect(harness.count('lost')).toBe(3);
  });

  test('refused in the middle, taken again later: the gap is lost, the rest is not', async () => {
    const harness = await behind(3);
    harness.backlog.failure = FULL;
    harness.offer(4);
    await harness.settle();
    harness.backlog.failure = undefined;
    harness.offer(5);
    await harness.settle();
    harness.line.brokerIs('back');
    await harness.deliverAll();
    expect(harness.delivered).toEqual([1, 2, 3, 5]);
    expect(harness.line.checkpoint()).toEqual({ i: 'first', s: 5, l: 1 });
  });
});

test('stop ends all work', async () => {
  const harness = new LineHarness();
  harness.backlog.failure = AWAY;
  harness.line.brokerIs('away');
  harness.offer(1);
  await harness.clock.advance(1_000);
  harness.line.stop();
  await harness.settle();
  expect(harness.clock.pendingTimers).toBe(0);
});
