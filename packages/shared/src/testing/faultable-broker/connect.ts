import { randomUUID } from 'node:crypto';
import type { IConnectPacket, IDisconnectPacket } from 'mqtt-packet';
import { timestamp } from '../timestamp.ts';
import type { Connection } from './connection.ts';
import { applies, chosenCode } from './faults.ts';
import { REASON, RETURN_CODE } from './reason-codes.ts';
import type { BrokerMessage, PacketRecord } from './records.ts';
import { Session } from './session.ts';
import type { BrokerState, Capabilities } from './state.ts';

const NEVER_EXPIRES_SECONDS = 0xffffffff;

export function handleConnect(state: BrokerState, connection: Connection, record: PacketRecord<IConnectPacket>): void {
  if (applies(state.faults.withholdConnack, record)) return;
  const code = connackCode(state, record);
  if (code !== 0) {
    sendConnack(connection, code, false, {});
    connection.close(`CONNACK ${code}`);
    return;
  }
  const properties: Capabilities = { ...state.capabilities };
  if (connection.clientId === '') {
    connection.clientId = properties.assignedClientIdentifier ??= randomUUID();
  } else {
    delete properties.assignedClientIdentifier;
  }
  const { session, isPresent } = openSession(state, connection, record.packet);
  session.connection = connection;
  connection.session = session;
  connection.will = record.packet.will;
  if (applies(state.faults.cutBeforeConnack, record)) {
    connection.destroy('cut before CONNACK');
    return;
  }
  watchKeepAlive(state, connection, record.packet);
  sendConnack(connection, 0, isPresent, properties);
}

/** [MQTT-3.1.2-8], [MQTT-3.1.2-10]: without a DISCONNECT that takes it back, the will is published. */
export function handleClosed(state: BrokerState, connection: Connection): void {
  const { session, will } = connection;
  if (session === undefined) return;
  session.connection = undefined;
  session.endsAt = performance.now() + session.expiryMs;
  if (will && !state.isDown) scheduleWill(state, session, willMessage(connection, will), will);
  if (session.expiryMs === 0) state.sessions.delete(session.clientId);
}

export function handleDisconnect(connection: Connection, packet: IDisconnectPacket): void {
  const { session } = connection;
  if (packet.reasonCode !== REASON.disconnectWithWill) connection.will = undefined;
  const expirySeconds = packet.properties?.sessionExpiryInterval;
  if (session !== undefined && expirySeconds !== undefined) session.expiryMs = expiryMs(expirySeconds);
  connection.close('DISCONNECT');
}

function connackCode(state: BrokerState, record: PacketRecord<IConnectPacket>): number {
  const { packet } = record;
  const isMqtt5 = packet.protocolVersion === 5;
  const fault = chosenCode(state.faults.connackCode, record);
  if (fault !== undefined) return fault;
  if (!isMqtt5 && packet.clientId === '' && packet.clean === false) return RETURN_CODE.identifierRejected; // [MQTT-3.1.3-8]
  const willBreach = packet.will && publishingBreach(state.capabilities, packet.will);
  if (isMqtt5 && willBreach) return willBreach;
  const verdict = state.authenticate(record);
  if (verdict === false) return isMqtt5 ? REASON.badUserNameOrPassword : RETURN_CODE.badUserNameOrPassword;
  return verdict === true ? RETURN_CODE.accepted : verdict;
}

/** What MQTT 5 forbids in a PUBLISH or a will, given what CONNACK said. */
export function publishingBreach(
  capabilities: Capabilities,
  message: { readonly qos?: number; readonly retain?: boolean },
): typeof REASON.qosNotSupported | typeof REASON.retainNotSupported | undefined {
  if ((message.qos ?? 0) > (capabilities.maximumQoS ?? 2)) return REASON.qosNotSupported;
  if (message.retain && capabilities.retainAvailable === false) return REASON.retainNotSupported;
  return undefined;
}

interface OpenedSession {
  readonly session: Session;
  readonly isPresent: boolean;
}

function openSession(state: BrokerState, connection: Connection, packet: IConnectPacket): OpenedSession {
  const { clientId } = connection;
  const former = state.sessions.get(clientId);
  former?.connection?.close('taken over', REASON.sessionTakenOver); // [MQTT-3.1.4-2], [MQTT-3.1.4-3]
  const isPresent = !packet.clean && former !== undefined && state.sessions.has(clientId) && !former.isExpired;
  // MQTT 5, 3.1.3.2.2: coming back to the session in time cancels the will; ending the session does not
  const will = former?.cancelWill();
  if (will && !isPresent) state.accept(will);
  const session = isPresent ? former : new Session(clientId);
  session.expiryMs = sessionExpiryMs(packet);
  state.sessions.set(clientId, session);
  return { session, isPresent };
}

/** Published after its delay or when the session ends, whichever comes first. */
function scheduleWill(
  state: BrokerState,
  session: Session,
  message: BrokerMessage,
  will: NonNullable<IConnectPacket['will']>,
): void {
  const delayMs = Math.min((will.properties?.willDelayInterval ?? 0) * 1_000, session.expiryMs);
  if (delayMs === 0) {
    state.accept(message);
    return;
  }
  const publish = () => {
    session.pendingWill = undefined;
    state.accept(message);
  };
  session.pendingWill = { message, timer: setTimeout(publish, delayMs) };
}

function willMessage(connection: Connection, will: NonNullable<IConnectPacket['will']>): BrokerMessage {
  return {
    time: timestamp(),
    connection: connection.number,
    clientId: connection.clientId,
    topic: will.topic,
    payload: will.payload.toString(),
    qos: will.qos ?? 0,
    retain: will.retain ?? false,
    dup: false,
    isWill: true,
  };
}

function sessionExpiryMs(packet: IConnectPacket): number {
  if (packet.protocolVersion === 5) return expiryMs(packet.properties?.sessionExpiryInterval ?? 0);
  return packet.clean ? 0 : Number.POSITIVE_INFINITY;
}

function expiryMs(seconds: number): number {
  return seconds === NEVER_EXPIRES_SECONDS ? Number.POSITIVE_INFINITY : seconds * 1_000;
}

/** MQTT 5: Server Keep Alive goes before what the client asked for [MQTT-3.1.2-21]. */
function watchKeepAlive(state: BrokerState, connection: Connection, packet: IConnectPacket): void {
  const told = connection.isMqtt5 ? state.capabilities.serverKeepAlive : undefined;
  connection.watchKeepAlive(told ?? packet.keepalive ?? 0, () => {
    if (!state.faults.ignoreKeepAlive) connection.close('keep-alive timeout', REASON.keepAliveTimeout);
  });
}

function sendConnack(connection: Connection, code: number, sessionPresent: boolean, properties: Capabilities): void {
  connection.send(
    connection.isMqtt5
      ? { cmd: 'connack', reasonCode: code, sessionPresent, properties }
      : { cmd: 'connack', returnCode: code, sessionPresent },
  );
}
