import type { MqttMessage } from '@gatecast/shared/outbox';
import type { MqttSession, PublishOptions, PublishOutcome, SessionGrant } from '../../src/application/ports.ts';
import { NO_LIMITS } from './fake-session.ts';

type ToBroker =
  | { cmd: 'publish'; qos: 0 | 1 | 2; packetId: number; payload: number }
  | { cmd: 'pubrel'; packetId: number }
  | { cmd: 'pingreq' };
type ToClient =
  | { cmd: 'puback'; packetId: number }
  | { cmd: 'pubrec'; packetId: number }
  | { cmd: 'pubcomp'; packetId: number; found: boolean }
  | { cmd: 'pingresp' };

/** A broker that keeps one QoS 2 session, packet by packet: each is handled, and each answer arrives, when a test says. */
export class SessionKeepingBroker {
  /** What subscribers got, in order. */
  readonly delivered: number[] = [];
  /** Deliveries of what had been delivered at QoS 1 before: nobody counts those. */
  repeatedAfterQos1 = 0;
  readonly #deliveredAtQos1 = new Set<number>();
  /** Messages swallowed because another one with their packet id had not been released. */
  readonly swallowed: number[] = [];
  /** By packet id; undefined: the broker knows no session. */
  held: Map<number, number> | undefined;
  readonly #isMqtt5: boolean;
  connection: BrokerConnection | undefined;
  /** Messages at which it closes the connection. */
  poison: ReadonlySet<number> = new Set();
  /** What its next CONNACK says. */
  maximumQos: 1 | 2 = 2;

  /** @param isMqtt5 whether it says which packet ids it does not know */
  constructor(isMqtt5: boolean) {
    this.#isMqtt5 = isMqtt5;
  }

  /** Handles a CONNECT: ends the present connection. Returns what its CONNACK says. */
  connect(cleanStart: boolean): BrokerConnection {
    this.cut();
    const sessionPresent = this.held !== undefined && !cleanStart;
    if (!sessionPresent) this.held = new Map();
    this.connection = new BrokerConnection(sessionPresent, this.maximumQos);
    return this.connection;
  }

  /** Restarted without its sessions. */
  forget(): void {
    this.cut();
    this.held = undefined;
  }

  cut(): void {
    if (this.connection) this.connection.isOpen = false;
    this.connection = undefined;
  }

  /** Handles the oldest packet on its way. */
  handle(): void {
    const packet = this.connection?.toBroker.shift();
    if (!packet || !this.connection || !this.held) return;
    if (packet.cmd === 'pingreq') {
      this.connection.toClient.push({ cmd: 'pingresp' });
      return;
    }
    const { packetId } = packet;
    const held = this.held.get(packetId);
    if (packet.cmd === 'publish') {
      if (this.poison.has(packet.payload)) {
        this.cut();
        return;
      }
      if (packet.qos > this.connection.grant.maximumQos) throw new Error(`${packet.payload} at QoS ${packet.qos}`);
      if (packet.qos === 1) {
        // MQTT 5 lets a broker refuse it: Packet Identifier In Use.
        if (held === undefined) {
          this.#deliver(packet.payload);
          this.#deliveredAtQos1.add(packet.payload);
        } else this.swallowed.push(packet.payload);
        this.connection.toClient.push({ cmd: 'puback', packetId });
        return;
      }
      if (held === undefined) this.held.set(packetId, packet.payload);
      else if (held !== packet.payload) this.swallowed.push(packet.payload);
      this.connection.toClient.push({ cmd: 'pubrec', packetId });
      return;
    }
    if (held !== undefined) this.#deliver(held);
    this.held.delete(packetId);
    this.connection.toClient.push({ cmd: 'pubcomp', packetId, found: held !== undefined || !this.#isMqtt5 });
  }

  #deliver(payload: number): void {
    this.delivered.push(payload);
    if (this.#deliveredAtQos1.has(payload)) this.repeatedAfterQos1 += 1;
  }
}

/** One connection to it, as the session that the publisher sees. */
export class BrokerConnection implements MqttSession {
  readonly grant: SessionGrant;
  readonly toBroker: ToBroker[] = [];
  readonly toClient: ToClient[] = [];
  isOpen = true;
  readonly #publishes = new Map<number, (outcome: PublishOutcome) => void>();
  readonly #releases = new Map<number, (found: boolean) => void>();
  readonly #pings: (() => void)[] = [];

  constructor(sessionPresent: boolean, maximumQos: 1 | 2) {
    this.grant = { ...NO_LIMITS, sessionPresent, maximumQos };
  }

  publish(
    { payload }: MqttMessage,
    { packetId = 0, qos }: PublishOptions,
    done: (outcome: PublishOutcome) => void,
  ): void {
    if (this.#releases.has(packetId)) throw new Error(`${packetId} is being released`);
    this.#publishes.set(packetId, done);
    this.toBroker.push({ cmd: 'publish', qos, packetId, payload: Number(Buffer.from(payload)) });
  }

  release(packetId: number, done: (found: boolean) => void): void {
    this.#releases.set(packetId, done);
    this.toBroker.push({ cmd: 'pubrel', packetId });
  }

  /** The oldest answer arrives. */
  arrive(): void {
    const packet = this.isOpen ? this.toClient.shift() : undefined;
    if (packet?.cmd === 'pubrec' || packet?.cmd === 'puback') {
      const done = this.#publishes.get(packet.packetId);
      this.#publishes.delete(packet.packetId);
      done?.({ kind: packet.cmd === 'pubrec' ? 'received' : 'acknowledged' });
    } else if (packet?.cmd === 'pingresp') this.#pings.shift()?.();
    else if (packet) {
      const done = this.#releases.get(packet.packetId);
      this.#releases.delete(packet.packetId);
      done?.(packet.found);
    }
  }

  ping(answered: () => void): void {
    this.#pings.push(answered);
    this.toBroker.push({ cmd: 'pingreq' });
  }

  async disconnect(): Promise<void> {
    this.isOpen = false;
  }

  abort(): void {
    this.isOpen = false;
  }
}
