export { connectNats, type Nats, type NatsOptions } from './connection.ts';
export type { StreamMessage } from './consumer-feed.ts';
export {
  type BucketOptions,
  ensureBuckets,
  ensureCommonStreams,
  ensureFleetStreams,
  waitForTopology,
} from './ensure.ts';
export { translateNatsError } from './errors.ts';
export { HeaderBlock, type MessageHeaders } from './header-block.ts';
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
export { type Departure, type KeyValueView, type KvChange, KvView, type KvViewOptions } from './kv-view.ts';
export { lastMessageOf, nextMessageOf, publishToStream, type StoredMessage } from './publish.ts';
export { type ReadContext, type ReadOptions, readStream } from './read-stream.ts';
export type { PublishResult } from './stream-publisher.ts';
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
