export { connectNats, type Nats, type NatsOptions } from './connection.ts';
export {
  type BucketOptions,
  ensureBuckets,
  ensureCommonStreams,
  ensureFleetStreams,
  waitForTopology,
} from './ensure.ts';
export { translateNatsError } from './errors.ts';
export { type FollowOptions, followStream } from './follow-stream.ts';
export {
  type BatchHeaders,
  BODY_KINDS,
  type BodyKind,
  batchHeaders,
  HEADER,
  type ReadingsHeaders,
  readBatchHeaders,
  readingsHeaders,
  readReadingsHeaders,
  requeuedHeaders,
  SCHEMA_VERSION,
  type Source,
} from './headers.ts';
export { type KeyValueStore, KvStore, type Revisioned } from './kv-store.ts';
export { type KeyValueView, type KvChange, KvView } from './kv-view.ts';
export { lastMessageOf, nextMessageOf, type PublishResult, publishToStream, type StoredMessage } from './publish.ts';
export {
  ALL_FLEETS,
  BUCKETS,
  type Bucket,
  backlogStreamOf,
  DEADLETTER_STREAM,
  DEFAULT_STORAGE_LIMITS,
  gatewayOfSubject,
  keys,
  outboxStreamOf,
  readingsStreamOf,
  STATUS_EVENTS_STREAM,
  type StorageLimits,
  subjects,
} from './topology.ts';
