import type { IConnectPacket, IPublishPacket, Packet, PacketCmd } from 'mqtt-packet';

/** A packet as a client sent it. */
export interface PacketRecord<P extends Packet = Packet> {
  /** Ms since the epoch, with fractions. */
  readonly time: number;
  /** The number of the connection it came on, from 1. */
  readonly connection: number;
  readonly clientId: string;
  readonly packet: P;
}

export type PacketOf<C extends PacketCmd> = Extract<Packet, { cmd: C }>;

export function isRecordOf<C extends PacketCmd>(record: PacketRecord, cmd: C): record is PacketRecord<PacketOf<C>> {
  return record.packet.cmd === cmd;
}

/**
 * An application message that the broker took over. QoS 2: once per message, when the client released it. QoS 1: once
 * per PUBLISH, so that what a client sends twice is here twice.
 */
export interface BrokerMessage {
  /** When the broker took it over; ms since the epoch, with fractions. */
  readonly time: number;
  readonly connection: number;
  readonly clientId: string;
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Published by the broker on behalf of a client that went without DISCONNECT. */
  readonly isWill: boolean;
  /** MQTT 5. */
  readonly properties?: IPublishPacket['properties'];
}

export type ViolationRule =
  | 'malformed-packet'
  | 'connect-expected'
  | 'second-connect'
  | 'unexpected-packet'
  | 'receive-maximum-exceeded'
  | 'maximum-qos-exceeded'
  | 'retain-not-available'
  | 'packet-too-large'
  | 'topic-alias-invalid'
  | 'topic-name-invalid'
  | 'packet-identifier-missing'
  | 'packet-identifier-in-use'
  | 'packet-identifier-reused';

/** Something a client must not do. A test of a well-behaved client expects none. */
export interface Violation {
  readonly time: number;
  readonly connection: number;
  readonly clientId: string;
  readonly rule: ViolationRule;
  readonly detail: string;
}

/** What is kept: every packet; messages and CONNECTs alone; or, for long runs, CONNECTs alone. */
export type Recording = 'packets' | 'messages' | 'connects';

/** Everything the broker has seen so far, in order. */
export class Records {
  readonly connects: PacketRecord<IConnectPacket>[] = [];
  readonly packets: PacketRecord[] = [];
  readonly messages: BrokerMessage[] = [];
  readonly violations: Violation[] = [];
  /** How many messages were taken over, kept or not. */
  messageCount = 0;
  readonly #recording: Recording;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  addPacket(record: PacketRecord): void {
    if (isRecordOf(record, 'connect')) this.connects.push(record);
    if (this.#recording === 'packets') this.packets.push(record);
  }

  addMessage(message: BrokerMessage): void {
    this.messageCount += 1;
    if (this.#recording !== 'connects') this.messages.push(message);
  }

  clear(): void {
    for (const list of [this.connects, this.packets, this.messages, this.violations]) list.length = 0;
    this.messageCount = 0;
  }
}
