import type { GatewayRecord, SensorsRecord } from '@gatecast/shared/model';
import type { BodyKind, KeyValueStore, MessageHeaders, Revisioned } from '@gatecast/shared/nats';
import type { Emission, Tail } from '../domain/chain.ts';
import type { AnnouncedRecord } from '../domain/metadata.ts';

/** One message of READINGS. */
export interface SourceMessage {
  readonly sequence: number;
  readonly gatewayId: string;
  /** When the server stored it, ms since the epoch. */
  readonly acceptedAt: number;
  readonly headers: MessageHeaders | undefined;
  readonly body: Uint8Array;
  /** What its headers say. */
  readonly envelope: Envelope;
}

export interface ReadableEnvelope {
  readonly kind: 'readable';
  readonly incarnation: string;
  readonly content: BodyKind;
  /** It was a dead letter, and is no repeat of what was set aside. */
  readonly isRequeued: boolean;
  /** Sent by the gateway itself, just now; false for what config-api sends. */
  readonly isFromGateway: boolean;
}

export type Envelope =
  | ReadableEnvelope
  | { readonly kind: 'unreadable'; readonly reason: 'schema_unknown' | 'headers_malformed' };

/** Where READINGS goes on, or began. */
export interface StreamPoint {
  /** The first sequence at or after what was asked for. */
  readonly sequence: number;
  /** Messages from there on. */
  readonly messages: number;
}

/** READINGS, by partition. Methods other than `follow` throw GatecastErrors. */
export interface ReadingsPort {
  /**
   * The messages of a partition from sequence `from` on, in order, none left out, without an end: an outage is waited
   * out and gone on behind, if `mayGoOn` says so. Asks `room` for the bytes that may be read ahead, and waits for it. Ends when `signal` is
   * aborted.
   */
  follow(options: {
    partition: number;
    epoch: number;
    from: number;
    room: () => Promise<number>;
    mayGoOn: () => Promise<boolean>;
    signal: AbortSignal;
  }): AsyncIterable<SourceMessage>;
  /** Counts the messages of a partition from a sequence or a time (ms since the epoch) on. */
  pointAt(partition: number, start: { sequence: number } | { time: number }): Promise<StreamPoint>;
  /** When the message at `sequence` was stored, ms since the epoch; undefined when it is gone. */
  timeOf(partition: number, sequence: number): Promise<number | undefined>;
  /** Whether a partition has a message after `sequence`. */
  hasAfter(partition: number, sequence: number): Promise<boolean>;
  state(partition: number): Promise<StreamState>;
  /** The first sequence of the whole stream that was stored at or after `time`, ms since the epoch. */
  sequenceAt(partition: number, time: number): Promise<number>;
  /** Removes what is in front of `sequence`, of all partitions. Resolves to the number of messages removed. */
  purgeBefore(partition: number, sequence: number): Promise<number>;
}

export interface StreamState {
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Part of the stream's `max_bytes` that is used, 0 … 1. */
  readonly fill: number;
}

/** Names a gateway's outbox subject. */
export interface OutboxLine {
  readonly fleet: string;
  readonly partition: number;
  readonly gatewayId: string;
}

/** The outboxes. Throws GatecastErrors as `publishToStream` and `lastMessageOf` do. */
export interface OutboxPort {
  tail(line: OutboxLine): Promise<Tail | undefined>;
  /** Resolves to the sequence that `emission` was stored at. */
  publish(line: OutboxLine, emission: Emission, settings: number, trace: BatchTrace): Promise<number>;
  /** Bytes that a message may have with its headers. */
  readonly maxMessageBytes: number;
}

export interface DeadLetter {
  readonly fleet: string;
  readonly source: SourceMessage;
  readonly reason: DeadLetterReason;
  /** What to set aside; the source's body, or the readings of it that are concerned. */
  readonly body: Uint8Array;
}

export type DeadLetterReason =
  | 'schema_unknown'
  | 'headers_malformed'
  | 'payload_malformed'
  | 'topic_invalid'
  | 'topic_too_long'
  | 'topic_too_deep'
  | 'payload_too_large'
  | 'message_too_large'
  | 'layout_unknown'
  | 'encoding_failed';

export interface DeadLetterPort {
  /** Resolves once it is stored. The same letter set aside twice within a short time is stored once. */
  setAside(letter: DeadLetter): Promise<void>;
}

/** The gateways' registrations and settings. */
export interface GatewayDirectory {
  /** The newest known here. */
  known(gatewayId: string): Revisioned<GatewayRecord> | undefined;
  /** The newest there is, from the leader. */
  ask(gatewayId: string): Promise<Revisioned<GatewayRecord> | undefined>;
  /** Those known here that have ever changed their fleet. */
  moved(): Iterable<GatewayRecord>;
}

/** What is known of the gateways' sensors. */
export interface SensorDirectory {
  known(gatewayId: string): Revisioned<SensorsRecord> | undefined;
  /** Writes what `change` makes of the record, unless it returns the same; repeated when somebody else wrote. */
  change(
    gatewayId: string,
    change: (record: SensorsRecord | undefined) => SensorsRecord | undefined,
  ): Promise<Revisioned<SensorsRecord> | undefined>;
}

export type AnnouncedStore = Pick<KeyValueStore<AnnouncedRecord>, 'get' | 'create' | 'update'>;

/** A batch's part of its trace. */
export interface BatchTrace {
  /** Names it as the origin of a message. */
  inject(headers: MessageHeaders): void;
  end(): void;
}

export interface TracerPort {
  begin(source: SourceMessage): BatchTrace;
}

export interface Observer {
  /** A batch is done with. */
  batch(outcome: BatchOutcome): void;
  /** Readings that became messages. */
  readings(count: number): void;
  /** Messages, in one publish, stored in an outbox. */
  emitted(messages: number): void;
  repeats(count: number): void;
  /** A gateway goes on in another fleet's outbox. */
  lineMoved(): void;
  deadLetter(reason: DeadLetterReason, readings: number): void;
  metadataRefused(count: number): void;
  publishFailed(code: string): void;
  /** A chain begins (1) or ceases (-1) to wait for room in an outbox. */
  waitingForOutbox(change: 1 | -1): void;
  recordWrite(outcome: 'written' | 'conflict' | 'failed'): void;
  purged(messages: number): void;
}

export type BatchOutcome = 'encoded' | 'passed_on' | 'known' | 'disabled' | 'former_incarnation' | 'set_aside';
