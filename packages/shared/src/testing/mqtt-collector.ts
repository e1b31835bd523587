import { randomUUID } from 'node:crypto';
import type { IClientOptions, MqttClient } from 'mqtt';
import { systemClock } from '../lifecycle/clock.ts';
import { withDeadline } from '../lifecycle/deadline.ts';
import { timestamp } from './timestamp.ts';
import { topicMatches } from './topic-filter.ts';
import { type WaitForOptions, waitFor } from './wait-for.ts';

export interface MqttCollectorOptions {
  /** `mqtt://` or `mqtts://`. */
  readonly url: string;
  /** Default `['#']`. */
  readonly filters?: readonly string[];
  /** The most that messages are delivered with. Default 2: each comes with the QoS it was published with. */
  readonly qos?: 0 | 1 | 2;
  /** Default 4, MQTT 3.1.1. */
  readonly protocolVersion?: 4 | 5;
  /** The broker keeps the session, and queues, while the collector is disconnected. Default false. */
  readonly persistent?: boolean;
  /** Default: a random one. */
  readonly clientId?: string;
  /** Default 10,000. */
  readonly connectWithinMs?: number;
  /** Anything else of MQTT.js: credentials, CA, certificates. */
  readonly client?: IClientOptions;
}

export interface CollectedMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  /** Set when it was stored at the broker before the collector subscribed. */
  readonly retain: boolean;
  /** The broker, or the collector's connection, may have delivered it before. */
  readonly dup: boolean;
  /** Ms since the epoch, with fractions, never running backwards. */
  readonly time: number;
}

const STOP_DEADLINE_MS = 2_000;

/**
 * A subscriber that keeps everything it gets, for tests to look at. It reconnects and subscribes again by itself. What the
 * broker marks as its own redelivery, and had come before, is counted and not kept: DUP is about the last hop alone
 * [MQTT-3.3.1-3], so a publisher's repeat never carries it.
 */
export class MqttCollector {
  readonly messages: CollectedMessage[] = [];
  /** Messages that the broker delivered twice although they were published once. */
  redelivered = 0;
  readonly #client: MqttClient;
  readonly #seen = new Set<string>();
  #lastError: Error | undefined;

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('message', (topic, payload, { qos, retain, dup }) => {
      const text = payload.toString();
      const key = `${topic} ${text}`;
      if (dup && this.#seen.has(key)) {
        this.redelivered += 1;
        return;
      }
      this.#seen.add(key);
      this.messages.push({ topic, payload: text, qos, retain, dup, time: timestamp() });
    });
    client.on('error', (error) => {
      this.#lastError = error;
    });
  }

  /** Connects and subscribes; when it returns, nothing published later is missed. */
  static async start(options: MqttCollectorOptions): Promise<MqttCollector> {
    const { url, filters = ['#'], qos = 2, protocolVersion = 4, persistent = false } = options;
    const { connect } = await import('mqtt');
    const client = connect(url, {
      clientId: options.clientId ?? `collector-${randomUUID()}`,
      protocolVersion,
      clean: !persistent,
      reconnectPeriod: 100,
      connectTimeout: 5_000,
      ...(persistent && protocolVersion === 5 && { properties: { sessionExpiryInterval: 3_600 } }),
      ...options.client,
    });
    const collector = new MqttCollector(client);
    try {
      await waitFor(() => client.connected, {
        timeoutMs: options.connectWithinMs ?? 10_000,
        describe: () => `the collector to connect to ${url} (its last error: ${collector.#lastError?.message})`,
      });
      await client.subscribeAsync([...filters], { qos });
    } catch (error) {
      await collector.stop();
      throw error;
    }
    return collector;
  }

  get connected(): boolean {
    return this.#client.connected;
  }

  /** What came on topics that match the filter, in order. */
  matching(filter: string): CollectedMessage[] {
    return this.messages.filter((message) => topicMatches(filter, message.topic));
  }

  /** Payloads per topic, in order. */
  byTopic(): Map<string, string[]> {
    const topics = new Map<string, string[]>();
    for (const { topic, payload } of this.messages) {
      const payloads = topics.get(topic);
      if (payloads === undefined) topics.set(topic, [payload]);
      else payloads.push(payload);
    }
    return topics;
  }

  /**
   * Waits until there are `count` messages and returns them all.
   * @throws {TestingError} `WAIT_TIMEOUT`
   */
  async waitForCount(count: number, options: WaitForOptions = {}): Promise<readonly CollectedMessage[]> {
    await waitFor(() => this.messages.length >= count, {
      describe: () => `${count} messages; there were ${this.messages.length}`,
      ...options,
    });
    return this.messages;
  }

  /**
   * Waits for a message, also one that is there already, and returns the first.
   * @throws {TestingError} `WAIT_TIMEOUT`
   */
  async waitFor(
    predicate: (message: CollectedMessage) => boolean,
    options: WaitForOptions = {},
  ): Promise<CollectedMessage> {
    return await waitFor(() => this.messages.find(predicate), {
      describe: () => `a message; the latest of ${this.messages.length} was ${JSON.stringify(this.messages.at(-1))}`,
      ...options,
    });
  }

  /** Forgets what came so far. */
  clear(): void {
    this.messages.length = 0;
  }

  /** @throws {GatecastError} `STOP_DEADLINE` after two seconds. */
  async stop(): Promise<void> {
    await withDeadline(this.#client.endAsync(true), STOP_DEADLINE_MS, 'stopping the collector', systemClock);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
