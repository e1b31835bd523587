import type { Pace } from '@gatecast/delivery-check/load';
import type {
  ApiAnswer,
  ApiRequest,
  DriverClient,
  GatewaySetup,
  GroupPromises,
  Progress,
  Verdict,
} from '@gatecast/e2e-driver';
import type { Release } from './release/release.ts';
import { WINDOW, WINDOWS_BEYOND_RECORD } from './scenario.ts';
import type { BrokerName, Testbed } from './testbed/testbed.ts';

export interface LoadGroup {
  readonly gateways: number;
  /** Default: the default fleet. */
  readonly fleet?: string;
  /** Default `open`. A group at a broker that is not there is left out. */
  readonly broker?: BrokerName;
  /** Default 1. */
  readonly qos?: 0 | 1 | 2;
  /** Default: two readings a request, every 250 ms. */
  readonly pace?: Pace;
}

/** By group. */
export type LoadSetup = Readonly<Record<string, LoadGroup>>;

const DEFAULT_PACE: Pace = { perRequest: 2, intervalMs: 250 };
const REGISTER_TIMEOUT_MS = 180_000;
const FLOW_TIMEOUT_MS = 120_000;

/** The load of one scenario, which the driver sends and judges. */
export class LoadRun {
  /** How often an owner went without a record of what was acknowledged. */
  crashes = 0;
  /** How often the sessions of a gateway ended with messages in flight. */
  sessionLosses = 0;
  readonly #name: string;
  readonly #seed: number;
  readonly #driver: DriverClient;
  readonly #testbed: Testbed;
  readonly #release: Release;
  readonly #gateways: GatewaySetup[] = [];
  #isOpen = false;

  constructor(name: string, seed: number, testbed: Testbed, release: Release) {
    this.#name = name;
    this.#seed = seed;
    this.#driver = testbed.driver;
    this.#testbed = testbed;
    this.#release = release;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Registers gateways and has them send. */
  async begin(setup: LoadSetup): Promise<void> {
    await this.register(setup);
    await this.#driver.call('start');
  }

  /** Registers gateways, as soon as the API answers; resolves when all of them are connected to their brokers. */
  async register(setup: LoadSetup): Promise<void> {
    if (!this.#isOpen) {
      await this.#driver.call('open', {
        apiUrl: this.#release.apiUrl,
        ingestUrl: this.#release.ingestUrl,
        apiKey: await this.#release.apiKey(),
        seed: this.#seed,
        brokers: this.#testbed.subscriptions(),
      });
      this.#isOpen = true;
    }
    const gateways = Object.entries(setup).flatMap(([group, of]) => this.#setupsOf(group, of));
    this.#gateways.push(...gateways);
    await this.#driver.call('register', { gateways, timeoutMs: REGISTER_TIMEOUT_MS });
  }

  async start(group: string): Promise<void> {
    await this.#driver.call('start', { group });
  }

  /** In the order in which they were registered. */
  gatewaysOf(group: string): string[] {
    return this.#gateways.filter((gateway) => gateway.group === group).map(({ gatewayId }) => gatewayId);
  }

  /** Waits until so many more readings of every gateway that sends are accepted and have arrived. */
  async flowing(more = 5, group?: string): Promise<void> {
    await this.#driver.call('flowing', { more, timeoutMs: FLOW_TIMEOUT_MS, ...(group !== undefined && { group }) });
  }

  /** What is sent from now on is measured under this name. */
  async phase(name: string): Promise<void> {
    await this.#driver.call('phase', { name });
  }

  async stop(group?: string): Promise<void> {
    await this.#driver.call('stop', group === undefined ? {} : { group });
  }

  async allArrived(timeoutMs = FLOW_TIMEOUT_MS): Promise<void> {
    await this.#driver.call('allArrived', { timeoutMs });
  }

  async connected(timeoutMs = FLOW_TIMEOUT_MS): Promise<void> {
    await this.#driver.call('connected', { timeoutMs });
  }

  progress(): Promise<Progress> {
    return this.#driver.call('progress');
  }

  /** The publisher that serves each gateway. */
  owners(): Promise<Record<string, string | undefined>> {
    return this.#driver.call('owners');
  }

  /** Resolves when they have arrived in the other fleet. */
  async move(gatewayIds: readonly string[], fleet: string): Promise<void> {
    await this.#driver.call('move', { gatewayIds, fleet, timeoutMs: FLOW_TIMEOUT_MS });
  }

  api(request: ApiRequest): Promise<ApiAnswer> {
    return this.#driver.call('api', request);
  }

  verdict(promises: GroupPromises, groups: Readonly<Record<string, GroupPromises>>): Promise<Verdict> {
    const { crashes, sessionLosses } = this;
    const duplicates = {
      window: WINDOW,
      windowsBeyondRecord: WINDOWS_BEYOND_RECORD,
      crashes,
      sessionLosses,
      brokerForgot: 0,
    };
    return this.#driver.call('verdict', { duplicates, promises, groups });
  }

  /** Deletes the gateways. */
  async end(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#driver.call('unregister');
  }

  #setupsOf(group: string, { gateways, fleet, broker = 'open', qos = 1, pace = DEFAULT_PACE }: LoadGroup) {
    if (!this.#testbed.brokers.has(broker)) return [];
    const mqtt = { ...this.#testbed.broker(broker), qos };
    return Array.from({ length: gateways }, (_, index): GatewaySetup => {
      const gatewayId = `${this.#name}-${group}-${String(index).padStart(3, '0')}`;
      return { gatewayId, group, mqtt, qos, pace, ...(fleet !== undefined && { fleet }) };
    });
  }
}
