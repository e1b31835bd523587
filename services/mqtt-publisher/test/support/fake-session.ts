import type { MqttMessage } from '@gatecast/shared/outbox';
import type { MqttSession, PublishOptions, PublishOutcome, SessionGrant } from '../../src/application/ports.ts';

interface Pending {
  readonly payload: string;
  readonly done: (outcome: PublishOutcome) => void;
}

/** What a broker grants that limits nothing. */
export const NO_LIMITS: SessionGrant = {
  sessionPresent: false,
  receiveMaximum: 65_535,
  serverKeepAliveSeconds: undefined,
  maximumQos: 2,
  retainAvailable: true,
  maximumPacketSize: Number.POSITIVE_INFINITY,
};

/** A session whose broker answers when the test says so. */
export class FakeSession implements MqttSession {
  readonly grant: SessionGrant;
  /** Payloads and options of everything published, in order. */
  readonly published: { topic: string; payload: string; retain: boolean; options: PublishOptions }[] = [];
  /** Packet ids of every PUBREL, in order. */
  readonly released: number[] = [];
  pings = 0;
  isDisconnected = false;
  isAborted = false;
  #pending: Pending[] = [];
  #releases: ((found: boolean) => void)[] = [];
  #pingAnswers: (() => void)[] = [];

  constructor(grant: Partial<SessionGrant> = {}) {
    this.grant = { ...NO_LIMITS, ...grant };
  }

  get payloads(): string[] {
    return this.published.map(({ payload }) => payload);
  }

  get unanswered(): number {
    return this.#pending.length;
  }

  publish(
    { topic, payload, retain }: MqttMessage,
    options: PublishOptions,
    done: (outcome: PublishOutcome) => void,
  ): void {
    const text = Buffer.from(payload).toString();
    this.published.push({ topic, payload: text, retain, options });
    this.#pending.push({ payload: text, done });
  }

  release(packetId: number, done: (found: boolean) => void): void {
    this.released.push(packetId);
    this.#releases.push(done);
  }

  ping(answered: () => void): void {
    this.pings += 1;
    this.#pingAnswers.push(answered);
  }

  async disconnect(): Promise<void> {
    this.isDisconnected = true;
  }

  abort(): void {
    this.isAborted = true;
  }

  /** Acknowledges the oldest `count`. */
  acknowledge(count = Number.POSITIVE_INFINITY): void {
    for (const { done } of this.#pending.splice(0, count)) done({ kind: 'acknowledged' });
  }

  /** Loses the acknowledgement of the oldest one. */
  swallow(): void {
    this.#pending.shift();
  }

  /** PUBREC for the oldest `count` messages. */
  receive(count = Number.POSITIVE_INFINITY): void {
    for (const { done } of this.#pending.splice(0, count)) done({ kind: 'received' });
  }

  /** PUBCOMP for the oldest `count` PUBRELs. */
  complete(count = Number.POSITIVE_INFINITY, found = true): void {
    for (const done of this.#releases.splice(0, count)) done(found);
  }

  /** Refuses the publish of `payload`. */
  refuse(payload: string, reasonCode: number): void {
    const index = this.#pending.findIndex((pending) => pending.payload === payload);
    for (const { done } of this.#pending.splice(index, 1)) done({ kind: 'refused', reasonCode });
  }

  answerPings(): void {
    for (const answer of this.#pingAnswers.splice(0)) answer();
  }
}
