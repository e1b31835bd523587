import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { generate, type IConnectPacket, type Packet, type PacketCmd, parser } from 'mqtt-packet';
import type { PacketOf } from '../../src/testing/faultable-broker/records.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

/** Sends exactly the packets a test wants, right or wrong, and shows what comes back. */
export class RawMqttClient {
  readonly received: Packet[] = [];
  isClosed = false;
  readonly #socket: Socket;
  readonly #protocolVersion: 4 | 5;

  private constructor(socket: Socket, protocolVersion: 4 | 5) {
    this.#socket = socket;
    this.#protocolVersion = protocolVersion;
    const packets = parser({ protocolVersion });
    packets.on('packet', (packet) => this.received.push(packet));
    packets.on('error', () => socket.destroy());
    socket.on('data', (bytes) => packets.parse(bytes as Buffer));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async open(port: number, protocolVersion: 4 | 5): Promise<RawMqttClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawMqttClient(socket, protocolVersion);
  }

  /** Opens a connection, sends CONNECT and waits for CONNACK. */
  static async connect(
    port: number,
    packet: Partial<IConnectPacket> & { clientId: string; protocolVersion: 4 | 5 },
  ): Promise<{ client: RawMqttClient; connack: PacketOf<'connack'> }> {
    const client = await RawMqttClient.open(port, packet.protocolVersion);
    client.send({ cmd: 'connect', protocolId: 'MQTT', clean: true, keepalive: 0, ...packet });
    return { client, connack: await client.next('connack') };
  }

  send(packet: Packet): void {
    this.#socket.write(generate(packet, { protocolVersion: this.#protocolVersion }));
  }

  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Takes the next packet of that kind out of `received`. */
  async next<C extends PacketCmd>(cmd: C): Promise<PacketOf<C>> {
    const index = await waitFor(
      () => {
        const found = this.received.findIndex((packet) => packet.cmd === cmd);
        return found < 0 ? undefined : { found };
      },
      {
        intervalMs: 1,
        describe: () => `a ${cmd}; there were ${JSON.stringify(this.received.map((packet) => packet.cmd))}`,
      },
    );
    return this.received.splice(index.found, 1)[0] as PacketOf<C>;
  }

  async waitForClose(timeoutMs = 5_000): Promise<void> {
    await waitFor(() => this.isClosed, { timeoutMs, describe: 'the broker to close the connection' });
  }

  /** Ends the connection without DISCONNECT. */
  drop(): void {
    this.#socket.destroy();
  }
}
