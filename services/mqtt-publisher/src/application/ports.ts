import type { GatewayRecord, PublisherCheckpoint, StatusRecord } from '@gatecast/shared/model';
import type { BatchHeaders, Revisioned } from '@gatecast/shared/nats';
import type { MqttMessage } from '@gatecast/shared/outbox';
import type { Lease } from '@gatecast/shared/ownership';
import type { Batch } from '../domain/batch.ts';
import type { Failure } from '../domain/failure.ts';
import type { SessionSettings } from '../domain/session-settings.ts';

/** What the broker granted in its CONNACK. */
export interface SessionGrant {
  /** Packets that may be unacknowledged at a time; 65,535 when the broker does not say. */
  receiveMaximum: number;
  /** Keep-alive that the broker imposed, seconds. */
  serverKeepAliveSeconds: number | undefined;
  /** Whether the broker still has the session of a former connection. */
  sessionPresent: boolean;
  /** Highest QoS that may be published; 2 when the broker does not say. */
  maximumQos: 0 | 1 | 2;
  retainAvailable: boolean;
  /** Bytes of the largest packet that the broker takes; infinity when it does not say. */
  maximumPacketSize: number;
}

/** How a broker answered a PUBLISH: `received` (PUBREC) is to be followed by `release`. */
export type PublishOutcome = { kind: 'acknowledged' } | { kind: 'received' } | { kind: 'refused'; reasonCode: number };

/** A live MQTT session. It ends by itself once, after which nothing it promised is called back. */
export interface MqttSession {
  readonly grant: SessionGrant;
  /**
   * Written at once. `done` is called when the broker has answered; at QoS 0 when the packet has left for the socket. A
   * QoS 2 message with a packet id of the caller's is not released: `done` is called once, at its PUBREC.
   */
  publish(message: MqttMessage, options: PublishOptions, done: (outcome: PublishOutcome) => void): void;
  /** Sends a PUBREL. `done` is called at its PUBCOMP; `found` is false when the broker says that it has no such id. */
  release(packetId: number, done: (found: boolean) => void): void;
  /** Sends a PINGREQ; `answered` is called when a PINGRESP comes. */
  ping(answered: () => void): void;
  /**
   * Sends DISCONNECT and closes. Bounded in time.
   * @param endsSession whether the broker may forget the session (MQTT 5)
   */
  disconnect(endsSession?: boolean): Promise<void>;
  /** Cuts the connection. `onEnd` is not called. */
  abort(): void;
}

export interface PublishOptions {
  qos: 0 | 1 | 2;
  /** MQTT 5 user properties. */
  userProperties?: Record<string, string>;
  /** QoS 2: the same for every repeat of a message, so that the broker recognises it. */
  packetId?: number;
  /** Whether it may be a repeat. */
  dup?: boolean;
}

export interface ConnectOptions {
  /** Whether the broker has to forget what it may have of this client id. */
  cleanStart: boolean;
  /** In whose name we connect; asked again right before CONNECT. */
  owner: SessionOwner;
  /** Called right before CONNECT is written. */
  onConnect(): void;
  /** How often the gateway had changed its fleet: epochs of different fleets cannot be compared. */
  moves: number;
}

export type ConnectResult = { ok: true; session: MqttSession } | { ok: false; failure: Failure };

/** In whose name a session is made. */
export type SessionOwner = Pick<Lease, 'instance' | 'epoch' | 'isValid'>;

export interface MqttConnector {
  /** One attempt: resolve, connect, TLS, CONNECT. Never throws. `onEnd` is called once when the session ends unasked. */
  connect(
    settings: SessionSettings,
    options: ConnectOptions,
    signal: AbortSignal,
    onEnd: (failure: Failure) => void,
  ): Promise<ConnectResult>;
}

/** The waiting room. */
export interface BacklogStore {
  /** Last batch of a gateway; undefined when it has none. */
  tail(gatewayId: string): Promise<BacklogTail | undefined>;
  /** Gateways that have anything waiting. */
  gateways(): Promise<Set<string>>;
  /**
   * Appends, expecting the subject to end at `expectLast`. Returns the sequence.
   * @throws {GatecastError} `SUBJECT_SEQUENCE_CONFLICT`, `STORAGE_FULL`, `OUTCOME_UNKNOWN`, `NATS_UNAVAILABLE`
   */
  append(batch: Batch, expectLast: number): Promise<number>;
  /** Batches of a gateway from stream sequence `from`, in order, up to the one at `upTo`; reads on as it is iterated. */
  read(gatewayId: string, from: number, upTo: number): AsyncIterable<Batch>;
  /**
   * Removes what a gateway has up to sequence `upTo`. Returns whether all of it is gone: the newest batch of the whole
   * fleet stays. @throws {GatecastError}
   */
  forget(gatewayId: string, upTo: number): Promise<boolean>;
}

export interface BacklogTail {
  sequence: number;
  /** Counter of its last message. */
  last: number;
  incarnation: string;
  /** With the incarnation: the line that it belongs to. */
  moves?: number;
}

export interface CheckpointStore {
  read(partition: number): Promise<Revisioned<PublisherCheckpoint> | undefined>;
  /** @throws {GatecastError} `REVISION_CONFLICT` */
  write(partition: number, checkpoint: PublisherCheckpoint, revision: number | undefined): Promise<number>;
}

export interface DeadLetters {
  /** Resolves once stored. */
  put(batch: Batch, message: MqttMessage, reason: string): Promise<void>;
}

/** Takes the status of gateways; writes it out when it may. */
export interface StatusSink {
  publish(record: StatusRecord, transition: boolean): void;
  forget(gatewayId: string): void;
}

/** One message of the moving line. */
export type OutboxItem =
  | { kind: 'batch'; batch: Batch }
  /** Not of a known schema, or damaged: logged, counted and set aside by the reader. */
  | { kind: 'unreadable'; sequence: number };

/** The moving line. */
export interface OutboxReader {
  /**
   * The messages of a partition from stream sequence `from`, in order, as they come; ends when `signal` aborts. Reads
   * ahead by a bounded number, and comes back by itself when its consumer is lost, if the lease is still ours.
   */
  read(partition: number, lease: () => Lease, from: number, signal: AbortSignal): AsyncIterable<OutboxItem>;
}

/** What is known of a gateway on the way to this process; asked from the leaders of the streams. */
export interface Upstream {
  /** @throws {GatecastError} when they cannot be asked */
  of(partition: number, gatewayId: string): Promise<UpstreamState>;
}

export interface UpstreamState {
  /** When its last batch, of readings or metadata, was accepted, ms since the epoch; undefined when none is left. */
  acceptedAt: number | undefined;
  /** OUTBOX sequence of its last batch there; 0: none. */
  outboxSequence: number;
}

/** Gives out turns to connect, so that a broker that comes back is not run over. */
export interface ConnectQueue {
  /** Resolves when the turn has come; false when `signal` aborted first. */
  next(host: string, signal: AbortSignal): Promise<boolean>;
}

/** One gateway's batches in the outbox of a fleet. @throws {GatecastError} */
export interface LineReader {
  /** What its last batch says; undefined when there is none. */
  end(partition: number, gatewayId: string): Promise<BatchHeaders | undefined>;
  /** Its batches from stream sequence `from`, in order, up to the last one there is. */
  read(partition: number, gatewayId: string, from: number): AsyncIterable<Batch>;
}

/** What another fleet holds of a gateway that comes from there. */
export interface FormerFleet {
  readonly checkpoints: CheckpointStore;
  readonly backlog: BacklogStore;
  readonly line: LineReader;
  /** Calls `onWrite` soon after each write of the record of `partition`, until `signal` aborts. One may be missed. */
  follow(partition: number, onWrite: () => void, signal: AbortSignal): void;
}

/** The gateways of the fleet, and those that are leaving it: who they are and how they are set. */
export interface GatewayDirectory {
  ofPartition(partition: number): Iterable<Revisioned<GatewayRecord>>;
  /** Asks the store itself: the copy in memory may be behind. */
  fetch(gatewayId: string): Promise<Revisioned<GatewayRecord> | undefined>;
}

/** Opens sealed secrets. */
export interface SecretOpener {
  open(gatewayId: string, field: 'password' | 'tls.clientKey', sealed: string): Promise<string>;
}
