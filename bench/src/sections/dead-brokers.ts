import { type LatencySummary, median, summariseLatency } from '@gatecast/delivery-check/statistics';
import { TcpProxy } from '@gatecast/shared/testing';
import {
  acceptedOf,
  type FleetPlan,
  gatewayIdOf,
  startConnectedStack,
  startLedgerBroker,
  startLoad,
  stopAndDrain,
  untilDelivered,
  untilGreen,
  wait,
} from '../bench-stack.ts';
import type { Period } from '../measuring/delivery-ledger.ts';
import { timestamp } from '../measuring/timestamp.ts';
import { number } from '../reporting/format.ts';
import type { Integrity, Section } from '../section.ts';

export interface DeadBrokersPair {
  alive: LatencySummary;
  dead: LatencySummary;
}

export interface DeadBrokersResult {
  gateways: number;
  /** Of each kind. */
  refused: number;
  blackholed: number;
  intervalMs: number;
  pairs: DeadBrokersPair[];
  integrity: Integrity;
}

const INTERVAL_MS = 500;
const DRAIN_MS = 60_000;
/** The default is 60 s: a broker that is back would keep us waiting between two measurements. */
const BACKOFF_MAX_MS = 2_000;

/** What a tenth of the brokers being dead costs the gateways of the others. */
export const deadBrokers: Section<DeadBrokersResult> = {
  name: 'dead-brokers',
  title: 'A tenth of the brokers dead',
  deadlineMs: 8 * 60_000,
  async run(context) {
    const { options, resources, log } = context;
    const { broker, ledger } = await startLedgerBroker(context);
    const refusing = resources.use(await TcpProxy.start({ target: broker }));
    const blackhole = resources.use(await TcpProxy.start({ target: broker }));
    const each = Math.max(1, Math.round(options.gateways / 20));
    const portOf = (index: number) => (index < each ? refusing.port : index < 2 * each ? blackhole.port : broker.port);
    const plan: FleetPlan = {
      count: options.gateways,
      mqtt: (index) => ({ host: broker.host, port: portOf(index), qos: 1 }),
    };
    const env = { 'mqtt-publisher': { GATECAST_BACKOFF_MAX_MS: String(BACKOFF_MAX_MS) } };
    const { stack, gateways } = await startConnectedStack(context, plan, { env });
    const others = gateways.map((_, index) => gatewayIdOf(index)).slice(2 * each);
    const load = startLoad(context, stack, { gateways, intervalMs: INTERVAL_MS });
    await wait(5_000);

    const observe = async (): Promise<Period> => {
      const from = timestamp();
      await wait(options.quick ? 6_000 : 12_000);
      return { from, to: timestamp() };
    };
    const whenDead = async (): Promise<Period> => {
      await refusing.refuse();
      refusing.resetAll();
      blackhole.blackhole();
      try {
        return await observe();
      } finally {
        await Promise.all([refusing.restore(), blackhole.restore()]);
        blackhole.resetAll();
        await untilGreen(stack, gateways.length);
        await untilDelivered(ledger, acceptedOf(load, gateways), DRAIN_MS);
      }
    };
    const pairs: DeadBrokersPair[] = [];
    for (let pair = 0; pair < (options.runs ?? (options.quick ? 2 : 5)); pair += 1) {
      // Either comes first in turn: what the machine does meanwhile favours neither.
      const periods =
        pair % 2 === 0
          ? { alive: await observe(), dead: await whenDead() }
          : { dead: await whenDead(), alive: await observe() };
      await wait(1_000); // for the last readings of the period
      const alive = summariseLatency(ledger.latencies(others, periods.alive));
      const dead = summariseLatency(ledger.latencies(others, periods.dead));
      log(`p99 of the others ${number(alive.p99, 1)} ms, with dead ones ${number(dead.p99, 1)} ms`);
      pairs.push({ alive, dead });
    }
    const accepted = await stopAndDrain(load, gateways, ledger, DRAIN_MS);
    const integrity = ledger.integrity(accepted);
    return { gateways: gateways.length, refused: each, blackholed: each, intervalMs: INTERVAL_MS, pairs, integrity };
  },
  render({ gateways, refused, blackholed, intervalMs, pairs, integrity }) {
    const ratios = pairs.map(({ alive, dead }) => dead.p99 / alive.p99);
    const header = ['pair', 'p50, ms', 'p99, ms', 'with dead ones: p50', 'p99', 'ratio of p99'];
    const body = pairs.map(({ alive, dead }, index) => [
      String(index + 1),
      number(alive.p50, 1),
      number(alive.p99, 1),
      number(dead.p50, 1),
      number(dead.p99, 1),
      number(ratios[index] ?? Number.NaN, 2),
    ]);
    return {
      method: `${gateways} gateways, each with a reading every ${intervalMs} ms, QoS 1. For ${refused} of them the port of the broker is closed, for ${blackholed} nothing comes through any more, from the start of the period on; latency of all others, from ingest to acknowledgement. In pairs, with and without in changing order.`,
      tables: [{ rows: [header, ...body] }],
      notes: [
        `Median ratio ${number(median(ratios), 2)}. Lost ${integrity.lost}, out of order ${integrity.reordered}, duplicates ${integrity.duplicates}, those of the dead included.`,
      ],
      figures: [
        { target: 'deadBrokers', measured: median(ratios) },
        { target: 'lost', measured: integrity.lost },
        { target: 'reordered', measured: integrity.reordered },
      ],
    };
  },
};
