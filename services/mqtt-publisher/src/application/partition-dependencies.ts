import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type { DeliveryLimits, DeliveryObserver } from './context.ts';
import type {
  BacklogStore,
  CheckpointStore,
  ConnectQueue,
  DeadLetters,
  GatewayDirectory,
  MqttConnector,
  OutboxReader,
  StatusSink,
  Upstream,
} from './ports.ts';

/** What every partition of a fleet works with. */
export interface PartitionDependencies {
  readonly fleet: string;
  readonly outbox: OutboxReader;
  readonly backlog: BacklogStore;
  readonly checkpoints: CheckpointStore;
  readonly deadLetters: DeadLetters;
  readonly directory: GatewayDirectory;
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
