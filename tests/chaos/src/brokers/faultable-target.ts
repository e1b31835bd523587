import type { SessionEvent } from '@gatecast/delivery-check/checker';
import type { DeliveryLog } from '@gatecast/delivery-check/deliveries';
import {
  type Capabilities,
  FaultableBroker,
  type Mosquitto,
  type PacketRecord,
  TcpProxy,
} from '@gatecast/shared/testing';
import type { ChaosBroker } from './chaos-broker.ts';

type ConnectPacket = FaultableBroker['connects'][number]['packet'];

/** Sees everything that a broker can see, and survives every restart in this process. */
export class FaultableTarget implements ChaosBroker {
  readonly faultable: FaultableBroker;
  readonly proxy: TcpProxy;

  private constructor(faultable: FaultableBroker, proxy: TcpProxy) {
    this.faultable = faultable;
    this.proxy = proxy;
  }

  static async start(log: DeliveryLog, capabilities: Capabilities = {}): Promise<FaultableTarget> {
    const faultable = await FaultableBroker.start({
      capabilities,
      onMessage: ({ topic, payload, time }) => log.add(topic, payload, time),
    });
    return new FaultableTarget(faultable, await TcpProxy.start({ target: { port: faultable.port } }));
  }

  get host(): string {
    return this.proxy.host;
  }

  get port(): number {
    return this.proxy.port;
  }

  get mosquitto(): Mosquitto {
    throw new TypeError('this broker is a faultable one');
  }

  pull(): void {}

  sessions(clientId: string): SessionEvent[] {
    return this.faultable
      .packets()
      .filter((record) => record.clientId === clientId || isConnectOf(record, clientId))
      .flatMap(({ packet, connection, time }): SessionEvent[] => {
        if (packet.cmd === 'publish') return [{ kind: 'publish', connection, time }];
        return packet.cmd === 'connect' ? [{ kind: 'connect', connection, time, ...identityOf(packet) }] : [];
      });
  }

  violations(): string[] {
    return this.faultable.violations.map(({ clientId, rule, detail }) => `${clientId}: ${rule}: ${detail}`);
  }

  async stop(): Promise<void> {
    await this.proxy.stop();
    await this.faultable.stop();
  }
}

function isConnectOf({ packet }: PacketRecord, clientId: string): boolean {
  return packet.cmd === 'connect' && packet.clientId === clientId;
}

function identityOf({ properties }: ConnectPacket) {
  const said = (properties?.userProperties ?? {}) as Record<string, string>;
  const epoch = said['gatecast-epoch'];
  return {
    epoch: epoch === undefined ? undefined : Number(epoch),
    moves: Number(said['gatecast-moves'] ?? 0),
    instance: said['gatecast-instance'],
  };
}
