import { randomUUID } from 'node:crypto';
import { systemClock, withDeadline } from '@gatecast/shared/lifecycle';
import { connect, type MqttClient } from 'mqtt';
import { type BrokerAddress, urlOf } from './broker-address.ts';

export interface SubscriberMessage {
  readonly topic: string;
  readonly payload: string;
}

export interface SubscriberOptions {
  readonly broker: BrokerAddress;
  readonly rootTopic: string;
  readonly gatewayIds: readonly string[];
  /** At the first measurement that arrives. */
  readonly onFirstMeasurement: () => void;
}

/** The latest messages that are kept for showing. */
const KEPT = 100;
const STOP_DEADLINE_MS = 2_000;

/** Sees what a customer's own subscriber would see of the simulated gateways. */
export class Subscriber {
  /** Messages so far, metadata and status included. */
  count = 0;
  /** Why nothing can be seen now; undefined while subscribed. */
  problem: string | undefined = 'connecting';
  readonly #client: MqttClient;
  readonly #latest: SubscriberMessage[] = [];

  /** Connects and subscribes by itself, again and again: a broker that is away is no failure of the demo. */
  constructor({ broker, rootTopic, gatewayIds, onFirstMeasurement }: SubscriberOptions) {
    const measurement = new RegExp(`^${RegExp.escape(rootTopic)}/[^/]+/sensors/[^/]+/(json/)?measurements(/|$)`);
    let isFirst = true;
    this.#client = connect(urlOf(broker), {
      clientId: `gatecast-demo-${randomUUID()}`,
      reconnectPeriod: 1_000,
      resubscribe: false,
      ...(broker.username !== undefined && { username: broker.username }),
      ...(broker.password !== undefined && { password: broker.password }),
    });
    this.#client.on('connect', () => void this.#subscribe(gatewayIds.map((gateway) => `${rootTopic}/${gateway}/#`)));
    this.#client.on('error', (error) => {
      this.problem = error.message || error.name;
    });
    this.#client.on('close', () => {
      this.problem ??= 'the broker closed the connection';
    });
    this.#client.on('message', (topic, payload) => {
      this.count += 1;
      this.#latest.push({ topic, payload: payload.toString() });
      if (this.#latest.length > KEPT) this.#latest.shift();
      if (!isFirst || !measurement.test(topic)) return;
      isFirst = false;
      onFirstMeasurement();
    });
  }

  /** Up to `count` messages, oldest first. */
  latest(count: number): readonly SubscriberMessage[] {
    return count <= 0 ? [] : this.#latest.slice(-count);
  }

  /** @throws {GatecastError} `STOP_DEADLINE` after two seconds. */
  async stop(): Promise<void> {
    await withDeadline(this.#client.endAsync(true), STOP_DEADLINE_MS, 'stopping the subscriber', systemClock);
  }

  async #subscribe(filters: string[]): Promise<void> {
    try {
      const grants = await this.#client.subscribeAsync(filters, { qos: 1 });
      const refused = grants.find(({ qos }) => qos > 2);
      this.problem = refused && `the broker refuses the subscription to ${refused.topic}`;
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error);
    }
  }
}
