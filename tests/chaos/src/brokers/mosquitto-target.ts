import { DeliveryCollector, type DeliveryLog } from '@gatecast/delivery-check/deliveries';
import { type FaultableBroker, Mosquitto, TcpProxy } from '@gatecast/shared/testing';
import type { ChaosBroker } from './chaos-broker.ts';

/**
 * Mosquitto 2.0 with a bound (20 by default) on what is in flight to a subscriber was seen to forward bursts out of order,
 * while the other broker, which takes messages over at their PUBREL, saw them in order in the same runs. The collector has
 * to be above suspicion; that a publisher keeps to the bound is tested in tests/integration.
 */
const UNBOUNDED = 0;

/** Room for everything that a run may have on its way to the collector while that is away. */
const UNLIMITED_QUEUE = 'max_queued_messages 0';

/**
 * A real broker with persistence. A subscriber with a session of its own collects what it forwards, also what came while
 * the broker was restarting; it does not go through the proxy.
 */
export class MosquittoTarget implements ChaosBroker {
  readonly mosquitto: Mosquitto;
  readonly proxy: TcpProxy;
  readonly #collector: DeliveryCollector;

  private constructor(mosquitto: Mosquitto, proxy: TcpProxy, collector: DeliveryCollector) {
    this.mosquitto = mosquitto;
    this.proxy = proxy;
    this.#collector = collector;
  }

  static async start(log: DeliveryLog): Promise<MosquittoTarget> {
    const mosquitto = await Mosquitto.start({
      persistence: true,
      config: UNLIMITED_QUEUE,
      maxInflightMessages: UNBOUNDED,
    });
    const collector = await DeliveryCollector.start({ url: mosquitto.url }, log);
    const proxy = await TcpProxy.start({ target: { port: mosquitto.port } });
    return new MosquittoTarget(mosquitto, proxy, collector);
  }

  get host(): string {
    return this.proxy.host;
  }

  get port(): number {
    return this.proxy.port;
  }

  get faultable(): FaultableBroker {
    throw new TypeError('this broker is mosquitto');
  }

  pull(): void {
    this.#collector.pull();
  }

  sessions(): undefined {
    return undefined;
  }

  violations(): string[] {
    return [];
  }

  async stop(): Promise<void> {
    await this.#collector.stop();
    await this.proxy.stop();
    await this.mosquitto.stop();
  }
}
