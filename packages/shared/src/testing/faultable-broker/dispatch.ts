import type { IConnectPacket, IPingreqPacket, Packet } from 'mqtt-packet';
import { handleConnect, handleDisconnect } from './connect.ts';
import type { Connection } from './connection.ts';
import { applies } from './faults.ts';
import { handlePublish, handlePubrel } from './publish.ts';
import { REASON } from './reason-codes.ts';
import { isRecordOf, type PacketRecord } from './records.ts';
import type { Session } from './session.ts';
import type { BrokerState } from './state.ts';
import { handleSubscribe, handleUnsubscribe } from './subscribe.ts';

/** Records a packet and hands it to whoever handles its kind. */
export function dispatch(state: BrokerState, connection: Connection, packet: Packet): void {
  if (packet.cmd === 'connect') acceptConnect(state, connection, packet);
  else handleLater(state, connection, state.record(connection, packet));
  cutIfDue(state, connection);
}

function acceptConnect(state: BrokerState, connection: Connection, packet: IConnectPacket): void {
  if (connection.connect !== undefined) {
    state.record(connection, packet);
    state.violation(connection, 'second-connect', packet.clientId, REASON.protocolError); // [MQTT-3.1.0-2]
    return;
  }
  connection.clientId = packet.clientId;
  connection.connect = packet;
  handleConnect(state, connection, state.record(connection, packet));
}

function handleLater(state: BrokerState, connection: Connection, record: PacketRecord): void {
  if (connection.connect === undefined) {
    state.violation(connection, 'connect-expected', `got ${record.packet.cmd}`, REASON.protocolError); // [MQTT-3.1.0-1]
  } else if (connection.session) {
    handle(state, connection, connection.session, record);
  }
  // else CONNACK was withheld: a broker that hangs handles nothing
}

function handle(state: BrokerState, connection: Connection, session: Session, record: PacketRecord): void {
  if (isRecordOf(record, 'publish')) handlePublish(state, connection, session, record);
  else if (isRecordOf(record, 'pubrel')) handlePubrel(state, connection, session, record);
  else if (isRecordOf(record, 'subscribe')) handleSubscribe(state, connection, session, record.packet);
  else if (isRecordOf(record, 'unsubscribe')) handleUnsubscribe(connection, session, record.packet);
  else if (isRecordOf(record, 'pingreq')) handlePingreq(state, connection, record);
  else if (isRecordOf(record, 'disconnect')) handleDisconnect(connection, record.packet);
  else state.violation(connection, 'unexpected-packet', record.packet.cmd, REASON.protocolError);
}

function handlePingreq(state: BrokerState, connection: Connection, record: PacketRecord<IPingreqPacket>): void {
  if (!applies(state.faults.withholdPingresp, record)) connection.send({ cmd: 'pingresp' });
}

function cutIfDue(state: BrokerState, connection: Connection): void {
  const { cutAfterPackets, cutAfterPublishes } = state.faults;
  if (cutAfterPackets !== undefined && connection.packetCount >= cutAfterPackets) {
    connection.close(`cut after ${connection.packetCount} packets`);
  } else if (cutAfterPublishes !== undefined && connection.publishCount >= cutAfterPublishes) {
    connection.close(`cut after ${connection.publishCount} PUBLISH packets`);
  }
}
