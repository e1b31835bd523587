import type { SessionEvent } from '@gatecast/delivery-check/checker';
import type { FaultableBroker, Mosquitto, TcpProxy } from '@gatecast/shared/testing';

/** A broker of a run, with a proxy before it. Gateways connect to the proxy. */
export interface ChaosBroker {
  readonly host: string;
  readonly port: number;
  readonly proxy: TcpProxy;
  /** @throws {TypeError} when it is another kind of broker */
  readonly faultable: FaultableBroker;
  /** @throws {TypeError} when it is another kind of broker */
  readonly mosquitto: Mosquitto;
  /** Hands what has come since the last call to the delivery log. */
  pull(): void;
  /** What happened on the connections of a client id; undefined when this kind of broker does not show it. */
  sessions(clientId: string): SessionEvent[] | undefined;
  /** What clients did that MQTT forbids. */
  violations(): string[];
  stop(): Promise<void>;
}
