import { percentile } from '@gatecast/delivery-check/statistics';
import type { ServiceInstance } from '@gatecast/local-stack';
import {
  busiestPublisher,
  startConnectedStack,
  startLedgerBroker,
  startLoad,
  stopAndDrain,
  untilGreen,
  wait,
} from '../bench-stack.ts';
import { timestamp } from '../measuring/timestamp.ts';
import { number } from '../reporting/format.ts';
import type { Integrity, Section } from '../section.ts';
import { LEASE_TTL_MS } from '../targets.ts';

export interface TakeoverRun {
  kind: 'kill -9' | 'SIGTERM';
  /** Worst gap of each gateway whose session moved, ms. */
  gaps: number[];
  /** Of those that stayed where they were, ms; 0 when there were none. */
  worstOfOthers: number;
}

export interface TakeoverResult {
  gateways: number;
  publishers: number;
  intervalMs: number;
  runs: TakeoverRun[];
  integrity: Integrity;
}

const PUBLISHERS = 3;
/** Of each gateway's readings: a gap is never shorter. */
const INTERVAL_MS = 250;
const OBSERVED_MS = { 'kill -9': LEASE_TTL_MS + 5_000, SIGTERM: 5_000 } as const;
/** For partitions to move back to the publisher that was started again. */
const SETTLE_MS = 5_000;
const DRAIN_MS = 20_000;

/** How long a gateway's readings stop at its broker when the process that serves it goes. */
export const takeover: Section<TakeoverResult> = {
  name: 'takeover',
  title: 'Takeover',
  deadlineMs: 6 * 60_000,
  async run(context) {
    const { options, log } = context;
    const { broker, ledger } = await startLedgerBroker(context);
    const mqtt = { host: broker.host, port: broker.port, qos: 1 as const };
    const plan = { count: options.gateways, mqtt: () => mqtt };
    const instances = { 'mqtt-publisher': PUBLISHERS };
    const { stack, gateways } = await startConnectedStack(context, plan, { instances });
    const load = startLoad(context, stack, { gateways, intervalMs: INTERVAL_MS });
    await wait(SETTLE_MS);

    const observe = async (kind: TakeoverRun['kind'], victim: ServiceInstance): Promise<TakeoverRun> => {
      const from = timestamp();
      const ending = kind === 'SIGTERM' ? victim.process.stop() : victim.process.kill('SIGKILL');
      await wait(OBSERVED_MS[kind]);
      const to = timestamp();
      await ending;
      const connects = broker.connects.filter(({ time }) => time >= from && time < to);
      const moved = new Set(connects.map(({ clientId }) => clientId));
      const gapsOf = (isMoved: boolean) =>
        gateways
          .filter(({ gatewayId }) => moved.has(gatewayId) === isMoved)
          .map(({ gatewayId }) => ledger.worstGap(gatewayId, { from, to }));
      return { kind, gaps: gapsOf(true), worstOfOthers: Math.max(0, ...gapsOf(false)) };
    };

    const runs: TakeoverRun[] = [];
    for (let round = 0; round < (options.runs ?? (options.quick ? 1 : 5)); round += 1) {
      for (const kind of ['kill -9', 'SIGTERM'] as const) {
        const victim = await busiestPublisher(stack);
        const run = await observe(kind, victim);
        log(`${kind}: ${run.gaps.length} gateways moved, worst gap ${number(Math.max(...run.gaps) / 1000, 2)} s`);
        runs.push(run);
        await victim.process.restart();
        await untilGreen(stack, gateways.length);
        await wait(SETTLE_MS);
      }
    }
    const accepted = await stopAndDrain(load, gateways, ledger, DRAIN_MS);
    return {
      gateways: gateways.length,
      publishers: PUBLISHERS,
      intervalMs: INTERVAL_MS,
      runs,
      integrity: ledger.integrity(accepted),
    };
  },
  render({ gateways, publishers, intervalMs, runs, integrity }) {
    const header = ['worst gap by gateway, s', 'moved', 'p50', 'p90', 'p99', 'worst', 'worst of the others'];
    const body = runs.map(({ kind, gaps, worstOfOthers }) => [
      kind,
      number(gaps.length),
      ...[0.5, 0.9, 0.99, 1].map((fraction) => number(percentile(gaps, fraction) / 1000, 2)),
      number(worstOfOthers / 1000, 2),
    ]);
    const worst = (wanted: TakeoverRun['kind']) => {
      const of = runs.filter(({ kind }) => kind === wanted);
      // Where nothing moved there was no takeover to measure.
      if (of.length === 0 || of.some(({ gaps }) => gaps.length === 0)) return Number.NaN;
      return Math.max(...of.flatMap(({ gaps, worstOfOthers }) => [...gaps, worstOfOthers])) / 1000;
    };
    return {
      method: `${gateways} gateways with one broker, ${publishers} publishers, QoS 1, lease TTL ${LEASE_TTL_MS / 1000} s. Each gateway sends a reading every ${intervalMs} ms, so that no gap is shorter. The publisher with most gateways is ended; a gap is the time between two new readings of one gateway at its broker. A gateway has moved when it connected again.`,
      tables: [{ rows: [header, ...body] }],
      notes: [`Lost ${integrity.lost}, out of order ${integrity.reordered}, duplicates ${integrity.duplicates}.`],
      figures: [
        { target: 'takeoverCrash', measured: worst('kill -9') },
        { target: 'takeoverPlanned', measured: worst('SIGTERM') },
        { target: 'lost', measured: integrity.lost },
        { target: 'reordered', measured: integrity.reordered },
      ],
    };
  },
};
