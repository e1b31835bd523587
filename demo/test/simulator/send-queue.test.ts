import { createLogger } from '@gatecast/shared/logging';
import type { Measurement } from '@gatecast/shared/model';
import { ManualClock } from '@gatecast/shared/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { SendQueue } from '../../src/simulator/send-queue.ts';
import { FakeIngest, refused } from './fake-ingest.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
const reading = (time: number): Measurement => ({ sensorId: 'A', time, values: { co2: 400 } });

let clock: ManualClock;
let ingest: FakeIngest;
let intervals: number[];
let refusals: number;
let queue: SendQueue;

beforeEach(() => {
  clock = new ManualClock();
  ingest = new FakeIngest();
  intervals = [];
  refusals = 0;
  queue = new SendQueue({
    about: { firmwareVersion: '1', sensors: [{ sensorId: 'A', name: 'Attic' }] },
    post: ingest.post,
    onInterval: (seconds) => intervals.push(seconds),
    onRefused: () => {
      refusals += 1;
    },
    clock,
    random: () => 0,
    log,
  });
});

const times = () => ingest.requests.map(({ measurements }) => measurements.map(({ time }) => time));

test('what comes together travels together', async () => {
  queue.add(reading(1));
  await clock.advance(100);
  queue.add(reading(2));
  expect(ingest.bodies).toEqual([]);
  await clock.advance(100);
  expect(times()).toEqual([[1, 2]]);
  queue.add(reading(3));
  await clock.advance(200);
  expect(times()).toEqual([[1, 2], [3]]);
  expect(queue.totals).toEqual({ accepted: 3, retries: 0, dropped: 0, forgotten: 0 });
});

test('the gateway says what it is until that was accepted, then no more', async () => {
  ingest.next.push(refused(422, 'validation_failed'));
  for (const time of [1, 2, 3]) {
    queue.add(reading(time));
    await clock.advance(200);
  }
  expect(ingest.requests.map(({ sensors, firmwareVersion }) => [sensors?.length, firmwareVersion])).toEqual([
    [1, '1'],
    [1, '1'],
    [undefined, undefined],
  ]);
});

test('every answer tells the interval', async () => {
  queue.add(reading(1));
  await clock.advance(200);
  ingest.intervalSeconds = 300;
  queue.add(reading(2));
  await clock.advance(200);
  expect(intervals).toEqual([60, 300]);
});

describe('when it is told to come later', () => {
  test('sends the same body again, in order, not before the time', async () => {
    ingest.next.push(refused(503, 'storage_full', '5'), refused(429, 'request_rate_exceeded', '2'));
    queue.add(reading(1));
    await clock.advance(200);
    queue.add(reading(2));
    await clock.advance(4999);
    expect(times()).toEqual([[1]]);
    await clock.advance(1);
    queue.add(reading(3));
    await clock.advance(1999);
    expect(times()).toEqual([[1], [1]]);
    await clock.advance(1);
    expect(times()).toEqual([[1], [1], [1], [2, 3]]);
    expect(new Set(ingest.bodies.slice(0, 3)).size).toBe(1);
    expect(queue.totals).toMatchObject({ accepted: 3, retries: 2 });
  });

  test('what has gathered goes in requests that are not too large', async () => {
    ingest.next.push(refused(503, 'stopping', '60'));
    for (let time = 1; time <= 1200; time += 1) queue.add(reading(time));
    await clock.advance(200);
    await clock.advance(60_000);
    expect(times().map((batch) => batch.length)).toEqual([500, 500, 500, 200]);
    expect(times().slice(1).flat()).toEqual(Array.from({ length: 1200 }, (_, index) => index + 1));
  });

  test('forgets the oldest when its memory is full, and counts them', async () => {
    ingest.next.push(refused(503, 'stopping', '60'));
    queue.add(reading(0));
    await clock.advance(200);
    for (let time = 1; time <= 20_010; time += 1) queue.add(reading(time));
    await clock.advance(60_000);
    expect(queue.totals).toMatchObject({ forgotten: 10, accepted: 20_001 });
    expect(times().slice(2).flat()[0]).toBe(11);
  });
});

test('what is refused for good is dropped, and the rest goes on', async () => {
  ingest.next.push(refused(422, 'validation_failed'));
  queue.add(reading(1));
  await clock.advance(200);
  queue.add(reading(2));
  await clock.advance(200);
  expect(times()).toEqual([[1], [2]]);
  expect(queue.totals).toMatchObject({ accepted: 1, dropped: 1 });
});

test('a gateway that is not known any more sends nothing again', async () => {
  ingest.next.push(refused(401, 'unauthorized'));
  queue.add(reading(1));
  await clock.advance(200);
  queue.add(reading(2));
  await clock.advance(60_000);
  expect(times()).toEqual([[1]]);
  expect(refusals).toBe(1);
});

describe('stop', () => {
  test('ends the wait for a later time', async () => {
    ingest.next.push(refused(503, 'stopping', '60'));
    queue.add(reading(1));
    await clock.advance(200);
    await queue.stop();
    expect(clock.pendingTimers).toBe(0);
    expect(times()).toEqual([[1]]);
  });

  test('ends a request that is not answered, and does not send it again', async () => {
    ingest.hold = new Promise(() => undefined);
    queue.add(reading(1));
    await clock.advance(200);
    await queue.stop();
    expect(times()).toEqual([[1]]);
    expect(queue.totals).toEqual({ accepted: 0, retries: 0, dropped: 0, forgotten: 0 });
  });
});
