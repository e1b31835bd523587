import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { IConnectPacket, IPublishPacket, Packet, PacketCmd } from 'mqtt-packet';
import { systemClock } from '../../lifecycle/clock.ts';
import { withDeadline } from '../../lifecycle/deadline.ts';
import { LOOPBACK, listen } from '../listen.ts';
import { type WaitForOptions, waitFor } from '../wait-for.ts';
import { handleClosed } from './connect.ts';
import { type BrokerConnection, Connection } from './connection.ts';
import { dispatch } from './dispatch.ts';
import type { Faults } from './faults.ts';
import { REASON } from './reason-codes.ts';
import {
  type BrokerMessage,
  isRecordOf,
  type PacketOf,
  type PacketRecord,
  type Recording,
  type Violation,
} from './records.ts';
import { type Authenticate, BrokerState, type Capabilities } from './state.ts';

export interface FaultableBrokerOptions {
  /** Default 0, the kernel picks one. */
  readonly port?: number;
  /** TLS instead of plain TCP: `{ cert, key }`, with `{ ca, requestCert, rejectUnauthorized }` for mutual TLS. */
  readonly tls?: TlsOptions;
  /** What CONNACK tells MQTT 5 clients, and what they are then held to. Default: nothing, no limits. */
  readonly capabilities?: Capabilities;
  /** Default: everybody is let in. */
  readonly authenticate?: Authenticate;
  /** How much is kept. Default `packets`: everything. */
  readonly recording?: Recording;
  /** Called for every message taken over, for checkers that cannot wait until the end. */
  readonly onMessage?: (message: BrokerMessage) => void;
}

export interface BrokerRestartOptions {
  /** Subscriptions, and QoS 2 messages not yet released, survive. Default true; wills that were due never do. */
  readonly keepSessions?: boolean;
  /** Default true. */
  readonly keepRetained?: boolean;
}

const STOP_DEADLINE_MS = 2_000;

/**
 * An MQTT broker (3.1.1 and 5) that behaves, until a test tells it otherwise, and shows everything that clients sent.
 * It delivers at QoS 0 and keeps nothing for subscribers that are away; in all that a publishing client can observe it
 * passes the same conformance suite as mosquitto and aedes.
 */
export class FaultableBroker {
  readonly host = LOOPBACK;
  /** TLS handshakes that failed: a client that did not trust us, or that we did not trust. */
  readonly tlsErrors: Error[] = [];
  readonly #state: BrokerState;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #isTls: boolean;
  #port = 0;

  private constructor(options: FaultableBrokerOptions) {
    this.#isTls = options.tls !== undefined;
    this.#state = new BrokerState({
      capabilities: options.capabilities ?? {},
      authenticate: options.authenticate ?? (() => true),
      recording: options.recording ?? 'packets',
      onMessage: options.onMessage ?? (() => undefined),
    });
    this.#server = this.#createServer(options.tls);
  }

  static async start(options: FaultableBrokerOptions = {}): Promise<FaultableBroker> {
    const broker = new FaultableBroker(options);
    broker.#port = await listen(broker.#server, options.port);
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `${this.#isTls ? 'mqtts' : 'mqtt'}://${this.host}:${this.#port}`;
  }

  get faults(): Faults {
    return this.#state.faults;
  }

  /** Set it to change what the next CONNACK says; connections that are up are held to it too. */
  get capabilities(): Capabilities {
    return this.#state.capabilities;
  }

  set capabilities(capabilities: Capabilities) {
    this.#state.capabilities = capabilities;
  }

  /** Every connection there ever was, in order. */
  get connections(): readonly BrokerConnection[] {
    return this.#state.connections;
  }

  /** Client ids whose CONNECT was accepted and whose connection is up. */
  get connectedClients(): readonly string[] {
    return this.#state.connections
      .filter(({ session, closedAt }) => session !== undefined && closedAt === undefined)
      .map(({ clientId }) => clientId);
  }

  /** Every CONNECT, accepted or not, in order. */
  get connects(): readonly PacketRecord<IConnectPacket>[] {
    return this.#state.records.connects;
  }

  /** Messages taken over, in order: see {@link BrokerMessage} for what counts as one. */
  get messages(): readonly BrokerMessage[] {
    return this.#state.records.messages;
  }

  /** How many there were, also when they are not kept. */
  get messageCount(): number {
    return this.#state.records.messageCount;
  }

  get retained(): ReadonlyMap<string, BrokerMessage> {
    return this.#state.retained;
  }

  get violations(): readonly Violation[] {
    return this.#state.records.violations;
  }

  /** Everything that came, or every packet of one kind, in order. */
  packets(): readonly PacketRecord[];
  packets<C extends PacketCmd>(cmd: C): readonly PacketRecord<PacketOf<C>>[];
  packets(cmd?: PacketCmd): readonly PacketRecord[] {
    const { packets } = this.#state.records;
    return cmd === undefined ? packets : packets.filter((record) => isRecordOf(record, cmd));
  }

  /** PUBLISH packets as they came, repeated, refused and discarded ones included. */
  publishes(predicate: (publish: PacketRecord<IPublishPacket>) => boolean = () => true) {
    return this.packets('publish').filter(predicate);
  }

  /** The first such CONNECT, also one that is there already. @throws {TestingError} `WAIT_TIMEOUT` */
  async waitForConnect(
    predicate: (connect: PacketRecord<IConnectPacket>) => boolean = () => true,
    options: WaitForOptions = {},
  ): Promise<PacketRecord<IConnectPacket>> {
    return await waitFor(() => this.connects.find(predicate), { describe: 'a CONNECT', ...options });
  }

  /** The first such packet, also one that is there already. @throws {TestingError} `WAIT_TIMEOUT` */
  async waitForPacket<C extends PacketCmd>(
    cmd: C,
    predicate: (record: PacketRecord<PacketOf<C>>) => boolean = () => true,
    options: WaitForOptions = {},
  ): Promise<PacketRecord<PacketOf<C>>> {
    return await waitFor(() => this.packets(cmd).find(predicate), { describe: `a ${cmd}`, ...options });
  }

  /** The first such PUBLISH, also one that is there already. @throws {TestingError} `WAIT_TIMEOUT` */
  async waitForPublish(
    predicate: (publish: PacketRecord<IPublishPacket>) => boolean = () => true,
    options: WaitForOptions = {},
  ): Promise<PacketRecord<IPublishPacket>> {
    return await this.waitForPacket('publish', predicate, options);
  }

  /** All messages, once there are `count`. @throws {TestingError} `WAIT_TIMEOUT` */
  async waitForMessages(count: number, options: WaitForOptions = {}): Promise<readonly BrokerMessage[]> {
    const describe = () => `${count} messages at the broker; there were ${this.messageCount}`;
    await waitFor(() => this.messageCount >= count, { describe, ...options });
    return this.messages;
  }

  /** Acknowledgements that wait, held or delayed. */
  get pendingAcks(): number {
    return this.#state.connections.reduce((sum, { acks }) => sum + acks.size, 0);
  }

  /** Lets the first `count` acknowledgements held by `faults.holdAcks` go, and returns how many there were. */
  releaseAcks(count = Number.POSITIVE_INFINITY): number {
    let released = 0;
    for (const { acks } of this.#state.connections) released += acks.release(count - released);
    return released;
  }

  /** Cuts connections without a word, as a network does. Wills are published. */
  dropConnections(predicate: (connection: BrokerConnection) => boolean = () => true): void {
    for (const connection of this.#open(predicate)) connection.destroy('dropped');
  }

  /** Closes connections on the broker's own accord: with DISCONNECT and this reason in MQTT 5. Wills are published. */
  disconnect(reasonCode: number, predicate: (connection: BrokerConnection) => boolean = () => true): void {
    for (const connection of this.#open(predicate)) connection.close(`DISCONNECT ${reasonCode}`, reasonCode);
  }

  /** Forgets the sessions of clients that are not connected, as a broker does that lost its disk. */
  forgetSessions(): void {
    for (const [clientId, session] of this.#state.sessions) {
      if (session.connection) continue;
      session.cancelWill();
      this.#state.sessions.delete(clientId);
    }
  }

  /** Forgets what was recorded; connections, sessions and retained messages stay. */
  clearRecords(): void {
    this.#state.records.clear();
  }

  /** A crash and a start on the same port. Also brings back a broker that was stopped. Faults stay as they are. */
  async restart(options: BrokerRestartOptions = {}): Promise<void> {
    const { keepSessions = true, keepRetained = true } = options;
    await this.stop();
    if (!keepSessions) this.forgetSessions();
    if (!keepRetained) this.#state.retained.clear();
    await listen(this.#server, this.#port);
    this.#state.isDown = false;
  }

  /**
   * Goes down: no port, no connections, no wills. What was recorded can still be read.
   * @throws {GatecastError} `STOP_DEADLINE` after two seconds.
   */
  async stop(): Promise<void> {
    this.#state.isDown = true;
    for (const connection of this.#open()) connection.destroy('broker stopped');
    for (const session of this.#state.sessions.values()) session.cancelWill();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await withDeadline(closed, STOP_DEADLINE_MS, 'stopping the faultable broker', systemClock);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #open(predicate: (connection: BrokerConnection) => boolean = () => true): Connection[] {
    return this.#state.connections.filter((connection) => connection.closedAt === undefined && predicate(connection));
  }

  #createServer(tls: TlsOptions | undefined): Server {
    const accept = (socket: Socket) => this.#accept(socket);
    const server = tls ? createTlsServer(tls, accept) : createServer(accept);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('tlsClientError', (error: Error) => this.tlsErrors.push(error));
    return server;
  }

  #accept(socket: Socket): void {
    const { connections } = this.#state;
    const connection = new Connection(connections.length + 1, socket, {
      packet: (from: Connection, packet: Packet) => dispatch(this.#state, from, packet),
      malformed: (from, error) =>
        this.#state.violation(from, 'malformed-packet', error.message, REASON.malformedPacket),
      closed: (from) => handleClosed(this.#state, from),
    });
    connections.push(connection);
  }
}
