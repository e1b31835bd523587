import { type LatencySummary, summariseLatency } from '@gatecast/delivery-check/statistics';
import type { LocalStack } from '@gatecast/local-stack';
import { waitFor } from '@gatecast/shared/testing';
import {
  type FleetPlan,
  gatewayIdOf,
  startConnectedStack,
  startLedgerBroker,
  startLoad,
  startMosquitto,
  stopAndDrain,
  wait,
} from '../bench-stack.ts';
import { sendBurst } from '../load/burst.ts';
import { Metrics } from '../measuring/metrics.ts';
import { timestamp } from '../measuring/timestamp.ts';
import { number } from '../reporting/format.ts';
import type { Integrity, Section } from '../section.ts';

export interface CatchUpResult {
  messages: number;
  /** From the session being up to the last of the backlog being acknowledged. */
  seconds: number;
  liveGateways: number;
  liveIntervalMs: number;
  /** Of the live ones, before and while the backlog drained. */
  before: LatencySummary;
  during: LatencySummary;
  /** By the gateway's status. */
  lost: number;
  integrity: Integrity;
}

const BATCH = 500;
const LIVE_INTERVAL_MS = 500;
const BACKOFF_MAX_MS = 1_000;
const BUILD_UP_DEADLINE_MS = 90_000;
const DRAIN_DEADLINE_MS = 180_000;

/** How fast a gateway's backlog drains once its broker is back, and what the others notice of it. */
export const catchUp: Section<CatchUpResult> = {
  name: 'catch-up',
  title: 'Catching up',
  deadlineMs: 7 * 60_000,
  async run(context) {
    const { options, log } = context;
    const { broker: liveBroker, ledger } = await startLedgerBroker(context);
    const lateBroker = await startMosquitto(context);
    const brokerOf = (index: number) => (index === 0 ? lateBroker : liveBroker);
    const plan: FleetPlan = {
      count: options.gateways + 1,
      mqtt: (index) => ({ host: brokerOf(index).host, port: brokerOf(index).port, qos: 1 }),
    };
    const env = { 'mqtt-publisher': { GATECAST_BACKOFF_MAX_MS: String(BACKOFF_MAX_MS) } };
    const { stack, gateways } = await startConnectedStack(context, plan, { env });
    const [late, live] = [gateways.slice(0, 1), gateways.slice(1)];
    const ids = live.map(({ gatewayId }) => gatewayId);
    const ingestUrl = stack.ingest.baseUrl;
    const load = startLoad(context, stack, { gateways: live, intervalMs: LIVE_INTERVAL_MS });
    await wait(3_000);
    const undisturbed = { from: timestamp(), to: timestamp() + (options.quick ? 5_000 : 15_000) };
    await wait(undisturbed.to - undisturbed.from);

    const messages = options.quick ? 20_000 : 100_000;
    await lateBroker.kill();
    await untilBehind(stack);
    const startTime = Math.floor(Date.now() / 1000) - 80_000;
    await sendBurst({ ingestUrl, gateways: late, readings: messages, batch: BATCH, concurrency: 1, startTime });
    await untilWaiting(stack, messages);
    log(`${number(messages)} messages wait`);
    const sessionsBefore = await sessionsMade(stack);
    await lateBroker.restart();
    await waitFor(async () => (await sessionsMade(stack)) > sessionsBefore, { timeoutMs: 30_000, intervalMs: 20 });
    const from = timestamp();
    await waitFor(async () => (await behind(stack)) === 0, {
      timeoutMs: DRAIN_DEADLINE_MS,
      intervalMs: 50,
      describe: 'the backlog to be drained',
    });
    const to = timestamp();
    log(`drained at ${number((messages * 1000) / (to - from))} messages/s`);
    const accepted = await stopAndDrain(load, live, ledger, 20_000);
    const status = await stack.api.status(gatewayIdOf(0));
    return {
      messages,
      seconds: (to - from) / 1000,
      liveGateways: live.length,
      liveIntervalMs: LIVE_INTERVAL_MS,
      before: summariseLatency(ledger.latencies(ids, undisturbed)),
      during: summariseLatency(ledger.latencies(ids, { from, to })),
      lost: status.backlog.lost,
      integrity: ledger.integrity(accepted),
    };
  },
  render({ messages, seconds, liveGateways, liveIntervalMs, before, during, lost, integrity }) {
    const row = (name: string, { p50, p99, p999, count }: LatencySummary) => [
      name,
      number(p50, 1),
      number(p99, 1),
      number(p999, 1),
      number(count),
    ];
    return {
      method: `The broker of one gateway is down while ${number(messages)} readings come in, in batches of ${BATCH}; then it is back. Beside it ${liveGateways} gateways with another broker and a reading every ${liveIntervalMs} ms. QoS 1.`,
      tables: [
        {
          rows: [
            ['drained', 'messages', 's', 'messages/s'],
            ['backlog', number(messages), number(seconds, 1), number(messages / seconds)],
          ],
        },
        {
          rows: [
            ['the others, ingest to acknowledgement, ms', 'p50', 'p99', 'p99.9', 'readings'],
            row('before', before),
            row('while it drains', during),
          ],
        },
      ],
      notes: [
        `Lost of the backlog ${lost}; of the others lost ${integrity.lost}, out of order ${integrity.reordered}. There is no target for the rate.`,
      ],
      figures: [
        { target: 'lost', measured: lost + integrity.lost },
        { target: 'reordered', measured: integrity.reordered },
      ],
    };
  },
};

async function metricsOf(stack: LocalStack): Promise<Metrics> {
  return Metrics.of(stack.services['mqtt-publisher'].adminUrl);
}

async function behind(stack: LocalStack): Promise<number> {
  return (await metricsOf(stack)).value('gatecast_publisher_gateways_behind');
}

async function sessionsMade(stack: LocalStack): Promise<number> {
  return (await metricsOf(stack)).value('gatecast_publisher_connect_attempts_total', { name: 'result', value: 'ok' });
}

/** The session's end has been noticed: what comes from now on waits. */
async function untilBehind(stack: LocalStack): Promise<void> {
  await waitFor(async () => (await stack.api.status(gatewayIdOf(0))).code !== 'MQTT_INFO_NO_ERR', {
    timeoutMs: 15_000,
    intervalMs: 100,
    describe: 'the gateway to be without its broker',
  });
}

async function untilWaiting(stack: LocalStack, messages: number): Promise<void> {
  let moved = 0;
  await waitFor(
    async () => {
      moved = (await metricsOf(stack)).value('gatecast_publisher_backlog_messages_moved_total');
      return moved >= messages;
    },
    {
      timeoutMs: BUILD_UP_DEADLINE_MS,
      intervalMs: 100,
      describe: () => `${messages} messages in the waiting room; there were ${moved}`,
    },
  );
}
