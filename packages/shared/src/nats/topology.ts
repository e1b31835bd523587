import { DiscardPolicy, RetentionPolicy, StorageType, type StreamConfig } from '@nats-io/jetstream';

const seconds = (n: number) => n * 1_000_000_000;
const MiB = 1024 * 1024;

/** The one place where a partition is given its streams: sharding them by partition range is a change here alone. */
export function readingsStreamOf(_partition: number): string {
  return 'READINGS';
}
export function outboxStreamOf(fleet: string, _partition: number): string {
  return `OUTBOX_${fleet}`;
}
export function backlogStreamOf(fleet: string): string {
  return `BACKLOG_${fleet}`;
}
export const DEADLETTER_STREAM = 'DEADLETTER';
export const STATUS_EVENTS_STREAM = 'STATUS_EVENTS';

export const subjects = {
  readings: (partition: number, gatewayId: string) => `readings.${partition}.${gatewayId}`,
  allReadings: 'readings.>',
  readingsOfPartition: (partition: number) => `readings.${partition}.>`,
  outbox: (fleet: string, partition: number, gatewayId: string) => `outbox.${fleet}.${partition}.${gatewayId}`,
  outboxOfPartition: (fleet: string, partition: number) => `outbox.${fleet}.${partition}.>`,
  backlogOfFleet: (fleet: string) => `backlog.${fleet}.>`,
  backlog: (fleet: string, gatewayId: string) => `backlog.${fleet}.${gatewayId}`,
  deadletter: (fleet: string, gatewayId: string) => `deadletter.${fleet}.${gatewayId}`,
  /** Of a gateway in whatever fleet it was when they were set aside. */
  deadlettersOf: (gatewayId: string) => `deadletter.*.${gatewayId}`,
  statusEvents: (workspace: string, gatewayId: string) => `status.${workspace}.${gatewayId}`,
} as const;

/** The gateway that a message of READINGS, OUTBOX or BACKLOG belongs to: the last token of its subject. */
export function gatewayOfSubject(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}

export interface StorageLimits {
  replicas: number;
  readingsMaxBytes: number;
  outboxMaxBytes: number;
  backlogMaxBytes: number;
  /** How long a message may wait for its broker. */
  backlogMaxAgeSeconds: number;
  /** Batches that one gateway may have waiting. */
  backlogMaxBatchesPerGateway: number;
  deadletterMaxBytes: number;
  /** How long the ingest recognises a repeated request by its content. */
  repeatWindowSeconds: number;
}

export const DEFAULT_STORAGE_LIMITS: StorageLimits = {
  replicas: 1,
  readingsMaxBytes: 1024 * MiB,
  outboxMaxBytes: 1024 * MiB,
  backlogMaxBytes: 4096 * MiB,
  backlogMaxAgeSeconds: 7 * 24 * 3600,
  backlogMaxBatchesPerGateway: 50_000,
  deadletterMaxBytes: 256 * MiB,
  repeatWindowSeconds: 120,
};

type StreamDefinition = Partial<StreamConfig> & { name: string; subjects: string[] };

const durable = (limits: StorageLimits) => ({
  retention: RetentionPolicy.Limits,
  storage: StorageType.File,
  num_replicas: limits.replicas,
  allow_direct: false,
});

/** Streams of the whole installation. A full one refuses: it never drops what was accepted. */
export function commonStreams(limits: StorageLimits): StreamDefinition[] {
  return [
    {
      ...durable(limits),
      name: readingsStreamOf(0),
      subjects: [subjects.allReadings],
      max_bytes: limits.readingsMaxBytes,
      discard: DiscardPolicy.New,
      duplicate_window: seconds(limits.repeatWindowSeconds),
    },
    {
      ...durable(limits),
      name: DEADLETTER_STREAM,
      subjects: ['deadletter.>'],
      max_bytes: limits.deadletterMaxBytes,
      max_age: seconds(30 * 24 * 3600),
      discard: DiscardPolicy.Old,
    },
    {
      ...durable(limits),
      name: STATUS_EVENTS_STREAM,
      subjects: ['status.>'],
      max_msgs_per_subject: 100,
      discard: DiscardPolicy.Old,
    },
  ];
}

/** Streams of one fleet. */
export function fleetStreams(fleet: string, limits: StorageLimits): StreamDefinition[] {
  return [
    {
      ...durable(limits),
      name: outboxStreamOf(fleet, 0),
      subjects: [`outbox.${fleet}.>`],
      max_bytes: limits.outboxMaxBytes,
      discard: DiscardPolicy.New,
    },
    {
      ...durable(limits),
      name: backlogStreamOf(fleet),
      subjects: [subjects.backlogOfFleet(fleet)],
      max_bytes: limits.backlogMaxBytes,
      max_age: seconds(limits.backlogMaxAgeSeconds),
      max_msgs_per_subject: limits.backlogMaxBatchesPerGateway,
      discard: DiscardPolicy.New,
    },
  ];
}

export const BUCKETS = [
  'workspaces',
  'fleets',
  'apikeys',
  'integrations',
  'sensors',
  'announced',
  'status',
  'members',
  'leases',
  'checkpoints',
] as const;
export type Bucket = (typeof BUCKETS)[number];

/** Keys of the buckets that hold more than one kind of record. */
export const keys = {
  member: (role: string, fleet: string, instance: string) => `${role}.${fleet}.${instance}`,
  lease: (role: string, fleet: string, partition: number) => `${role}.${fleet}.${partition}`,
  checkpoint: (role: string, fleet: string, partition: number) => `${role}.${fleet}.${partition}`,
} as const;

/** Stands for the fleet in keys of roles that serve all fleets. */
export const ALL_FLEETS = '_';
