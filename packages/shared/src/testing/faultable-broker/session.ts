import type { IPublishPacket } from 'mqtt-packet';
import type { Connection } from './connection.ts';
import type { BrokerMessage, PacketRecord } from './records.ts';

export interface Subscription {
  readonly filter: string;
  /** MQTT 5: not what the subscriber published itself. */
  readonly noLocal: boolean;
  /** MQTT 5: the retain flag stays as published. */
  readonly retainAsPublished: boolean;
}

export interface PendingWill {
  readonly message: BrokerMessage;
  readonly timer: NodeJS.Timeout;
}

/** What the broker remembers of a client id, across connections if the client asked for it. */
export class Session {
  readonly clientId: string;
  readonly subscriptions = new Map<string, Subscription>();
  /** QoS 2 messages received and not yet released, by packet identifier: a repeated PUBLISH is recognised by it. */
  readonly unreleased = new Map<number, PacketRecord<IPublishPacket>>();
  connection: Connection | undefined;
  /** How long it outlives its connection; Infinity: until the broker forgets it. */
  expiryMs = 0;
  /** On the monotonic clock; meaningful while there is no connection. */
  endsAt = Number.POSITIVE_INFINITY;
  /** MQTT 5 Will Delay: published unless the client is back in time. */
  pendingWill: PendingWill | undefined;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  /** Returns the will that was waiting, if one was. */
  cancelWill(): BrokerMessage | undefined {
    const will = this.pendingWill;
    clearTimeout(will?.timer);
    this.pendingWill = undefined;
    return will?.message;
  }

  get isExpired(): boolean {
    return this.connection === undefined && performance.now() >= this.endsAt;
  }
}
