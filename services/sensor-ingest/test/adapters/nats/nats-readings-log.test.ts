import { createLogger } from '@gatecast/shared/logging';
import { partitionOf } from '@gatecast/shared/model';
import { ManualClock } from '@gatecast/shared/testing';
import { JetStreamApiError } from '@nats-io/jetstream';
import { Registry } from '@prometheus-io/client';
import { expect, test } from 'vitest';
import { IngestMetrics } from '../../../src/adapters/metrics/ingest-metrics.ts';
import { NatsReadingsLog } from '../../../src/adapters/nats/nats-readings-log.ts';
import { StorageWatch } from '../../../src/adapters/nats/storage-watch.ts';
import { FakeNats } from '../../support/fake-nats.ts';

const BATCH = { gatewayId: '394260700033', incarnation: 'first', contentId: 'id-1', body: Buffer.from('{}') };
const FULL = new JetStreamApiError({ code: 503, err_code: 10077, description: 'maximum bytes exceeded' });

async function readingsLog() {
  const nats = new FakeNats();
  const registry = new Registry();
  const metrics = new IngestMetrics(registry);
  const clock = new ManualClock();
  const lines: string[] = [];
  const log = createLogger(
    { service: 'sensor-ingest', instance: 'test', level: 'info' },
    { write: (line) => lines.push(line) },
  );
  let ratio = 0;
  const storage = new StorageWatch({
    streams: ['READINGS'],
    readSize: async () => ({ bytes: ratio * 1_000_000, maxBytes: 1_000_000, lastSequence: 0 }),
    highWater: 0.9,
    pollMs: 1_000,
    metrics,
    clock,
    log,
  });
  const setRatio = async (value: number) => {
    ratio = value;
    await storage.start();
  };
  const readings = new NatsReadingsLog({ nats: nats.asNats(), partitions: 64, storage, metrics, clock, log });
  const logged = () => lines.map((line) => JSON.parse(line) as { level: string; message: string; code?: string });
  return { nats, readings, registry, setRatio, storage, logged };
}

test('publishes to the gateway’s subject, with what consumers and the server need to know of it', async () => {
  const { nats, readings, registry } = await readingsLog();
  expect(await readings.append(BATCH)).toEqual({ sequence: 1, duplicate: false });
  const [message] = nats.published;
  expect(message!.subject).toBe(`readings.${partitionOf(BATCH.gatewayId, 64)}.${BATCH.gatewayId}`);
  expect(message!.data).toBe(BATCH.body);
  expect(Object.fromEntries(message!.headers.keys().map((name) => [name, message!.headers.get(name)]))).toEqual({
    'Gatecast-Schema': '1',
    'Gatecast-Incarnation': 'first',
    'Nats-Msg-Id': 'id-1',
  });
  expect(await registry.metrics()).toContain('gatecast_ingest_publish_duration_seconds_count 1');
});

test('says why nothing was stored, and logs it when it begins and when it ends', async () => {
  const { nats, readings, logged } = await readingsLog();
  nats.fail = FULL;
  for (let n = 0; n < 3; n += 1) await expect(readings.append(BATCH)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  nats.fail = new Error('timeout');
  await expect(readings.append(BATCH)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: true });
  nats.fail = undefined;
  for (let n = 0; n < 3; n += 1) await readings.append(BATCH);
  expect(logged().map(({ level, message, code }) => [level, message, code])).toEqual([
    ['warn', 'readings cannot be stored', 'STORAGE_FULL'],
    ['warn', 'readings cannot be stored', 'OUTCOME_UNKNOWN'],
    ['info', 'readings are stored again', undefined],
  ]);
});

test('knows whether there is a connection and room', async () => {
  const { nats, readings, setRatio, storage } = await readingsLog();
  expect([readings.isConnected(), readings.hasRoom('a')]).toEqual([true, true]);
  nats.connected = false;
  await setRatio(0.9);
  expect([readings.isConnected(), readings.hasRoom('a')]).toEqual([false, false]);
  storage.stop();
});

test('counts what it stores towards the room that is left, and not what the server refuses', async () => {
  const { nats, readings, setRatio, storage } = await readingsLog();
  await setRatio(0.8999); // 100 bytes are left
  expect(readings.hasRoom('a')).toBe(true);
  nats.fail = FULL;
  await expect(readings.append(BATCH)).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  expect(readings.hasRoom('a')).toBe(true);
  nats.fail = undefined;
  await readings.append(BATCH);
  expect(readings.hasRoom('a')).toBe(false);
  storage.stop();
});
