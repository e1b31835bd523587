import { LocalStack, type LogFiles } from '@gatecast/local-stack';
import type { ProcessExit } from '@gatecast/shared/testing';
import type { DemoOptions } from './arguments.ts';
import { type BrokerAddress, settingsOf } from './broker-address.ts';
import { EmbeddedBroker } from './embedded-broker.ts';
import { type PlannedGateway, planFleet } from './fleet-plan.ts';

import { signOff } from './sign-off.ts';
import type { Pace, SimulatedGatewaySettings } from './simulator/settings.ts';
import { SimulatorProcess } from './simulator-process.ts';
import { Subscriber } from './subscriber.ts';

export const ROOT_TOPIC = 'Aranet';

export interface SessionOptions {
  readonly demo: DemoOptions;
  readonly logs: LogFiles;
  /** Settings of OpenTelemetry, handed to the services. */
  readonly telemetryEnv: Record<string, string>;
  readonly onFirstMeasurement: () => void;
  /** Gives up the start. */
  readonly signal: AbortSignal;
}

/** A process that ended without being asked to. */
export interface Failure {
  readonly process: string;
  readonly exit: ProcessExit;
  readonly lastLines: readonly string[];
}

interface Watched {
  readonly name: string;
  readonly exit: Promise<ProcessExit> | undefined;
  readonly log: () => readonly string[];
}

/**
 * Brokers stand in private networks, too. The services run on the user's own machine, with brokers of the user's own
 * choice; on a server this would let tenants reach into the operator's network.
 */
const PRIVATE_RANGES = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'];
const LEASE_TTL_MS = 3_000;
/** A desktop has one user and few gateways: fewer partitions start sooner. */
const PARTITIONS = 8;
const SERVICE_GRACE_MS = 5_000;
const REGISTERED_AT_ONCE = 10;
const LAST_LINES = 15;

/** Everything that the demo has started: the system, its broker unless there was one, a subscriber, and the gateways. */
export class Session {
  readonly gateways: readonly PlannedGateway[];
  readonly broker: BrokerAddress;
  readonly subscriber: Subscriber;
  readonly stack: LocalStack;
  /** Resolves when a process ends that was not asked to. */
  readonly failure: Promise<Failure>;
  readonly #started: AsyncDisposableStack;
  #isStopping = false;

  private constructor(parts: SessionParts, simulator: SimulatorProcess, started: AsyncDisposableStack) {
    this.gateways = parts.gateways;
    this.broker = parts.broker;
    this.subscriber = parts.subscriber;
    this.stack = parts.stack;
    this.#started = started;
    this.failure = this.#firstFailure([
      ...Object.values(parts.stack.services).map((service) => ({
        name: service.name,
        exit: service.exit,
        log: () => service.log,
      })),
      { name: 'nats-server', exit: parts.stack.nats.exit, log: () => parts.stack.nats.logLines },
      { name: 'simulator', exit: simulator.exit, log: () => simulator.log },
    ]);
  }

  /** Whatever had started is stopped again when something does not start. */
  static async start(options: SessionOptions): Promise<Session> {
    const { demo, logs, signal } = options;
    const started = new AsyncDisposableStack();
    try {
      const parts = await startParts(options, started);
      const settings = await register(parts, signal);
      if (demo.broker) started.defer(() => signOff(parts.stack.api, parts.gateways));
      const simulator = await SimulatorProcess.start(
        { ingestUrl: parts.stack.ingest.baseUrl, seed: demo.seed, pace: paceOf(demo), gateways: settings },
        (line) => logs.write('simulator', line),
      );
      started.defer(() => simulator.stop());
      return new Session(parts, simulator, started);
    } catch (error) {
      await started.disposeAsync();
      throw error;
    }
  }

  /** Stops everything, in order: gateways, services, NATS, subscriber, broker. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#started.disposeAsync();
  }

  #firstFailure(processes: readonly Watched[]): Promise<Failure> {
    return new Promise((resolve) => {
      for (const { name, exit: ended, log } of processes) {
        void ended?.then((exit) => {
          if (!this.#isStopping) resolve({ process: name, exit, lastLines: log().slice(-LAST_LINES) });
        });
      }
    });
  }
}

interface SessionParts {
  readonly gateways: readonly PlannedGateway[];
  readonly broker: BrokerAddress;
  readonly subscriber: Subscriber;
  readonly stack: LocalStack;
}

async function startParts(options: SessionOptions, started: AsyncDisposableStack): Promise<SessionParts> {
  const { demo, logs, telemetryEnv, onFirstMeasurement, signal } = options;
  const gateways = planFleet(demo);
  const broker = demo.broker ?? (await startBroker(started));
  const gatewayIds = gateways.map(({ gatewayId }) => gatewayId);
  const subscriber = new Subscriber({ broker, rootTopic: ROOT_TOPIC, gatewayIds, onFirstMeasurement });
  started.defer(() => subscriber.stop());
  const stack = await LocalStack.start({
    partitions: PARTITIONS,
    leaseTtlMs: LEASE_TTL_MS,
    brokerRanges: PRIVATE_RANGES,
    commonEnv: telemetryEnv,
    onLine: (name, line) => logs.write(name, line),
    signal,
  });
  started.defer(async () => void (await stack.stop({ graceMs: SERVICE_GRACE_MS })));
  return { gateways, broker, subscriber, stack };
}

async function startBroker(started: AsyncDisposableStack): Promise<BrokerAddress> {
  const embedded = await EmbeddedBroker.start();
  started.defer(() => embedded.stop());
  return embedded.address;
}

/** Registers the gateways, a few at a time, in order. */
async function register(
  { gateways, broker, stack }: SessionParts,
  signal: AbortSignal,
): Promise<SimulatedGatewaySettings[]> {
  const registered: SimulatedGatewaySettings[] = [];
  for (let from = 0; from < gateways.length; from += REGISTERED_AT_ONCE) {
    signal.throwIfAborted();
    const group = gateways.slice(from, from + REGISTERED_AT_ONCE);
    const settings = group.map(async ({ gatewayId, name, format, sensors }) => {
      const mqtt = { ...settingsOf(broker), format };
      const { token } = await stack.registerGateway({ gatewayId, name, mqtt });
      return { gatewayId, token, sensors };
    });
    registered.push(...(await Promise.all(settings)));
  }
  return registered;
}

function paceOf({ intervalSeconds, speed }: DemoOptions): Pace {
  return intervalSeconds === undefined
    ? { kind: 'follow', speed }
    : { kind: 'fixed', intervalMs: intervalSeconds * 1000 };
}
