import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet';
import { topicMatches } from '../topic-filter.ts';
import type { Connection } from './connection.ts';
import type { Session } from './session.ts';
import { type BrokerState, send } from './state.ts';

const NO_SUBSCRIPTION_EXISTED = 0x11;

/** MQTT 5, 3.8.3.1: retained messages at every subscribe, at the first one only, or never. */
const RETAIN_HANDLING = { always: 0, ifNew: 1, never: 2 } as const;

export function handleSubscribe(
  state: BrokerState,
  connection: Connection,
  session: Session,
  packet: ISubscribePacket,
): void {
  const retainedFor: string[] = [];
  for (const { topic: filter, nl = false, rap = false, rh = RETAIN_HANDLING.always } of packet.subscriptions) {
    const isNew = !session.subscriptions.has(filter);
    session.subscriptions.set(filter, { filter, noLocal: nl, retainAsPublished: rap });
    if (rh === RETAIN_HANDLING.always || (rh === RETAIN_HANDLING.ifNew && isNew)) retainedFor.push(filter);
  }
  connection.send({ cmd: 'suback', ...identifier(packet), granted: packet.subscriptions.map(() => 0) });
  for (const message of state.retained.values()) {
    if (retainedFor.some((filter) => topicMatches(filter, message.topic))) send(connection, message, true);
  }
}

export function handleUnsubscribe(connection: Connection, session: Session, packet: IUnsubscribePacket): void {
  const granted = packet.unsubscriptions.map((filter) =>
    session.subscriptions.delete(filter) ? 0 : NO_SUBSCRIPTION_EXISTED,
  );
  connection.send({ cmd: 'unsuback', ...identifier(packet), granted });
}

function identifier(packet: { readonly messageId?: number }): { messageId?: number } {
  return packet.messageId === undefined ? {} : { messageId: packet.messageId };
}
