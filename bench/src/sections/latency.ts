import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type LatencySummary, spread, summariseLatency } from '@gatecast/delivery-check/statistics';
import { startConnectedStack, startLedgerBroker, startLoad, stopAndDrain, wait } from '../bench-stack.ts';
import { timestamp } from '../measuring/timestamp.ts';
import { number, range } from '../reporting/format.ts';
import type { Integrity, Section } from '../section.ts';
import { Bursts } from './throughput.ts';

export interface LatencyResult {
  gateways: number;
  batch: number;
  /** Readings/s: the peak that was measured, and half of it. */
  peak: number;
  rate: number;
  runs: LatencySummary[];
  refused: number;
  /** Of the event loop of load and broker, ms: so much of the latency may be theirs. */
  ownDelayP99: number;
  integrity: Integrity;
}

const BATCH = 10;
const WARM_UP_MS = 5_000;
const DRAIN_MS = 20_000;
const PEAK_BURST = 40_000;

/** From the time a reading was due at its gateway to the time its broker had it, with half the load that would do. */
export const latency: Section<LatencyResult> = {
  name: 'latency',
  title: 'Latency at half load',
  deadlineMs: 4 * 60_000,
  async run(context) {
    const { options, log } = context;
    const { broker, ledger } = await startLedgerBroker(context);
    const mqtt = { host: broker.host, port: broker.port, qos: 1 as const };
    const { stack, gateways } = await startConnectedStack(context, { count: options.gateways, mqtt: () => mqtt });
    const bursts = new Bursts(stack, undefined, gateways);
    await bursts.send(PEAK_BURST, BATCH); // warms up
    // Not that of the section throughput: its broker takes more than this one, which shares a process with the load.
    const { readingsPerSecond: peak } = await bursts.send(PEAK_BURST, BATCH);
    const intervalMs = (gateways.length * BATCH * 1000) / (peak / 2);
    const load = startLoad(context, stack, { gateways, batch: BATCH, intervalMs });
    await wait(WARM_UP_MS);
    const ownDelay = monitorEventLoopDelay({ resolution: 1 });
    ownDelay.enable();
    const ids = gateways.map(({ gatewayId }) => gatewayId);
    const periods: { from: number; to: number }[] = [];
    for (let run = 0; run < (options.runs ?? (options.quick ? 1 : 3)); run += 1) {
      const from = timestamp();
      await wait(options.quick ? 8_000 : 20_000);
      periods.push({ from, to: timestamp() });
    }
    ownDelay.disable();
    const accepted = await stopAndDrain(load, gateways, ledger, DRAIN_MS);
    const runs = periods.map((period) => summariseLatency(ledger.latencies(ids, period)));
    log(`p99 ${runs.map(({ p99 }) => number(p99, 1)).join(', ')} ms at ${number(load.readingsPerSecond)} readings/s`);
    const integrity = ledger.integrity(accepted);
    return {
      gateways: ids.length,
      batch: BATCH,
      peak,
      rate: load.readingsPerSecond,
      runs,
      refused: load.refused,
      ownDelayP99: ownDelay.percentile(99) / 1e6,
      integrity,
    };
  },
  render({ gateways, batch, peak, rate, runs, refused, ownDelayP99, integrity }) {
    const of = (pick: (run: LatencySummary) => number) => range(spread(runs.map(pick)), 1);
    return {
      method: `${gateways} gateways, QoS 1, batches of ${batch}, at ${number(rate)} readings/s: half of the ${number(peak)} that this load and broker get through. Each reading carries the time it was due at its gateway, by the clock of the broker in the process of the load; measured when the broker has it and acknowledges it. ${runs.length} periods: median, lowest and highest.`,
      tables: [
        {
          rows: [
            ['ms', 'p50', 'p99', 'p99.9', 'highest', 'readings'],
            [
              'ingest to acknowledgement',
              of(({ p50 }) => p50),
              of(({ p99 }) => p99),
              of(({ p999 }) => p999),
              of(({ highest }) => highest),
              number(runs.reduce((sum, { count }) => sum + count, 0)),
            ],
          ],
        },
      ],
      notes: [
        `The event loop of load and broker was late by up to ${number(ownDelayP99, 1)} ms (p99). Refused requests: ${refused}. Lost ${integrity.lost}, out of order ${integrity.reordered}.`,
      ],
      figures: [
        { target: 'latencyP99', measured: spread(runs.map(({ p99 }) => p99)).median },
        { target: 'lost', measured: integrity.lost },
        { target: 'reordered', measured: integrity.reordered },
      ],
    };
  },
};
