import type { LocalStack } from '@gatecast/local-stack';
import { type BrokerConnection, type FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { acceptedOf, startConnectedStack, startLedgerBroker, startLoad, stopAndDrain, wait } from '../bench-stack.ts';
import { timestamp } from '../measuring/timestamp.ts';
import { number } from '../reporting/format.ts';
import type { Integrity, Section } from '../section.ts';
import { ACK_TIMEOUT_SECONDS, WINDOW } from '../targets.ts';

export interface HungBrokerRow {
  qos: 0 | 1;
  gateways: number;
  /** Slowest gateway, from the broker hanging to our end of the session, ms. */
  reset: number;
  /** Slowest gateway, until its status was not green, ms. */
  notGreen: number;
  integrity: Integrity;
  /** Most of one gateway. */
  mostDuplicates: number;
}

export interface HungBrokerResult {
  intervalMs: number;
  rows: HungBrokerRow[];
}

const GATEWAYS = { quick: 10, full: 25 } as const;
const INTERVAL_MS = 250;
const WARM_UP_MS = 3_000;
const NOTICE_DEADLINE_MS = 3 * ACK_TIMEOUT_SECONDS * 1000;
const AFTERWARDS_MS = 5_000;
const DRAIN_MS = 30_000;

/** How soon a broker is noticed that keeps its connections and answers nothing. */
export const hungBroker: Section<HungBrokerResult> = {
  name: 'hung-broker',
  title: 'Hung broker',
  deadlineMs: 5 * 60_000,
  async run(context) {
    const { options, log } = context;
    const { broker, ledger } = await startLedgerBroker(context);
    const perQos = options.quick ? GATEWAYS.quick : GATEWAYS.full;
    const qosOf = (index: number) => (index < perQos ? 1 : 0);
    const { stack, gateways } = await startConnectedStack(context, {
      count: 2 * perQos,
      mqtt: (index) => ({ host: broker.host, port: broker.port, qos: qosOf(index) }),
    });
    const load = startLoad(context, stack, { gateways, intervalMs: INTERVAL_MS });
    await wait(WARM_UP_MS);

    const hungAt = timestamp();
    const hung = hang(broker);
    await untilReset(hung);
    await wait(AFTERWARDS_MS);
    await stopAndDrain(load, gateways, ledger, DRAIN_MS);

    const rowOf = async (qos: 0 | 1): Promise<HungBrokerRow> => {
      const own = gateways.filter((_, index) => qosOf(index) === qos);
      const ids = own.map(({ gatewayId }) => gatewayId);
      const resets = hung
        .filter(({ clientId }) => ids.includes(clientId))
        .map(({ closedAt = Number.NaN }) => closedAt - hungAt);
      const left = await Promise.all(ids.map((gatewayId) => leftGreen(stack, gatewayId, hungAt)));
      const integrity = ledger.integrity(acceptedOf(load, own));
      const mostDuplicates = Math.max(...ids.map((gatewayId) => ledger.duplicatesOf(gatewayId)));
      const row = {
        qos,
        gateways: ids.length,
        reset: Math.max(...resets),
        notGreen: Math.max(...left),
        integrity,
        mostDuplicates,
      };
      log(
        `QoS ${qos}: reset after ${number(row.reset / 1000, 2)} s, not green after ${number(row.notGreen / 1000, 2)} s`,
      );
      return row;
    };
    return { intervalMs: INTERVAL_MS, rows: [await rowOf(1), await rowOf(0)] };
  },
  render({ intervalMs, rows }) {
    const header = [
      '',
      'gateways',
      'session reset, s',
      'not green, s',
      'lost',
      'out of order',
      'duplicates of one, at most',
    ];
    const body = rows.map(({ qos, gateways, reset, notGreen, integrity, mostDuplicates }) => [
      `QoS ${qos}`,
      number(gateways),
      number(reset / 1000, 2),
      number(notGreen / 1000, 2),
      number(integrity.lost),
      number(integrity.reordered),
      number(mostDuplicates),
    ]);
    return {
      method: `A broker that from one moment on takes everything on its connections and answers nothing, neither PUBACK nor PINGRESP; connections made afterwards work. Ack deadline ${ACK_TIMEOUT_SECONDS} s, window ${WINDOW}; each gateway sends a reading every ${intervalMs} ms. Times of the slowest gateway from that moment on; of the status, by its history.`,
      tables: [{ rows: [header, ...body] }],
      notes: [],
      figures: rows.flatMap(({ qos, reset, notGreen, integrity, mostDuplicates }) => [
        {
          target: qos === 1 ? ('hungQos1' as const) : ('hungQos0' as const),
          measured: Math.max(reset, notGreen) / 1000,
        },
        { target: 'hungDuplicates' as const, measured: mostDuplicates },
        { target: 'lost' as const, measured: integrity.lost },
        { target: 'reordered' as const, measured: integrity.reordered },
      ]),
    };
  },
};

/** @throws {TestingError} `WAIT_TIMEOUT` when a session that hangs is not ended. */
async function untilReset(hung: readonly BrokerConnection[]): Promise<void> {
  await waitFor(() => hung.every(({ closedAt }) => closedAt !== undefined), {
    timeoutMs: NOTICE_DEADLINE_MS,
    intervalMs: 50,
    describe: () => `${hung.length} sessions to be reset; ${hung.filter(({ closedAt }) => closedAt).length} were`,
  });
}

/** From the moment on until the gateway's first status that is not green, ms; NaN when there was none. */
async function leftGreen(stack: LocalStack, gatewayId: string, hungAt: number): Promise<number> {
  const times = (await stack.api.history(gatewayId))
    .filter(({ code }) => code !== 'MQTT_INFO_NO_ERR')
    .map(({ time }) => Date.parse(time) - hungAt)
    .filter((ms) => ms >= 0);
  return times.length === 0 ? Number.NaN : Math.min(...times);
}

/** The connections that are up answer nothing any more. */
function hang(broker: FaultableBroker): readonly BrokerConnection[] {
  const hung = broker.connections.filter(({ closedAt }) => closedAt === undefined);
  const numbers = new Set(hung.map((connection) => connection.number));
  broker.faults.withholdPuback = ({ connection }) => numbers.has(connection);
  broker.faults.withholdPingresp = ({ connection }) => numbers.has(connection);
  return hung;
}
