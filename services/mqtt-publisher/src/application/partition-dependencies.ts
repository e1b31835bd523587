import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { VacantLeases } from '@gatecast/shared/ownership';
import type { DeliveryLimits, DeliveryObserver } from './context.ts';
import type {
  BacklogStore,
  CheckpointStore,
  ConnectQueue,
  DeadLetters,
  FormerFleet,
  GatewayDirectory,
  LineReader,
  MqttConnector,
  OutboxReader,
  StatusSink,
  Upstream,
} from './ports.ts';

/** What every partition of a fleet works with. */
export interface PartitionDependencies {
  readonly fleet: string;
  readonly outbox: OutboxReader;
  /** One gateway's part of `outbox`. */
  readonly line: LineReader;
  readonly backlog: BacklogStore;
  readonly checkpoints: CheckpointStore;
  readonly deadLetters: DeadLetters;
  readonly directory: GatewayDirectory;
  /** The fleet that a gateway comes from. */
  readonly formerFleet: (fleet: string) => FormerFleet;
  /** For standing in for a fleet that has no publisher. */
  readonly vacantLeases: VacantLeases;
  readonly status: StatusSink;
  readonly connector: MqttConnector;
  readonly connectQueue: ConnectQueue;
  readonly upstream: Upstream;
  readonly limits: DeliveryLimits;
  readonly observer: DeliveryObserver;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
}
