import { createLogger } from '@gatecast/shared/logging';
import type { EncoderCheckpoint } from '@gatecast/shared/model';
import { InMemoryKv, ManualClock } from '@gatecast/shared/testing';
import { Registry } from '@prometheus-io/client';
import { expect, test } from 'vitest';
import { IngestMetrics } from '../../../src/adapters/metrics/ingest-metrics.ts';
import { LagWatch } from '../../../src/adapters/nats/lag-watch.ts';
import { LineLag } from '../../../src/domain/line-lag.ts';

function setUp() {
  const clock = new ManualClock();
  const registry = new Registry();
  const records = new InMemoryKv<EncoderCheckpoint>();
  const lines: string[] = [];
  const log = createLogger(
    { service: 'sensor-ingest', instance: 'test', level: 'info' },
    { write: (line) => void lines.push((JSON.parse(line) as { message: string }).message) },
  );
  const state = { reads: 0, isAway: false };
  const lag = new LineLag({ maxGatewayLagMs: 60_000, maxLineLagMs: 120_000, partitions: 1, clock });
  const checkpoints = {
    get: (key: string) => {
      state.reads += 1;
      if (state.isAway) throw new Error('NATS is away');
      return records.get(key);
    },
  };
  const watch = new LagWatch({ lag, checkpoints, pollMs: 2_000, metrics: new IngestMetrics(registry), clock, log });
  watch.start();
  return { clock, registry, records, lines, state, lag, watch };
}

const GATEWAY = { gatewayId: 'gw', fleet: 'default' };

test('looks at the records that something waits for, and at no others', async () => {
  const { clock, records, state, lag, watch } = setUp();
  await clock.advance(10_000);
  expect(state.reads).toBe(0);
  lag.accepted({ ...GATEWAY, sequence: 5 });
  await clock.advance(4_000);
  expect(state.reads).toBe(2);
  await records.create('encoder._.0', { epoch: 1, seq: 5, gateways: {} });
  await clock.advance(10_000);
  expect(state.reads).toBe(3);
  watch.stop();
  expect(clock.pendingTimers).toBe(0);
});

test('says once that a line is behind, and once that it has caught up; metrics say for how long', async () => {
  const { clock, registry, records, lines, lag, watch } = setUp();
  lag.accepted({ ...GATEWAY, sequence: 1 });
  await clock.advance(130_000);
  expect(lag.lagOf(GATEWAY)).toBe('line');
  expect(await registry.metrics()).toContain('gatecast_ingest_gateways_behind 1');
  expect(await registry.metrics()).toContain('gatecast_ingest_oldest_unencoded_seconds 130');
  await records.create('encoder._.0', { epoch: 1, seq: 1, gateways: {} });
  await clock.advance(2_000);
  expect(lag.lagOf(GATEWAY)).toBe('none');
  expect(await registry.metrics()).toContain('gatecast_ingest_gateways_behind 0');
  expect(lines).toEqual([
    'the line of the fleet is behind: its readings are refused',
    'the line of the fleet has caught up',
  ]);
  watch.stop();
});

test('keeps its verdicts while it cannot look, and makes no new ones', async () => {
  const { clock, state, lag, watch } = setUp();
  lag.accepted({ ...GATEWAY, sequence: 1 });
  state.isAway = true;
  await clock.advance(600_000);
  expect(lag.lagOf(GATEWAY)).toBe('none');
  state.isAway = false;
  await clock.advance(2_000);
  expect(lag.lagOf(GATEWAY)).toBe('line');
  state.isAway = true;
  await clock.advance(10_000);
  expect(lag.lagOf(GATEWAY)).toBe('line');
  watch.stop();
});
