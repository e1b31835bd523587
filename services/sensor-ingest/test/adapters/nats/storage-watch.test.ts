import { createLogger } from '@gatecast/shared/logging';
import type { Nats } from '@gatecast/shared/nats';
import { ManualClock } from '@gatecast/shared/testing';
import { Registry } from '@prometheus-io/client';
import { expect, test } from 'vitest';
import { IngestMetrics } from '../../../src/adapters/metrics/ingest-metrics.ts';
import { StorageWatch, usedRatioOf } from '../../../src/adapters/nats/storage-watch.ts';

function watchOf(ratios: Record<string, number | Error | Promise<number>>) {
  const clock = new ManualClock();
  const registry = new Registry();
  const looks: string[] = [];
  const watch = new StorageWatch({
    streams: Object.keys(ratios),
    usedRatio: async (stream) => {
      looks.push(stream);
      const ratio = ratios[stream]!;
      if (ratio instanceof Error) throw ratio;
      return await ratio;
    },
    highWater: 0.95,
    pollMs: 1_000,
    metrics: new IngestMetrics(registry),
    clock,
    log: createLogger({ service: 'sensor-ingest', instance: 'test', level: 'silent' }),
  });
  return { watch, clock, registry, looks };
}

test('knows from the start how full each stream is, and looks again', async () => {
  const ratios: Record<string, number> = { READINGS_0: 0.949, READINGS_1: 0.95 };
  const { watch, clock, registry } = watchOf(ratios);
  await watch.start();
  expect([watch.isNearlyFull('READINGS_0'), watch.isNearlyFull('READINGS_1')]).toEqual([false, true]);
  expect(await registry.metrics()).toContain('gatecast_ingest_storage_used_ratio{stream="READINGS_1"} 0.95');
  Object.assign(ratios, { READINGS_0: 1, READINGS_1: 0.5 });
  await clock.advance(999);
  expect(watch.isNearlyFull('READINGS_0')).toBe(false);
  await clock.advance(1);
  expect([watch.isNearlyFull('READINGS_0'), watch.isNearlyFull('READINGS_1')]).toEqual([true, false]);
  watch.stop();
});

test('keeps what it saw last while it cannot look', async () => {
  const ratios: Record<string, number | Error> = { READINGS: 1 };
  const { watch, clock, looks } = watchOf(ratios);
  await watch.start();
  ratios.READINGS = new Error('NATS is away');
  await clock.advance(3_000);
  expect(looks).toHaveLength(4);
  expect(watch.isNearlyFull('READINGS')).toBe(true);
  ratios.READINGS = 0.1;
  await clock.advance(1_000);
  expect(watch.isNearlyFull('READINGS')).toBe(false);
  watch.stop();
});

test('ends when stopped, and leaves no timer', async () => {
  const { watch, clock, looks } = watchOf({ READINGS: 0 });
  await watch.start();
  watch.stop();
  expect(clock.pendingTimers).toBe(0);
  await clock.advance(10_000);
  expect(looks).toHaveLength(1);
});

test('ends at once when stopped, though a look is under way', async () => {
  const ratios: Record<string, number | Promise<number>> = { READINGS: 0 };
  const { watch, clock } = watchOf(ratios);
  await watch.start();
  const answer = Promise.withResolvers<number>();
  ratios.READINGS = answer.promise;
  await clock.advance(1_000);
  watch.stop();
  answer.resolve(1);
  await clock.advance(0);
  expect(watch.isNearlyFull('READINGS')).toBe(false);
  expect(clock.pendingTimers).toBe(0);
});

test('reads the ratio from the stream; a stream without a limit is never full', async () => {
  const natsWith = (max_bytes: number) =>
    ({
      jsm: { streams: { info: async () => ({ state: { bytes: 300 }, config: { max_bytes } }) } },
      untilCut: (request: unknown) => request,
    }) as unknown as Nats;
  expect(await usedRatioOf(natsWith(1_000))('READINGS')).toBe(0.3);
  expect(await usedRatioOf(natsWith(-1))('READINGS')).toBe(0);
});
