import { type LocalStack, streamState } from '@gatecast/local-stack';
import { backlogStreamOf, outboxStreamOf, readingsStreamOf } from '@gatecast/shared/nats';
import { TcpProxy, waitFor } from '@gatecast/shared/testing';
import {
  type FleetPlan,
  startConnectedStack,
  startLedgerBroker,
  startLoad,
  stopAndDrain,
  wait,
} from '../bench-stack.ts';
import { number } from '../reporting/format.ts';
import type { Integrity, Section } from '../section.ts';

export interface StreamSizes {
  /** Seconds since the load began. */
  second: number;
  /** Messages of each stream: batches of readings. */
  readings: number;
  outbox: number;
  backlog: number;
  /** Of all three, MiB. */
  mib: number;
}

export interface StreamsResult {
  gateways: number;
  offline: number;
  readingsPerSecond: number;
  batch: number;
  lookBackSeconds: number;
  purgeSeconds: number;
  samples: StreamSizes[];
  /** Batches that waited for the brokers of the offline when these came back. */
  waiting: number;
  /** After they had come. */
  end: StreamSizes;
  integrity: Integrity;
}

const FLEET = 'default';
const BATCH = 10;
const READINGS_PER_SECOND = 8_000;
const DRAIN_MS = 180_000;
const MIB = 1024 * 1024;

/** Whether the streams stay as small as what is unsettled, under load and with a tenth of the gateways offline. */
export const streams: Section<StreamsResult> = {
  name: 'streams',
  title: 'Size of the streams, a tenth of the gateways offline',
  deadlineMs: 18 * 60_000,
  async run(context) {
    const { options, resources, log } = context;
    const { broker, ledger } = await startLedgerBroker(context);
    const closed = resources.use(await TcpProxy.start({ target: broker }));
    const offline = Math.max(1, Math.round(options.gateways / 10));
    const plan: FleetPlan = {
      count: options.gateways,
      mqtt: (index) => ({ host: broker.host, port: index < offline ? closed.port : broker.port, qos: 1 }),
    };
    // The defaults, an hour and half a minute, would need a run of hours to show that anything is ever removed.
    const lookBackSeconds = options.quick ? 5 : 30;
    const purgeSeconds = options.quick ? 5 : 10;
    const env = {
      'config-api': { GATECAST_BACKLOG_MAX_BYTES: String(4096 * MIB) },
      encoder: {
        GATECAST_LOOK_BACK_SECONDS: String(lookBackSeconds),
        GATECAST_HOUSEKEEPING_INTERVAL_SECONDS: String(purgeSeconds),
      },
      'mqtt-publisher': {
        GATECAST_PURGE_INTERVAL_MS: String(purgeSeconds * 1000),
        GATECAST_BACKOFF_MAX_MS: '2000',
      },
    };
    const { stack, gateways } = await startConnectedStack(context, plan, { env });
    await closed.refuse();
    closed.resetAll();

    const intervalMs = (gateways.length * BATCH * 1000) / READINGS_PER_SECOND;
    const load = startLoad(context, stack, { gateways, batch: BATCH, intervalMs });
    const seconds = options.quick ? 60 : 600;
    const began = performance.now();
    const samples: StreamSizes[] = [];
    const elapsed = () => (performance.now() - began) / 1000;
    while (elapsed() < seconds) {
      await wait(1_000);
      samples.push(await sizesOf(stack, elapsed()));
    }
    const waiting = samples.at(-1)?.backlog ?? Number.NaN;
    log(`${number(waiting)} batches wait for the offline, OUTBOX has ${number(samples.at(-1)?.outbox ?? Number.NaN)}`);
    await closed.restore();
    const accepted = await stopAndDrain(load, gateways, ledger, DRAIN_MS);
    const end = await emptied(stack, elapsed);
    const readingsPerSecond = [...accepted.values()].reduce((sum, count) => sum + count, 0) / seconds;
    const integrity = ledger.integrity(accepted);
    return {
      gateways: gateways.length,
      offline,
      readingsPerSecond,
      batch: BATCH,
      lookBackSeconds,
      purgeSeconds,
      samples,
      waiting,
      end,
      integrity,
    };
  },
  render({ samples, end, waiting, integrity, ...setUp }) {
    const thirds = [0, 1, 2].map((third) =>
      samples.slice((samples.length / 3) * third, (samples.length / 3) * (third + 1)),
    );
    const row = (name: string, of: readonly StreamSizes[]) => [
      name,
      ...(['readings', 'outbox', 'backlog', 'mib'] as const).map((key) => number(most(of, key))),
    ];
    const [, second = [], last = []] = thirds;
    const growth = (key: 'readings' | 'outbox') => most(last, key) / most(second, key);
    return {
      method: `${setUp.gateways} gateways, QoS 1, batches of ${setUp.batch}, ${number(setUp.readingsPerSecond)} readings/s for ${number(samples.at(-1)?.second ?? Number.NaN)} s; the brokers of ${setUp.offline} of them cannot be reached. READINGS keeps ${setUp.lookBackSeconds} s behind the encoder (the default is an hour), and what is settled is removed every ${setUp.purgeSeconds} s. Looked at once a second; the largest of each third.`,
      tables: [
        {
          rows: [
            ['batches in', 'READINGS', 'OUTBOX', 'BACKLOG', 'all, MiB'],
            ...thirds.map((of, index) => row(`third ${index + 1}`, of)),
            row('all delivered', [end]),
          ],
        },
      ],
      notes: [
        `When the brokers were back, ${number(waiting)} batches waited for them. Lost ${integrity.lost}, out of order ${integrity.reordered}, duplicates ${integrity.duplicates}, those of the offline included.`,
      ],
      figures: [
        { target: 'streamsGrowth', measured: Math.max(growth('readings'), growth('outbox')) },
        { target: 'lost', measured: integrity.lost },
        { target: 'reordered', measured: integrity.reordered },
      ],
    };
  },
};

async function sizesOf(stack: LocalStack, second: number): Promise<StreamSizes> {
  const [readings, outbox, backlog] = await Promise.all([
    streamState(stack, readingsStreamOf(0)),
    streamState(stack, outboxStreamOf(FLEET, 0)),
    streamState(stack, backlogStreamOf(FLEET)),
  ]);
  return {
    second,
    readings: readings.messages,
    outbox: outbox.messages,
    backlog: backlog.messages,
    mib: (readings.bytes + outbox.bytes + backlog.bytes) / MIB,
  };
}

/** Waits until what is settled has been removed. Does not fail when it is not: the table says what stayed. */
async function emptied(stack: LocalStack, elapsed: () => number): Promise<StreamSizes> {
  let sizes = await sizesOf(stack, elapsed());
  const isEmpty = async () => {
    sizes = await sizesOf(stack, elapsed());
    return sizes.outbox === 0 && sizes.backlog === 0;
  };
  await waitFor(isEmpty, { timeoutMs: 60_000, intervalMs: 500 }).catch(() => undefined);
  return sizes;
}

function most(sizes: readonly StreamSizes[], key: Exclude<keyof StreamSizes, 'second'>): number {
  return Math.max(...sizes.map((size) => size[key]));
}
