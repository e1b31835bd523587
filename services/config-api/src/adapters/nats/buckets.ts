import type { Clock } from '@gatecast/shared/lifecycle';
import type { Logger } from '@gatecast/shared/logging';
import type {
  EncoderCheckpoint,
  FleetRecord,
  GatewayRecord,
  PublisherCheckpoint,
  SensorsRecord,
  StatusRecord,
  WorkspaceRecord,
} from '@gatecast/shared/model';
import { type Bucket, type KeyValueStore, KvStore, KvView, type Nats } from '@gatecast/shared/nats';
import type { LeaseRecord } from '@gatecast/shared/ownership';
import type { ApiKeyRecord } from '../../domain/access/api-key.ts';
import { requiringConnection } from './require-connection.ts';

interface StoredAndViewed<T> {
  store: KeyValueStore<T>;
  view: KvView<T>;
}

/** The buckets that the API writes, with their copies in memory, and copies of those that others write. */
export interface Buckets {
  workspaces: StoredAndViewed<WorkspaceRecord>;
  fleets: StoredAndViewed<FleetRecord>;
  apiKeys: StoredAndViewed<ApiKeyRecord>;
  gateways: StoredAndViewed<GatewayRecord>;
  sensors: StoredAndViewed<SensorsRecord>;
  status: KvView<StatusRecord>;
  leases: KvView<LeaseRecord>;
  checkpoints: KvView<EncoderCheckpoint | PublisherCheckpoint>;
  /** TTL of a lease as the bucket has it, ms. */
  leaseTtlMs: number;
  /** Stops following all of them. */
  stop(): void;
}

/** Opens existing buckets; resolves once their copies are complete. */
export async function openBuckets(nats: Nats, log: Logger, clock: Clock): Promise<Buckets> {
  const opened: { stop(): void }[] = [];
  const view = async <T>(bucket: Bucket) => {
    const one = await KvView.open<T>(nats, bucket, log, clock);
    opened.push(one);
    return one;
  };
  const both = async <T>(bucket: Bucket): Promise<StoredAndViewed<T>> => ({
    store: requiringConnection(await KvStore.open<T>(nats, bucket), nats),
    view: await view<T>(bucket),
  });
  return {
    workspaces: await both('workspaces'),
    fleets: await both('fleets'),
    apiKeys: await both('apikeys'),
    gateways: await both('integrations'),
    sensors: await both('sensors'),
    status: await view('status'),
    leases: await view('leases'),
    checkpoints: await view('checkpoints'),
    leaseTtlMs: await (await KvStore.open(nats, 'leases')).ttlMs(),
    stop() {
      for (const one of opened) one.stop();
    },
  };
}
