import { summariseLatency } from '@gatecast/delivery-check/statistics';
import { expect, it } from 'vitest';
import type { SectionReport } from '../../src/section.ts';
import { catchUp } from '../../src/sections/catch-up.ts';
import { deadBrokers } from '../../src/sections/dead-brokers.ts';
import { hungBroker } from '../../src/sections/hung-broker.ts';
import { latency } from '../../src/sections/latency.ts';
import { LEAN_FLAGS, sessions } from '../../src/sections/sessions.ts';
import { streams } from '../../src/sections/streams.ts';
import { takeover } from '../../src/sections/takeover.ts';
import { throughput } from '../../src/sections/throughput.ts';

const integrity = { lost: 0, reordered: 0, duplicates: 3 };

function figuresOf(report: SectionReport): Record<string, number> {
  return Object.fromEntries(report.figures.map(({ target, measured }) => [target, measured]));
}

/** Every row has a cell for each column of its header. */
function expectWholeTables({ tables }: SectionReport): void {
  for (const { rows } of tables) {
    for (const row of rows) expect(row).toHaveLength(rows[0]!.length);
  }
}

it('throughput: medians of the row that the targets are for', () => {
  const run = (publisher: number, readingsPerSecond: number) => ({
    readingsPerSecond,
    cpu: {
      'config-api': 0.5,
      'sensor-ingest': 1,
      encoder: 1,
      'mqtt-publisher': publisher,
      'nats-server': 2,
      mosquitto: 1,
    },
  });
  const result = {
    gateways: 200,
    rows: [
      { qos: 0 as const, batch: 10, readings: 1000, runs: [run(9, 1)] },
      { qos: 1 as const, batch: 10, readings: 1000, runs: [run(2, 9_000), run(3, 11_000), run(1, 10_000)] },
    ],
    profiles: undefined,
  };
  const report = throughput.render(result);
  expectWholeTables(report);
  expect(figuresOf(report)).toEqual({ cpuOurs: 4.5, cpuPublisher: 2, readingsPerSecond: 10_000 });
  expect(throughput.render({ ...result, rows: result.rows.slice(0, 1) }).figures).toEqual([]);
});

it('latency: the median of its periods', () => {
  const runs = [10, 30, 20].map((ms) => summariseLatency([ms]));
  const report = latency.render({
    gateways: 200,
    batch: 10,
    peak: 10_000,
    rate: 5_000,
    runs,
    refused: 0,
    ownDelayP99: 2,
    integrity,
  });
  expectWholeTables(report);
  expect(figuresOf(report)).toEqual({ latencyP99: 20, lost: 0, reordered: 0 });
});

it('sessions: 5,000 plain ones with the lean flags are what the target is for', () => {
  const row = (count: number, flags: readonly string[], rss: number) => ({
    kind: 'plain' as const,
    sessions: count,
    flags,
    curve: { half: 1, ninetyPercent: 2, all: 4 },
    idleCpu: 1.5,
    idleMemory: { rss: rss - 1, peak: rss },
    busyCpu: 2.5,
    busyMemory: { rss, peak: rss },
    heap: { used: 100, external: 5 },
    constructors: undefined,
  });
  const report = sessions.render({
    keepAliveSeconds: 60,
    rows: [row(1_000, [], 150), row(5_000, [], 350), row(5_000, LEAN_FLAGS, 250)],
  });
  expectWholeTables(report);
  expect(figuresOf(report)).toEqual({ sessionsRss: 250, sessionsCpu: 1.5 });
});

it('takeover: the worst gap of all gateways, by how the publisher ended', () => {
  const report = takeover.render({
    gateways: 3,
    publishers: 3,
    intervalMs: 250,
    runs: [
      { kind: 'kill -9', gaps: [3_000, 3_500], worstOfOthers: 300 },
      { kind: 'SIGTERM', gaps: [400], worstOfOthers: 600 },
    ],
    integrity,
  });
  expectWholeTables(report);
  expect(figuresOf(report)).toEqual({ takeoverCrash: 3.5, takeoverPlanned: 0.6, lost: 0, reordered: 0 });
});

it('takeover: that nothing moved is no takeover that was fast', () => {
  const runs = [{ kind: 'kill -9' as const, gaps: [], worstOfOthers: 300 }];
  const report = takeover.render({ gateways: 3, publishers: 3, intervalMs: 250, runs, integrity });
  expect(figuresOf(report).takeoverCrash).toBeNaN();
  expect(figuresOf(report).takeoverPlanned).toBeNaN();
});

it('hung broker: the later of the reset and the status', () => {
  const row = { gateways: 5, integrity, mostDuplicates: 20 };
  const report = hungBroker.render({
    intervalMs: 250,
    rows: [
      { ...row, qos: 1, reset: 10_100, notGreen: 10_200 },
      { ...row, qos: 0, reset: 10_700, notGreen: 10_600, mostDuplicates: 0 },
    ],
  });
  expectWholeTables(report);
  expect(report.figures).toContainEqual({ target: 'hungQos1', measured: 10.2 });
  expect(report.figures).toContainEqual({ target: 'hungQos0', measured: 10.7 });
  expect(report.figures).toContainEqual({ target: 'hungDuplicates', measured: 20 });
});

it('dead brokers: the median of the pairs’ ratios', () => {
  const pairs = [
    [10, 11],
    [10, 20],
    [20, 21],
  ].map(([alive, dead]) => ({ alive: summariseLatency([alive!]), dead: summariseLatency([dead!]) }));
  const report = deadBrokers.render({ gateways: 200, refused: 10, blackholed: 10, intervalMs: 500, pairs, integrity });
  expectWholeTables(report);
  expect(figuresOf(report).deadBrokers).toBeCloseTo(1.1);
});

it('catch-up: counts what the backlog lost among the lost', () => {
  const summary = summariseLatency([5]);
  const report = catchUp.render({
    messages: 1_000,
    seconds: 4,
    liveGateways: 200,
    liveIntervalMs: 500,
    before: summary,
    during: summary,
    lost: 2,
    integrity,
  });
  expectWholeTables(report);
  expect(report.tables[0]?.rows[1]).toEqual(['backlog', '1,000', '4.0', '250']);
  expect(figuresOf(report)).toEqual({ lost: 2, reordered: 0 });
});

it('streams: the last third beside the second, whichever stream has grown more', () => {
  const sizes = (readings: number, outbox: number) => ({ second: 1, readings, outbox, backlog: 7, mib: 1 });
  const report = streams.render({
    gateways: 200,
    offline: 20,
    readingsPerSecond: 8_000,
    batch: 10,
    lookBackSeconds: 30,
    purgeSeconds: 10,
    samples: [sizes(10, 10), sizes(20, 10), sizes(100, 40), sizes(90, 50), sizes(110, 60), sizes(100, 50)],
    waiting: 7,
    end: sizes(50, 0),
    integrity,
  });
  expectWholeTables(report);
  expect(figuresOf(report)).toEqual({ streamsGrowth: 1.2, lost: 0, reordered: 0 });
});
