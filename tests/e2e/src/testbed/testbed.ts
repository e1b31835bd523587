import { randomBytes } from 'node:crypto';
import { DriverClient } from '@gatecast/e2e-driver';
import type { KubeApi } from '../cluster/kube-api.ts';
import { Namespace } from '../cluster/namespace.ts';
import { type E2eEnvironment, imageOf } from '../environment.ts';
import { brokerResources, MQTT_PORT } from './broker-resources.ts';
import { driverIn } from './driver-connection.ts';
import { DRIVER, driverResources } from './driver-resources.ts';

/** `open` lets everybody in, `guarded` wants a password, `outside` is not in the cluster. */
export const BROKERS = ['open', 'guarded', 'outside'] as const;
export type BrokerName = (typeof BROKERS)[number];

/** A broker as gateways are told it. */
export interface Broker {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
}

const READY_TIMEOUT_MS = 120_000;
const USERNAME = 'gatecast';

/** What the release under test works with, in a namespace of its own: brokers, and the driver. */
export class Testbed {
  readonly namespace: Namespace;
  readonly driver: DriverClient;
  /** Without `outside` when there is none. */
  readonly brokers: ReadonlyMap<BrokerName, Broker>;

  private constructor(namespace: Namespace, driver: DriverClient, brokers: ReadonlyMap<BrokerName, Broker>) {
    this.namespace = namespace;
    this.driver = driver;
    this.brokers = brokers;
  }

  /** Resolves when everything in it is ready. */
  static async start(
    name: string,
    api: KubeApi,
    environment: E2eEnvironment,
    note: (line: string) => void,
  ): Promise<Testbed> {
    const namespace = new Namespace(name, api);
    await namespace.create();
    const user = { username: USERNAME, password: randomBytes(12).toString('base64url') };
    const image = environment.mosquittoImage;
    await namespace.apply([
      ...brokerResources({ name: 'open', image, user: undefined }),
      ...brokerResources({ name: 'guarded', image, user }),
      ...driverResources(imageOf(environment, DRIVER)),
    ]);
    await namespace.rolledOut(READY_TIMEOUT_MS);
    const hostOf = (service: string) => `${service}.${name}.svc.cluster.local`;
    const brokers = new Map<BrokerName, Broker>([
      ['open', { host: hostOf('open'), port: MQTT_PORT }],
      ['guarded', { host: hostOf('guarded'), port: MQTT_PORT, ...user }],
    ]);
    if (environment.outsideBroker) brokers.set('outside', environment.outsideBroker);
    const driver = new DriverClient(driverIn(name), (reason) => note(`connection to the driver: ${reason}`));
    return new Testbed(namespace, driver, brokers);
  }

  /** @throws {TypeError} when there is none of this name */
  broker(name: BrokerName): Broker {
    const broker = this.brokers.get(name);
    if (broker === undefined) throw new TypeError(`there is no broker ${name}`);
    return broker;
  }

  /** The brokers as the driver subscribes to them. */
  subscriptions(): Record<string, { url: string; username?: string; password?: string }> {
    return Object.fromEntries(
      [...this.brokers].map(([name, { host, port, ...credentials }]) => [
        name,
        { url: `mqtt://${host}:${port}`, ...credentials },
      ]),
    );
  }

  /** Ends the broker's process and waits until it is gone; `brokerBack` starts it again. */
  async brokerAway(name: 'open' | 'guarded'): Promise<void> {
    await this.namespace.scale(name, 0);
    await this.namespace.rolledOut(READY_TIMEOUT_MS, { 'app.kubernetes.io/instance': name });
  }

  async brokerBack(name: 'open' | 'guarded'): Promise<void> {
    await this.namespace.scale(name, 1);
    await this.namespace.rolledOut(READY_TIMEOUT_MS, { 'app.kubernetes.io/instance': name });
  }

  /** A pod of the driver's image, in which commands of Node can be run. */
  async driverPod(): Promise<string> {
    const [pod] = await this.namespace.readyPods({ 'app.kubernetes.io/name': DRIVER });
    if (pod === undefined) throw new TypeError('the driver has no pod');
    return pod.metadata.name;
  }

  /** Leaves everything where it is. */
  detach(): void {
    this.driver.close();
  }

  async stop(): Promise<void> {
    this.detach();
    await this.namespace.delete();
  }
}
