import { MqttCollector } from '@gatecast/shared/testing';
import type { DeliveryLog } from './delivery-log.ts';

export interface BrokerAddress {
  /** `mqtt://host:port`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

const CLIENT_ID = 'checker';
const QOS = 2;

/**
 * Hands what a broker forwards to a delivery log. Its session is its own and stays, so that it also gets what came while
 * the broker was restarting.
 */
export class DeliveryCollector {
  readonly #collector: MqttCollector;
  readonly #log: DeliveryLog;
  #pulled = 0;

  private constructor(collector: MqttCollector, log: DeliveryLog) {
    this.#collector = collector;
    this.#log = log;
  }

  /** Connects and subscribes to everything. @throws {TestingError} `WAIT_TIMEOUT` */
  static async start({ url, ...credentials }: BrokerAddress, log: DeliveryLog): Promise<DeliveryCollector> {
    const options = { url, persistent: true, clientId: CLIENT_ID, qos: QOS, client: credentials } as const;
    return new DeliveryCollector(await MqttCollector.start(options), log);
  }

  get connected(): boolean {
    return this.#collector.connected;
  }

  /** Hands what has come since the last call to the log. */
  pull(): void {
    const { messages } = this.#collector;
    for (; this.#pulled < messages.length; this.#pulled += 1) {
      const message = messages[this.#pulled];
      if (message) this.#log.add(message.topic, message.payload, message.time);
    }
  }

  stop(): Promise<void> {
    return this.#collector.stop();
  }
}
