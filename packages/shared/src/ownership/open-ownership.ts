import { randomUUID } from 'node:crypto';
import type { Registry } from '@prometheus-io/client';
import type { Clock, Lifecycle } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import { type Bucket, KvStore, KvView, type Nats } from '../nats/index.ts';
import type { LeaseRecord, MemberRecord } from './ownership.ts';
import { OwnershipMetrics } from './ownership-metrics.ts';
import { type Followed, PartitionOwnership } from './partition-ownership.ts';

export interface OpenOwnershipOptions {
  role: 'publisher' | 'encoder';
  fleet: string;
  instance: string;
  partitions: number;
  handoversPerSecond: number;
}

/** Connects {@link PartitionOwnership} to its two buckets and to the metrics; how the views stop is registered. */
export async function openOwnership(
  nats: Nats,
  options: OpenOwnershipOptions,
  { log, clock, lifecycle }: { log: Logger; clock: Clock; lifecycle: Lifecycle },
  registry: Registry,
): Promise<PartitionOwnership> {
  const { role, fleet } = options;
  const open = async <T>(bucket: Bucket): Promise<Followed<T> & { ttlMs: number }> => {
    const store = await KvStore.open<T>(nats, bucket);
    const ttlMs = await store.ttlMs();
    const view = await KvView.open<T>(nats, bucket, log, clock, { prefix: `${role}.${fleet}`, relistMs: ttlMs });
    lifecycle.onStop(`view of ${bucket}`, 1_000, async () => view.stop());
    return { store, view, ttlMs };
  };
  const members = await open<MemberRecord>('members');
  const leases = await open<LeaseRecord>('leases');
  const metrics = new OwnershipMetrics(role, registry);
  const ownership = new PartitionOwnership({
    ...options,
    nonce: randomUUID(),
    ...{ members, leases, clock, log },
    ttlMs: leases.ttlMs,
    onReconnect: (listener) => nats.onReconnect(listener),
    observer: metrics,
  });
  metrics.follow(ownership);
  return ownership;
}
