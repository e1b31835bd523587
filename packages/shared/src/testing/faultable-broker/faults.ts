import type { IConnectPacket, IPingreqPacket, IPublishPacket, IPubrelPacket, Packet } from 'mqtt-packet';
import { topicMatches } from '../topic-filter.ts';
import type { PacketRecord } from './records.ts';

/** Always, never, or for the packets that a test picks (see {@link fromClient} and {@link onTopic}). */
export type Condition<P extends Packet> = boolean | ((record: PacketRecord<P>) => boolean);

/** One code for all, or one a packet; undefined answers as usual. */
export type CodeChoice<P extends Packet> = number | undefined | ((record: PacketRecord<P>) => number | undefined);

/** Matches what the client with this id sent. */
export function fromClient(clientId: string): (record: PacketRecord) => boolean {
  return (record) => record.clientId === clientId;
}

/** Matches PUBLISH packets by topic filter. */
export function onTopic(filter: string): (record: PacketRecord) => boolean {
  return ({ packet }) => packet.cmd === 'publish' && topicMatches(filter, packet.topic);
}

/** What the broker does wrong. Every field can be set at any time and holds for what comes afterwards. */
export class Faults {
  /** CONNECT is left unanswered, the connection stays open and nothing on it is handled. */
  withholdConnack: Condition<IConnectPacket> = false;
  /** CONNACK carries this return code (3.1.1) or reason code (5); unless it is 0 the connection is closed. */
  connackCode: CodeChoice<IConnectPacket> = undefined;

  /** The message is taken over, its PUBACK never comes. */
  withholdPuback: Condition<IPublishPacket> = false;
  /** The message is kept for its PUBREL, its PUBREC never comes. */
  withholdPubrec: Condition<IPublishPacket> = false;
  /** The message is released, its PUBCOMP never comes. */
  withholdPubcomp: Condition<IPubrelPacket> = false;
  withholdPingresp: Condition<IPingreqPacket> = false;
  /** PUBLISH is read and thrown away: a broker that lost it before it did anything. */
  discardPublish: Condition<IPublishPacket> = false;

  /** MQTT 5: the reason code of PUBACK. From 0x80 on the message is not taken over. */
  pubackCode: CodeChoice<IPublishPacket> = undefined;
  /** MQTT 5: the reason code of PUBREC. From 0x80 on the message is not taken over. */
  pubrecCode: CodeChoice<IPublishPacket> = undefined;

  /** PUBACK, PUBREC and PUBCOMP come that much later, in order. */
  ackDelayMs = 0;
  /** At most that many of them a second go out on each connection. */
  acksPerSecond: number | undefined = undefined;
  /** They are kept until `broker.releaseAcks()`; later ones of the same connection wait behind them. */
  holdAcks: Condition<IPublishPacket | IPubrelPacket> = false;

  /** The session is there, and the connection cut in place of its CONNACK. */
  cutBeforeConnack: Condition<IConnectPacket> = false;
  /** A connection is cut once the broker has handled that many packets on it, CONNECT included. */
  cutAfterPackets: number | undefined = undefined;
  /** A connection is cut once the broker has handled that many PUBLISH packets on it. */
  cutAfterPublishes: number | undefined = undefined;
  /** The connection is cut instead of handling the PUBLISH: poison for the broker. */
  cutOnPublish: Condition<IPublishPacket> = false;
  /** The PUBLISH is handled, and the connection cut in place of its PUBACK or PUBREC. */
  cutBeforeAck: Condition<IPublishPacket> = false;

  /** A client that is silent for more than 1.5 times its keep-alive is not disconnected. */
  ignoreKeepAlive = false;

  /** Back to a broker without faults. Acknowledgements that were withheld are lost, held ones stay held. */
  clear(): void {
    Object.assign(this, new Faults());
  }
}

export function applies<P extends Packet>(condition: Condition<P>, record: PacketRecord<P>): boolean {
  return typeof condition === 'function' ? condition(record) : condition;
}

export function chosenCode<P extends Packet>(choice: CodeChoice<P>, record: PacketRecord<P>): number | undefined {
  return typeof choice === 'function' ? choice(record) : choice;
}
