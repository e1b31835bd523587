import { createLogger } from '@gatecast/shared/logging';
import type { Nats } from '@gatecast/shared/nats';
import { ManualClock } from '@gatecast/shared/testing';
import { Registry } from '@prometheus-io/client';
import { expect, test } from 'vitest';
import { IngestMetrics } from '../../../src/adapters/metrics/ingest-metrics.ts';
import { StorageWatch, sizeReader } from '../../../src/adapters/nats/storage-watch.ts';

function watchOf(ratios: Record<string, number | Error | Promise<number>>) {
  const clock = new ManualClock();
  const registry = new Registry();
  const looks: string[] = [];
  let lastSequence = 0;
  const watch = new StorageWatch({
    streams: Object.keys(ratios),
    readSize: async (stream) => {
      looks.push(stream);
      const ratio = ratios[stream]!;
      lastSequence += 10;
      if (ratio instanceof Error) throw ratio;
      return { bytes: (await ratio) * 1_000, maxBytes: 1_000, lastSequence };
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

test('counts what goes in between two looks: a burst is refused before anybody has looked', async () => {
  const ratios: Record<string, number> = { READINGS: 0.5 };
  const { watch, clock } = watchOf(ratios);
  await watch.start();
  const fill = watch.fillOf('READINGS')!;
  fill.sending(449);
  fill.stored(449, 11);
  expect(watch.isNearlyFull('READINGS')).toBe(false);
  fill.sending(1);
  expect(watch.isNearlyFull('READINGS')).toBe(true);
  fill.notStored(1);
  expect(watch.isNearlyFull('READINGS')).toBe(false);
  fill.sending(100);
  fill.stored(100, undefined);
  expect(watch.isNearlyFull('READINGS')).toBe(true);
  ratios.READINGS = 0.2;
  await clock.advance(1_000);
  expect(fill.ratio).toBe(0.2);
  expect(watch.isNearlyFull('READINGS')).toBe(false);
  watch.stop();
});

test('what is stored around a look counts once', async () => {
  const ratios: Record<string, number | Promise<number>> = { READINGS: 0.5 };
  const { watch, clock } = watchOf(ratios);
  await watch.start();
  const fill = watch.fillOf('READINGS')!;
  const answer = Promise.withResolvers<number>();
  ratios.READINGS = answer.promise;
  await clock.advance(1_000);
  fill.sending(300);
  fill.stored(100, 20); // seen by the look that is under way
  fill.stored(100, 21);
  answer.resolve(0.6);
  await clock.advance(0);
  fill.stored(100, 19); // its acknowledgement is late
  expect(fill.ratio).toBeCloseTo(0.7);
  watch.stop();
});

test('reads the size of the stream; one without a limit is never full', async () => {
  const natsWith = (max_bytes: number) =>
    ({
      jsm: { streams: { info: async () => ({ state: { bytes: 300, last_seq: 7 }, config: { max_bytes } }) } },
      untilCut: (request: unknown) => request,
    }) as unknown as Nats;
  expect(await sizeReader(natsWith(1_000))('READINGS')).toEqual({ bytes: 300, maxBytes: 1_000, lastSequence: 7 });
  expect(await sizeReader(natsWith(-1))('READINGS')).toEqual({ bytes: 300, maxBytes: 0, lastSequence: 7 });
  const { watch } = watchOf({});
  expect(watch.isNearlyFull('READINGS')).toBe(false);
});
