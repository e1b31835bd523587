import { DeliveryLog } from '@gatecast/delivery-check/deliveries';
import { GatewayLoad, Load, type Pace, seededRandom } from '@gatecast/delivery-check/load';
import { IngestClient, LocalStack, type LogFiles } from '@gatecast/local-stack';
import { waitFor } from '@gatecast/shared/testing';
import type { ChaosBroker } from './brokers/chaos-broker.ts';
import { FaultableTarget } from './brokers/faultable-target.ts';
import { MosquittoTarget } from './brokers/mosquitto-target.ts';
import { type BrokerSetup, LEASE_TTL_MS, type Scenario } from './scenario.ts';
import { type ChaosGateway, ScenarioRun } from './scenario-run.ts';

const PARTITIONS = 16;
const DEFAULT_PACE: Pace = { perRequest: 2, intervalMs: 100 };
const GREEN_TIMEOUT_MS = 45_000;
const DEFAULT_INSTANCES = { 'mqtt-publisher': 3, encoder: 2, 'sensor-ingest': 2 };

export interface StartOptions {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly slack: number;
  readonly logs: LogFiles;
  /** Gives up. */
  readonly signal: AbortSignal;
  /** Takes what has to be stopped in the end, last first. */
  readonly started: AsyncDisposableStack;
}

/** Starts the system, the brokers and the gateways of a scenario; resolves when every gateway is connected. */
export async function startRun({ scenario, seed, slack, logs, signal, started }: StartOptions): Promise<ScenarioRun> {
  const { setup = {} } = scenario;
  const deliveries = new DeliveryLog();
  const brokerSetups = setup.brokers ?? [{}];
  const brokers: ChaosBroker[] = [];
  for (const broker of brokerSetups) {
    const target =
      broker.kind === 'mosquitto'
        ? await MosquittoTarget.start(deliveries)
        : await FaultableTarget.start(deliveries, broker.capabilities);
    started.defer(() => target.stop());
    brokers.push(target);
  }
  const stack = await LocalStack.start({
    ...setup,
    partitions: PARTITIONS,
    leaseTtlMs: LEASE_TTL_MS,
    instances: { ...DEFAULT_INSTANCES, ...setup.instances },
    env: {
      ...setup.env,
      'sensor-ingest': { GATECAST_REQUESTS_PER_MINUTE: '100000', ...setup.env?.['sensor-ingest'] },
      'mqtt-publisher': {
        GATECAST_IDENTIFY_SESSIONS: 'true',
        GATECAST_BACKOFF_BASE_MS: '200',
        GATECAST_BACKOFF_MAX_MS: '2000',
        ...setup.env?.['mqtt-publisher'],
      },
    },
    onLine: (_, line, instance) => logs.write(`${scenario.name}.${instance}`, line),
    signal,
  });
  started.defer(async () => void (await stack.stop({ graceMs: 5_000 })));
  for (const [fleet, publishers] of Object.entries(setup.fleets ?? {})) {
    await stack.api.createFleet(fleet);
    for (let index = 0; index < publishers; index += 1) await stack.addInstance('mqtt-publisher', { fleet });
  }
  // Before there are sessions: one that is handed over now would be counted as made twice.
  await stack.settledOwnership();
  const ingests = () => stack.instancesOf('sensor-ingest').map(({ process }) => new IngestClient(process.httpUrl));
  const gateways: ChaosGateway[] = [];
  for (const [index, broker] of brokers.entries()) {
    const { qos = 1, gateways: count = 12, mqtt = {}, pace, fleet }: BrokerSetup = brokerSetups[index]!;
    for (let number = 0; number < count; number += 1) {
      const gatewayId = `gw-${index}-${String(number).padStart(2, '0')}`;
      const settings = { host: broker.host, port: broker.port, qos, protocolVersion: '5' as const, ...mqtt };
      const client = await stack.registerGateway({ gatewayId, mqtt: settings, ...(fleet && { fleet }) });
      const load = new GatewayLoad({
        gatewayId,
        token: client.token,
        pace: pace === undefined || pace === 'idle' ? DEFAULT_PACE : pace,
        random: seededRandom(seed, `${scenario.name}/${gatewayId}`),
        ingests,
      });
      gateways.push({ gatewayId, client, broker, load, qos, idle: pace === 'idle' });
    }
  }
  await allGreen(stack, gateways.length, signal);
  return new ScenarioRun({
    stack,
    brokers,
    gateways,
    deliveries,
    slack,
    load: new Load(gateways.filter(({ idle }) => !idle).map(({ load }) => load)),
    random: seededRandom(seed, scenario.name),
    note: (text) => logs.write(`${scenario.name}.timeline`, `${new Date().toISOString()} ${text}`),
    signal,
  });
}

async function allGreen(stack: LocalStack, count: number, signal: AbortSignal): Promise<void> {
  let green = 0;
  await waitFor(
    async () => {
      signal.throwIfAborted();
      green = (await stack.api.listGateways({ code: 'MQTT_INFO_NO_ERR' })).length;
      return green === count;
    },
    { timeoutMs: GREEN_TIMEOUT_MS, intervalMs: 200, describe: () => `${count} gateways connected, ${green} are` },
  );
}
