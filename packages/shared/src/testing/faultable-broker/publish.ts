import type { IPublishPacket, IPubrelPacket, Packet } from 'mqtt-packet';
import { timestamp } from '../timestamp.ts';
import { publishingBreach } from './connect.ts';
import type { Connection } from './connection.ts';
import { applies, chosenCode } from './faults.ts';
import { REASON } from './reason-codes.ts';
import type { BrokerMessage, PacketRecord } from './records.ts';
import type { Session } from './session.ts';
import type { BrokerState } from './state.ts';

export function handlePublish(
  state: BrokerState,
  connection: Connection,
  session: Session,
  record: PacketRecord<IPublishPacket>,
): void {
  connection.publishCount += 1;
  if (!isAllowed(state, connection, record.packet)) return;
  if (applies(state.faults.discardPublish, record)) return;
  if (applies(state.faults.cutOnPublish, record)) {
    connection.destroy('cut on PUBLISH');
    return;
  }
  const { qos } = record.packet;
  if (qos === 0) state.accept(messageOf(record));
  else if (qos === 1) receiveQos1(state, connection, record);
  else receiveQos2(state, connection, session, record);
}

/** The message is released here, not at PUBLISH: so does mosquitto, and what is lost in between shows up as lost. */
export function handlePubrel(
  state: BrokerState,
  connection: Connection,
  session: Session,
  record: PacketRecord<IPubrelPacket>,
): void {
  const { faults } = state;
  const messageId = record.packet.messageId ?? 0;
  const publish = session.unreleased.get(messageId);
  session.unreleased.delete(messageId);
  if (publish) state.accept(messageOf(publish));
  if (applies(faults.withholdPubcomp, record)) return;
  const reasonCode = publish ? REASON.success : REASON.packetIdentifierNotFound;
  acknowledge(state, connection, record, { cmd: 'pubcomp', messageId, reasonCode }, messageId);
}

function receiveQos1(state: BrokerState, connection: Connection, record: PacketRecord<IPublishPacket>): void {
  const { faults } = state;
  const { messageId = 0 } = record.packet;
  const reasonCode = refusal(connection, chosenCode(faults.pubackCode, record));
  if (reasonCode < REASON.error) state.accept(messageOf(record));
  if (applies(faults.cutBeforeAck, record)) connection.destroy('cut before PUBACK');
  else if (!applies(faults.withholdPuback, record)) {
    acknowledge(state, connection, record, { cmd: 'puback', messageId, reasonCode }, messageId);
  }
}

function receiveQos2(
  state: BrokerState,
  connection: Connection,
  session: Session,
  record: PacketRecord<IPublishPacket>,
): void {
  const { faults } = state;
  const { messageId = 0 } = record.packet;
  const known = session.unreleased.get(messageId);
  const reasonCode = known ? REASON.success : refusal(connection, chosenCode(faults.pubrecCode, record));
  const isRefused = reasonCode >= REASON.error;
  if (known) noteReuse(state, connection, known.packet, record.packet);
  else if (!isRefused) session.unreleased.set(messageId, record);
  if (applies(faults.cutBeforeAck, record)) connection.destroy('cut before PUBREC');
  else if (!applies(faults.withholdPubrec, record)) {
    const landed = isRefused ? messageId : undefined;
    acknowledge(state, connection, record, { cmd: 'pubrec', messageId, reasonCode }, landed);
  }
}

/** MQTT 3.1.1 has no way to refuse a message. */
function refusal(connection: Connection, code: number | undefined): number {
  return connection.isMqtt5 ? (code ?? REASON.success) : REASON.success;
}

/** `landed` is the identifier that the client may use again once the acknowledgement is out. */
function acknowledge(
  state: BrokerState,
  connection: Connection,
  record: PacketRecord<IPublishPacket | IPubrelPacket>,
  ack: Packet,
  landed: number | undefined,
): void {
  const { ackDelayMs, acksPerSecond, holdAcks } = state.faults;
  const send = () => {
    if (landed !== undefined) connection.endFlight(landed);
    connection.send(ack);
  };
  connection.acks.push({ delayMs: ackDelayMs, perSecond: acksPerSecond, isHeld: applies(holdAcks, record), send });
}

/** A broker takes the second PUBLISH for the first one repeated, so its content would be lost without a word. */
function noteReuse(state: BrokerState, connection: Connection, known: IPublishPacket, packet: IPublishPacket): void {
  const isSame = known.topic === packet.topic && Buffer.from(known.payload).equals(Buffer.from(packet.payload));
  if (isSame) return;
  const detail = `${packet.messageId} is unreleased for ${known.topic}, and used for ${packet.topic}`;
  state.violation(connection, 'packet-identifier-reused', detail);
}

function messageOf(record: PacketRecord<IPublishPacket>): BrokerMessage {
  const { topic, payload, qos, retain, dup, properties } = record.packet;
  return {
    time: timestamp(),
    connection: record.connection,
    clientId: record.clientId,
    topic,
    payload: payload.toString(),
    qos,
    retain,
    dup,
    isWill: false,
    ...(properties && { properties }),
  };
}

function isAllowed(state: BrokerState, connection: Connection, packet: IPublishPacket): boolean {
  resolveTopicAlias(state, connection, packet);
  if (connection.closedAt !== undefined) return false;
  if (packet.topic === '' || /[+#\0]/.test(packet.topic)) {
    state.violation(connection, 'topic-name-invalid', JSON.stringify(packet.topic), REASON.topicNameInvalid);
    return false;
  }
  if (packet.qos > 0) startFlight(state, connection, packet);
  if (connection.isMqtt5) checkCapabilities(state, connection, packet);
  return connection.closedAt === undefined;
}

function startFlight(state: BrokerState, connection: Connection, packet: IPublishPacket): void {
  const { messageId = 0, dup } = packet;
  if (messageId === 0) {
    state.violation(connection, 'packet-identifier-missing', packet.topic, REASON.protocolError); // [MQTT-2.2.1-3]
    return;
  }
  if (connection.isInFlight(messageId) && !dup) {
    state.violation(connection, 'packet-identifier-in-use', `${messageId} on ${packet.topic}`); // [MQTT-2.2.1-4]
  }
  connection.startFlight(messageId);
}

function checkCapabilities(state: BrokerState, connection: Connection, packet: IPublishPacket): void {
  const { capabilities } = state;
  const { receiveMaximum = 65_535, maximumPacketSize = Number.POSITIVE_INFINITY } = capabilities;
  const size = packetSize(packet);
  const breach = publishingBreach(capabilities, packet);
  if (connection.inFlightCount > receiveMaximum) {
    const detail = `${connection.inFlightCount} in flight, ${receiveMaximum} allowed`;
    state.violation(connection, 'receive-maximum-exceeded', detail, REASON.receiveMaximumExceeded);
  } else if (size > maximumPacketSize) {
    state.violation(connection, 'packet-too-large', `${size} bytes on ${packet.topic}`, REASON.packetTooLarge);
  } else if (breach === REASON.qosNotSupported) {
    state.violation(connection, 'maximum-qos-exceeded', `QoS ${packet.qos} on ${packet.topic}`, breach);
  } else if (breach === REASON.retainNotSupported) {
    state.violation(connection, 'retain-not-available', packet.topic, breach);
  }
}

/** MQTT 5, 3.3.2.3.4: the alias stands for the topic it came with last. Puts the topic into the packet. */
function resolveTopicAlias(state: BrokerState, connection: Connection, packet: IPublishPacket): void {
  const alias = packet.properties?.topicAlias;
  if (alias === undefined) return;
  const isKnown = packet.topic !== '' || connection.topicAliases.has(alias);
  if (alias === 0 || alias > (state.capabilities.topicAliasMaximum ?? 0) || !isKnown) {
    state.violation(connection, 'topic-alias-invalid', `alias ${alias}`, REASON.topicAliasInvalid);
    return;
  }
  if (packet.topic === '') packet.topic = connection.topicAliases.get(alias) ?? '';
  else connection.topicAliases.set(alias, packet.topic);
}

/** The whole packet: `length` is the Remaining Length, without the header that holds it. */
function packetSize(packet: IPublishPacket): number {
  const remaining = packet.length ?? 0;
  const lengthBytes = [128, 16_384, 2_097_152].filter((limit) => remaining >= limit).length + 1;
  return 1 + lengthBytes + remaining;
}
