import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import { timestamp } from '../timestamp.ts';
import { AckQueue } from './ack-queue.ts';
import type { Session } from './session.ts';

/** What a test can see of a connection. */
export interface BrokerConnection {
  /** From 1, in the order of acceptance. */
  readonly number: number;
  /** Empty before CONNECT. */
  readonly clientId: string;
  readonly connect: IConnectPacket | undefined;
  readonly openedAt: number;
  readonly closedAt: number | undefined;
  readonly closeReason: string | undefined;
  readonly packetCount: number;
  readonly publishCount: number;
  /** QoS 1 and 2 messages sent by the client and not yet acknowledged to the end; and the most there ever were. */
  readonly inFlightCount: number;
  readonly peakInFlight: number;
  /** With TLS: what the client showed of itself. */
  readonly tls: ClientTls | undefined;
}

export interface ClientTls {
  /** SNI. */
  readonly serverName: string | undefined;
  /** Common name of the client certificate; undefined without one. */
  readonly commonName: string | undefined;
}

export interface ConnectionHandler {
  packet(connection: Connection, packet: Packet): void;
  malformed(connection: Connection, error: Error): void;
  closed(connection: Connection): void;
}

/** One network connection: bytes to packets, packets to bytes, keep-alive, and what MQTT counts per connection. */
export class Connection implements BrokerConnection {
  readonly number: number;
  readonly openedAt = timestamp();
  readonly tls: ClientTls | undefined;
  readonly acks = new AckQueue();
  readonly topicAliases = new Map<number, string>();
  clientId = '';
  connect: IConnectPacket | undefined;
  /** Set once CONNACK has accepted the client. */
  session: Session | undefined;
  /** Published when the connection ends, unless DISCONNECT took it back. */
  will: IConnectPacket['will'];
  closedAt: number | undefined;
  closeReason: string | undefined;
  packetCount = 0;
  publishCount = 0;
  peakInFlight = 0;
  readonly #inFlight = new Set<number>();
  readonly #socket: Socket;
  readonly #handler: ConnectionHandler;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(number: number, socket: Socket, handler: ConnectionHandler) {
    this.number = number;
    this.#socket = socket;
    this.#handler = handler;
    this.tls = socket instanceof TLSSocket ? clientTls(socket) : undefined;
    socket.setNoDelay(true);
    this.#read();
  }

  get isMqtt5(): boolean {
    return this.connect?.protocolVersion === 5;
  }

  get inFlightCount(): number {
    return this.#inFlight.size;
  }

  isInFlight(messageId: number): boolean {
    return this.#inFlight.has(messageId);
  }

  startFlight(messageId: number): void {
    this.#inFlight.add(messageId);
    this.peakInFlight = Math.max(this.peakInFlight, this.#inFlight.size);
  }

  endFlight(messageId: number): void {
    this.#inFlight.delete(messageId);
  }

  send(packet: Packet): void {
    if (this.closedAt !== undefined) return;
    this.#socket.write(generate(packet, { protocolVersion: this.connect?.protocolVersion ?? 4 }));
  }

  /** [MQTT-3.1.2-24]: `onSilence` is called once nothing has come for one and a half times `seconds`; 0 is never. */
  watchKeepAlive(seconds: number, onSilence: () => void): void {
    if (seconds > 0) this.#keepAlive = setTimeout(onSilence, seconds * 1_500);
  }

  /** Ends the connection; what was sent before still goes out. With MQTT 5 a reason code is told in a DISCONNECT. */
  close(reason: string, reasonCode?: number): void {
    if (reasonCode !== undefined && this.isMqtt5) this.send({ cmd: 'disconnect', reasonCode });
    this.#socket.destroySoon();
    this.#ended(reason);
  }

  /** Ends the connection as a crash does: at once. */
  destroy(reason: string): void {
    this.#socket.destroy();
    this.#ended(reason);
  }

  #read(): void {
    const packets = parser();
    packets.on('packet', (packet) => {
      if (this.closedAt !== undefined) return;
      this.#keepAlive?.refresh();
      this.packetCount += 1;
      this.#handler.packet(this, packet);
    });
    packets.on('error', (error) => {
      if (this.closedAt === undefined) this.#handler.malformed(this, error);
    });
    this.#socket.on('data', (bytes) => {
      if (this.closedAt === undefined) packets.parse(bytes as Buffer);
    });
    this.#socket.on('error', (error) => this.#ended(error.message));
    this.#socket.on('close', () => this.#ended('closed by the client'));
  }

  #ended(reason: string): void {
    if (this.closedAt !== undefined) return;
    this.closedAt = timestamp();
    this.closeReason = reason;
    clearTimeout(this.#keepAlive);
    this.acks.close();
    this.#handler.closed(this);
  }
}

function clientTls(socket: TLSSocket): ClientTls {
  const serverName = (socket as TLSSocket & { servername?: string | false }).servername;
  const name = socket.getPeerCertificate()?.subject?.CN;
  return {
    serverName: typeof serverName === 'string' ? serverName : undefined,
    commonName: Array.isArray(name) ? name[0] : name,
  };
}
