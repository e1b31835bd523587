import type { GatewayEvidence } from '@gatecast/delivery-check/checker';
import type { DeliveryLog } from '@gatecast/delivery-check/deliveries';
import { type GatewayLoad, type Load, pick, type Random, sleep } from '@gatecast/delivery-check/load';
import type { GatewayClient, LocalStack, ServiceInstance, ServiceName } from '@gatecast/local-stack';
import { waitFor } from '@gatecast/shared/testing';
import type { ChaosBroker } from './brokers/chaos-broker.ts';

export interface ChaosGateway {
  readonly gatewayId: string;
  client: GatewayClient;
  /** The one that it was set up with. */
  readonly broker: ChaosBroker;
  readonly load: GatewayLoad;
  readonly qos: 0 | 1 | 2;
  /** Sends only what the scenario sends for it. */
  readonly idle: boolean;
}

export interface ScenarioRunParts {
  readonly stack: LocalStack;
  readonly brokers: readonly ChaosBroker[];
  readonly gateways: readonly ChaosGateway[];
  readonly deliveries: DeliveryLog;
  readonly load: Load;
  readonly random: Random;
  readonly slack: number;
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
}

const FLOW_TIMEOUT_MS = 60_000;

/** What a scenario works with while it runs. Every wait has a deadline. */
export class ScenarioRun {
  readonly stack: LocalStack;
  readonly brokers: readonly ChaosBroker[];
  readonly gateways: readonly ChaosGateway[];
  readonly load: Load;
  readonly random: Random;
  /** Multiplies the times that are promised. */
  readonly slack: number;
  readonly deliveries: DeliveryLog;
  /** Figures of this scenario's own, for its line. */
  readonly extras = new Map<string, string>();
  /** What was promised and not kept, beside what the checker finds. */
  readonly broken: string[] = [];
  crashes = 0;
  readonly #sessionLosses = new Map<ChaosBroker, number>();
  readonly #forgot = new Map<ChaosBroker, number>();
  readonly #note: (text: string) => void;
  readonly #signal: AbortSignal;

  constructor(parts: ScenarioRunParts) {
    this.stack = parts.stack;
    this.brokers = parts.brokers;
    this.gateways = parts.gateways;
    this.load = parts.load;
    this.random = parts.random;
    this.slack = parts.slack;
    this.deliveries = parts.deliveries;
    this.#note = parts.note;
    this.#signal = parts.signal;
  }

  /** The only broker of most scenarios. */
  get broker(): ChaosBroker {
    return this.brokers[0]!;
  }

  /** A line of the timeline, in the log. */
  note(text: string): void {
    this.#note(text);
  }

  /** An owner went without a record of what was acknowledged: each gateway may be given five windows twice. */
  crashed(what: string): void {
    this.note(what);
    this.crashes += 1;
  }

  /** Sessions at a broker end with messages in flight: each of its gateways may be given a window twice. */
  sessionLost(what: string, broker = this.broker, times = 1): void {
    this.note(what);
    this.#sessionLosses.set(broker, this.sessionLossesAt(broker) + times);
  }

  /** A broker comes back without its sessions: also at QoS 2 a window may be given twice. */
  brokerForgot(what: string, broker = this.broker): void {
    this.note(what);
    this.#forgot.set(broker, this.forgottenAt(broker) + 1);
  }

  sessionLossesAt(broker: ChaosBroker): number {
    return this.#sessionLosses.get(broker) ?? 0;
  }

  forgottenAt(broker: ChaosBroker): number {
    return this.#forgot.get(broker) ?? 0;
  }

  /** Gateways that were set up with a broker. */
  gatewaysAt(broker: ChaosBroker): ChaosGateway[] {
    return this.gateways.filter((gateway) => gateway.broker === broker);
  }

  expect(kept: boolean, promise: string): void {
    if (!kept) this.broken.push(promise);
  }

  /** A promise about a time. It shows in the scenario's line. */
  expectWithin(what: string, tookMs: number, allowedMs: number): void {
    const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    this.extras.set(what, seconds(tookMs));
    this.expect(tookMs <= allowedMs * this.slack, `${what} ${seconds(tookMs)}, ${seconds(allowedMs)} promised`);
  }

  /** Lets it go on for so long. @throws when the run is given up */
  async lasting(ms: number): Promise<void> {
    await sleep(ms, this.#signal);
    this.#signal.throwIfAborted();
  }

  /** @throws {TestingError} `WAIT_TIMEOUT` */
  async until(condition: () => unknown, describe: string | (() => string), timeoutMs = FLOW_TIMEOUT_MS): Promise<void> {
    await waitFor(
      async () => {
        this.#signal.throwIfAborted();
        return Boolean(await condition());
      },
      { timeoutMs, intervalMs: 20, describe },
    );
  }

  /** Waits until everybody's readings flow: so many more of each gateway are accepted, and those have arrived. */
  async flowing(more = 10, gateways: readonly ChaosGateway[] = this.gateways): Promise<void> {
    const sending = gateways.filter(({ idle }) => !idle);
    const goals = new Map(sending.map(({ gatewayId, load }) => [gatewayId, load.accepted.length + more]));
    const waiting = () => {
      this.pull();
      return sending.filter(({ gatewayId, load }) => {
        const reading = load.accepted[(goals.get(gatewayId) ?? 0) - 1];
        return reading === undefined || !this.deliveries.has(gatewayId, reading.n);
      });
    };
    const describe = () => `readings of ${waiting().map(({ gatewayId }) => gatewayId)} to flow`;
    await this.until(() => waiting().length === 0, describe);
    this.note('everything flows');
  }

  /** Waits until everything that was accepted has arrived. */
  async allArrived(timeoutMs: number): Promise<void> {
    const waiting = () => {
      this.pull();
      return this.gateways.filter(({ gatewayId, load }) =>
        load.accepted.some(({ n }) => !this.deliveries.has(gatewayId, n)),
      );
    };
    const describe = () => `everything accepted of ${waiting().map(({ gatewayId }) => gatewayId)} to arrive`;
    await this.until(() => waiting().length === 0, describe, timeoutMs);
  }

  pull(): void {
    for (const broker of this.brokers) broker.pull();
  }

  /** The processes of a service that run now. */
  running(name: ServiceName): ServiceInstance[] {
    return this.stack.instancesOf(name).filter(({ process }) => process.running);
  }

  /** The publisher that serves a gateway, by its status; by default that of one gateway by chance. */
  async ownerOf(gateway: ChaosGateway = pick(this.random, this.gateways)): Promise<ServiceInstance> {
    let owner: ServiceInstance | undefined;
    await this.until(
      async () => {
        const { owner: said } = await gateway.client.status();
        owner = this.running('mqtt-publisher').find(({ instance }) => instance === said?.instance);
        return owner;
      },
      `an owner of ${gateway.gatewayId}`,
      30_000,
    );
    return owner!;
  }

  /** Readings of a gateway that have arrived and those accepted, for scenarios that wait for a number of them. */
  arrivedOf({ gatewayId }: ChaosGateway): number {
    this.pull();
    return this.deliveries.count(gatewayId);
  }

  /** What both ends have seen. Readings counted as lost are asked of the API. */
  async evidence(): Promise<GatewayEvidence[]> {
    this.pull();
    return Promise.all(
      this.gateways.map(async ({ gatewayId, qos, load, client }) => {
        const sessions = this.brokers.map((broker, index) =>
          broker.sessions(gatewayId)?.map((event) => ({ ...event, connection: index * 1_000_000 + event.connection })),
        );
        const seen = sessions.filter((events) => events !== undefined).flat();
        return {
          gatewayId,
          qos,
          accepted: load.accepted,
          uncertain: load.uncertain,
          delivered: this.deliveries.arrivals(gatewayId),
          sessions: seen.length === 0 ? undefined : seen.sort((a, b) => a.time - b.time),
          lost: (await client.status()).backlog.lost,
        };
      }),
    );
  }
}
