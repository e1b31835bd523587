import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { Lease } from '@gatecast/shared/ownership';
import type { Batch } from '../domain/batch.ts';
import type { Outstanding } from '../domain/outstanding.ts';
import type { BacklogStore, ConnectQueue, DeadLetters, MqttConnector, Upstream } from './ports.ts';

/** Bounds of delivery; each is a setting of the service. */
export interface DeliveryLimits {
  /** Messages that one lane holds in memory before they move to the waiting room. */
  laneMaxMessages: number;
  /** A broker that has been away for so long has its messages moved to the waiting room, ms. */
  awayMs: number;
  /** A batch of the moving line that is not settled after so long moves to the waiting room, ms. */
  lineMaxAgeMs: number;
  /** Windows that may be sent beyond what the durable record holds: bounds what a crash repeats. */
  windowsBeyondRecord: number;
  /** Longest time between a settlement and its record, ms. */
  recordIntervalMs: number;
  /** Batches of a partition held in memory before reading pauses. */
  partitionMaxBatches: number;
  /** For a whole attempt to connect, ms. */
  attemptTimeoutMs: number;
  backoffBaseMs: number;
  backoffMaxMs: number;
  /** How long a planned end of a session waits for outstanding acknowledgements, ms. */
  drainMs: number;
}

/** What happened to messages, for metrics. */
export interface DeliveryObserver {
  messageDelivered(): void;
  /** The last message of a batch was acknowledged. */
  batchDelivered(batch: Batch): void;
  repeated(messages: number): void;
  /** Sent at QoS 2, then the broker lost its session: they are sent again, and may arrive twice. */
  uncertain(messages: number): void;
  /** Released at QoS 2 in a session that may have been a new one: if it was, they are lost. */
  unproven(messages: number): void;
  lost(messages: number): void;
  dropped(reason: 'former_incarnation' | 'moved', messages: number): void;
  deadLettered(reason: string): void;
  movedToBacklog(messages: number): void;
  backlogRefused(messages: number): void;
  /** A message was published with less than the settings ask for, because the broker does no more. */
  downgraded(what: 'qos' | 'retain'): void;
  /** An attempt to connect has waited so long for its turn, ms. */
  turnAwaited(ms: number): void;
  connectAttempt(result: 'ok' | 'failed'): void;
  sessionEnded(reason: string): void;
  recordWritten(): void;
  /** A gateway was given to another fleet, or taken over from one. */
  moved(direction: 'away' | 'here'): void;
  purged(result: 'ok' | 'failed'): void;
}

/** What the parts of one partition share. */
export interface PartitionContext {
  readonly fleet: string;
  readonly partition: number;
  /** The lease that we act under now. */
  lease(): Lease;
  readonly outstanding: Outstanding;
  /** Asks for the checkpoint to be written: at once, or within `recordIntervalMs`. */
  requestRecord(urgency: 'now' | 'soon'): void;
  readonly backlog: BacklogStore;
  readonly deadLetters: DeadLetters;
  readonly connector: MqttConnector;
  readonly connectQueue: ConnectQueue;
  readonly upstream: Upstream;
  readonly limits: DeliveryLimits;
  readonly observer: DeliveryObserver;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Logger;
}
