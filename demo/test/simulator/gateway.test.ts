import { createLogger } from '@gatecast/shared/logging';
import { ManualClock } from '@gatecast/shared/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { SimulatedGateway } from '../../src/simulator/gateway.ts';
import { seededRandom } from '../../src/simulator/random.ts';
import { intervalMsOf, type Pace } from '../../src/simulator/settings.ts';
import { FakeIngest, refused } from './fake-ingest.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
const settings = {
  gatewayId: '394260700033',
  token: 'secret',
  sensors: ['A', 'B', 'C', 'D'].map((sensorId) => ({ kind: 'climate' as const, about: { sensorId } })),
};

let clock: ManualClock;
let ingest: FakeIngest;

beforeEach(() => {
  clock = new ManualClock();
  ingest = new FakeIngest();
});

function gatewayAt(pace: Pace): SimulatedGateway {
  return new SimulatedGateway({ settings, pace, post: ingest.post, clock, random: seededRandom(1), log });
}

const readings = () => ingest.requests.flatMap(({ measurements }) => measurements);

/** How many readings come within that time. */
async function readingsWithin(ms: number): Promise<number> {
  const before = readings().length;
  await clock.advance(ms);
  return readings().length - before;
}

describe('the pace', () => {
  test('without an answer yet, 60 s made faster', () => {
    expect(intervalMsOf({ kind: 'follow', speed: 30 })).toBe(2000);
    expect(intervalMsOf({ kind: 'follow', speed: 30 }, 300)).toBe(10_000);
    expect(intervalMsOf({ kind: 'fixed', intervalMs: 5000 }, 300)).toBe(5000);
  });

  test('is never faster than the whole seconds that readings carry', () => {
    expect(intervalMsOf({ kind: 'follow', speed: 600 })).toBe(1000);
  });

  test('every sensor once an interval', async () => {
    gatewayAt({ kind: 'follow', speed: 30 }).start();
    await clock.advance(10_000);
    expect(await readingsWithin(20_000)).toBeGreaterThanOrEqual(38);
    expect(await readingsWithin(20_000)).toBeLessThanOrEqual(42);
    const bySensor = Map.groupBy(readings(), ({ sensorId }) => sensorId);
    for (const sensor of ['A', 'B', 'C', 'D']) expect(bySensor.get(sensor)!.length).toBeGreaterThanOrEqual(24);
  });

  test('the first reading comes at once', async () => {
    gatewayAt({ kind: 'fixed', intervalMs: 60_000 }).start();
    await clock.advance(3_500);
    expect(readings()[0]?.sensorId).toBe('A');
  });

  test('twice the measurement interval is half the rate, and back', async () => {
    gatewayAt({ kind: 'follow', speed: 30 }).start();
    await clock.advance(10_000);
    ingest.intervalSeconds = 120;
    await clock.advance(4_000);
    expect(await readingsWithin(40_000)).toBeGreaterThanOrEqual(38);
    expect(await readingsWithin(40_000)).toBeLessThanOrEqual(42);
    ingest.intervalSeconds = 60;
    await clock.advance(8_000);
    expect(await readingsWithin(40_000)).toBeGreaterThanOrEqual(76);
  });

  test('that is fixed does not follow', async () => {
    gatewayAt({ kind: 'fixed', intervalMs: 1000 }).start();
    ingest.intervalSeconds = 600;
    await clock.advance(5_000);
    expect(await readingsWithin(10_000)).toBeGreaterThanOrEqual(38);
  });
});

test('no two readings of a sensor have the same time, however fast', async () => {
  gatewayAt({ kind: 'fixed', intervalMs: 1000 }).start();
  await clock.advance(120_000);
  for (const series of Map.groupBy(readings(), ({ sensorId }) => sensorId).values()) {
    const times = series.map(({ time }) => Number(time));
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(Math.abs(times.at(-1)! - clock.now() / 1000)).toBeLessThan(3);
  }
});

test('a wall clock that is set back makes no reading twice', async () => {
  gatewayAt({ kind: 'fixed', intervalMs: 2000 }).start();
  await clock.advance(10_000);
  clock.setWallTime(clock.now() - 5_000);
  await clock.advance(20_000);
  const keys = readings().map(({ sensorId, time }) => `${sensorId} ${time}`);
  expect(new Set(keys).size).toBe(keys.length);
});

test('measures no more once it is refused, or stopped', async () => {
  const gateway = gatewayAt({ kind: 'fixed', intervalMs: 1000 });
  gateway.start();
  await clock.advance(2_000);
  ingest.next.push(refused(401, 'unauthorized'));
  await clock.advance(2_000);
  expect(clock.pendingTimers).toBe(0);

  const other = gatewayAt({ kind: 'fixed', intervalMs: 1000 });
  other.start();
  await clock.advance(1_100);
  await other.stop();
  expect(clock.pendingTimers).toBe(0);
});
