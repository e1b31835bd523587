import type { IConnackPacket, IConnectPacket, Packet } from 'mqtt-packet';
import { timestamp } from '../timestamp.ts';
import { topicMatches } from '../topic-filter.ts';
import type { Connection } from './connection.ts';
import { Faults } from './faults.ts';
import { type BrokerMessage, type PacketRecord, type Recording, Records, type ViolationRule } from './records.ts';
import type { Session } from './session.ts';

/** CONNACK properties of MQTT 5. */
export type Capabilities = NonNullable<IConnackPacket['properties']>;

/** True lets the client in, false refuses name and password, a number is the CONNACK code to answer (0 lets it in). */
export type Authenticate = (connect: PacketRecord<IConnectPacket>) => boolean | number;

export interface BrokerStateOptions {
  readonly capabilities: Capabilities;
  readonly authenticate: Authenticate;
  readonly recording: Recording;
  readonly onMessage: (message: BrokerMessage) => void;
}

/** All that the broker knows; the handlers of the packets work on it. */
export class BrokerState {
  readonly faults = new Faults();
  readonly records: Records;
  readonly connections: Connection[] = [];
  readonly sessions = new Map<string, Session>();
  readonly retained = new Map<string, BrokerMessage>();
  readonly authenticate: Authenticate;
  capabilities: Capabilities;
  /** A broker that goes down publishes no wills. */
  isDown = false;
  readonly #onMessage: (message: BrokerMessage) => void;

  constructor(options: BrokerStateOptions) {
    this.capabilities = options.capabilities;
    this.authenticate = options.authenticate;
    this.records = new Records(options.recording);
    this.#onMessage = options.onMessage;
  }

  record<P extends Packet>(connection: Connection, packet: P): PacketRecord<P> {
    const record = { time: timestamp(), connection: connection.number, clientId: connection.clientId, packet };
    this.records.addPacket(record);
    return record;
  }

  /** Notes what the client did wrong; with a reason code, also ends the connection. */
  violation(connection: Connection, rule: ViolationRule, detail: string, reasonCode?: number): void {
    const { number, clientId } = connection;
    this.records.violations.push({ time: timestamp(), connection: number, clientId, rule, detail });
    if (reasonCode !== undefined) connection.close(`${rule}: ${detail}`, reasonCode);
  }

  /** Takes a message over: keeps it if it is to be retained, and delivers it. */
  accept(message: BrokerMessage): void {
    this.records.addMessage(message);
    if (message.retain) this.#retain(message);
    for (const session of this.sessions.values()) this.#deliver(session, message);
    this.#onMessage(message);
  }

  #retain(message: BrokerMessage): void {
    if (message.payload === '') this.retained.delete(message.topic);
    else this.retained.set(message.topic, message);
  }

  /** One copy per client, however many of its subscriptions match. */
  #deliver(session: Session, message: BrokerMessage): void {
    if (session.connection === undefined) return;
    for (const { filter, noLocal, retainAsPublished } of session.subscriptions.values()) {
      if (!topicMatches(filter, message.topic)) continue;
      if (noLocal && message.clientId === session.clientId) continue;
      send(session.connection, message, message.retain && retainAsPublished);
      return;
    }
  }
}

/** Delivery is at QoS 0; that is what SUBACK grants. */
export function send(connection: Connection, message: BrokerMessage, retain: boolean): void {
  const { topic, payload, properties } = message;
  connection.send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain, ...(properties && { properties }) });
}
