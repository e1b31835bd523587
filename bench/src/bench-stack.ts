import { type IntegrationWrite, LocalStack, type LocalStackOptions, type ServiceInstance } from '@gatecast/local-stack';
import {
  type BrokerMessage,
  FaultableBroker,
  findMosquitto,
  Mosquitto,
  type MosquittoTls,
  waitFor,
} from '@gatecast/shared/testing';
import { stampOf } from './load/readings.ts';
import type { LoadTarget } from './load/request.ts';
import { SteadyLoad, type SteadyLoadOptions } from './load/steady-load.ts';
import { DeliveryLedger } from './measuring/delivery-ledger.ts';
import { Metrics } from './measuring/metrics.ts';
import type { BenchContext } from './section.ts';
import { LEASE_TTL_MS } from './targets.ts';

const REGISTRATIONS_AT_A_TIME = 8;
const GREEN = { name: 'code', value: 'MQTT_INFO_NO_ERR' };

/** The system as built, stopped when the section is over. Logs warnings and errors only, as writing logs costs CPU. */
export async function startStack(
  { resources, options: { syncAlways } }: BenchContext,
  options: LocalStackOptions = {},
): Promise<LocalStack> {
  const nats = syncAlways ? { syncInterval: 'always' } : {};
  const stack = resources.use(await LocalStack.start({ built: true, leaseTtlMs: LEASE_TTL_MS, nats, ...options }));
  await stack.settledOwnership();
  return stack;
}

/**
 * mosquitto without its log of every packet, and without a limit to what it has in flight to a client.
 * @throws {TestingError} `BINARY_NOT_FOUND`
 */
export async function startMosquitto({ resources }: BenchContext, tls?: MosquittoTls): Promise<Mosquitto> {
  if (findMosquitto() === undefined) throw new Error('this section needs mosquitto');
  // Repeated lines add up, so the harness's `log_type all` is taken back first; its start is waited for by its log.
  const config = 'log_type none\nlog_type information';
  return resources.use(await Mosquitto.start({ maxInflightMessages: 0, config, ...(tls && { tls }) }));
}

export interface LedgerBroker {
  broker: FaultableBroker;
  ledger: DeliveryLedger;
}

/** A broker in this process, on the clock of the load, that tells the ledger of every stamped reading it takes over. */
export async function startLedgerBroker({ resources }: BenchContext): Promise<LedgerBroker> {
  const ledger = new DeliveryLedger();
  const onMessage = ({ topic, payload, time }: BrokerMessage) => {
    const stamp = stampOf(payload);
    const [, gatewayId] = topic.split('/');
    if (stamp !== undefined && gatewayId !== undefined) ledger.arrived({ gatewayId, ...stamp, arrivedAt: time });
  };
  const broker = resources.use(await FaultableBroker.start({ recording: 'connects', onMessage }));
  return { broker, ledger };
}

export interface FleetPlan {
  count: number;
  /** Number of the first one. Default 0. */
  from?: number;
  mqtt(index: number): IntegrationWrite | Promise<IntegrationWrite>;
}

/** Twelve digits, like the serials of bases. */
export function gatewayIdOf(index: number): string {
  return `3942607${String(index).padStart(5, '0')}`;
}

export async function registerGateways(stack: LocalStack, { count, from = 0, mqtt }: FleetPlan): Promise<LoadTarget[]> {
  const targets: LoadTarget[] = [];
  let next = from;
  const worker = async () => {
    for (let index = next++; index < from + count; index = next++) {
      const { gatewayId, token } = await stack.registerGateway({
        gatewayId: gatewayIdOf(index),
        mqtt: await mqtt(index),
      });
      targets[index - from] = { gatewayId, token };
    }
  };
  await Promise.all(Array.from({ length: REGISTRATIONS_AT_A_TIME }, worker));
  return targets;
}

export interface ConnectedStack {
  stack: LocalStack;
  gateways: LoadTarget[];
}

/**
 * The system with gateways registered, the session of each of them up.
 * @throws {TestingError} `WAIT_TIMEOUT`
 */
export async function startConnectedStack(
  context: BenchContext,
  plan: FleetPlan,
  options?: LocalStackOptions,
): Promise<ConnectedStack> {
  const stack = await startStack(context, options);
  const gateways = await registerGateways(stack, plan);
  await untilGreen(stack, gateways.length);
  return { stack, gateways };
}

/** Gateways whose session is up and delivers, over all publishers that run. */
export async function greenCount(stack: LocalStack): Promise<number> {
  const publishers = stack.instancesOf('mqtt-publisher').filter(({ process }) => process.running);
  const counts = await Promise.all(
    publishers.map(async ({ process }) =>
      (await Metrics.of(process.adminUrl)).value('gatecast_publisher_gateway_status', GREEN),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** @throws {TestingError} `WAIT_TIMEOUT` */
export async function untilGreen(stack: LocalStack, count: number, timeoutMs = 60_000): Promise<void> {
  let seen = 0;
  await waitFor(
    async () => {
      seen = await greenCount(stack);
      return seen >= count;
    },
    { timeoutMs, intervalMs: 100, describe: () => `${count} sessions; there were ${seen}` },
  );
}

/** The publisher that serves most gateways: with several owners one of them, else the only one. */
export async function busiestPublisher(stack: LocalStack): Promise<ServiceInstance> {
  const publishers = stack.instancesOf('mqtt-publisher').filter(({ process }) => process.running);
  const served = await Promise.all(
    publishers.map(async (instance) => ({
      instance,
      gateways: (await Metrics.of(instance.process.adminUrl)).value('gatecast_publisher_gateways'),
    })),
  );
  const [first] = served.toSorted((a, b) => b.gateways - a.gateways);
  if (first === undefined) throw new Error('no publisher runs');
  return first.instance;
}

/** Gateways that send at a fixed rate, until the section is over at the latest. */
export function startLoad(
  { resources }: BenchContext,
  stack: LocalStack,
  plan: Omit<SteadyLoadOptions, 'ingestUrl'>,
): SteadyLoad {
  return resources.use(SteadyLoad.start({ ingestUrl: stack.ingest.baseUrl, ...plan }));
}

/** Readings accepted so far, by gateway. */
export function acceptedOf(load: SteadyLoad, gateways: readonly LoadTarget[]): Map<string, number> {
  return new Map(gateways.map(({ gatewayId }) => [gatewayId, load.acceptedOf(gatewayId)]));
}

/** Waits until all that was accepted has come. Does not fail when it does not: what is missing then is lost. */
export async function untilDelivered(
  ledger: DeliveryLedger,
  accepted: ReadonlyMap<string, number>,
  timeoutMs: number,
): Promise<void> {
  const isComplete = () => [...accepted].every(([gatewayId, count]) => ledger.countOf(gatewayId) >= count);
  await waitFor(isComplete, { timeoutMs, intervalMs: 50 }).catch(() => undefined);
}

/** Ends the load, and waits for what was accepted of it, as `untilDelivered` does. Returns how much that is. */
export async function stopAndDrain(
  load: SteadyLoad,
  gateways: readonly LoadTarget[],
  ledger: DeliveryLedger,
  timeoutMs: number,
): Promise<Map<string, number>> {
  await load.stop();
  const accepted = acceptedOf(load, gateways);
  await untilDelivered(ledger, accepted, timeoutMs);
  return accepted;
}

/** Lets the load flow. */
export function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
