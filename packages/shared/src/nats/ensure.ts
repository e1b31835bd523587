import { StorageType, type StreamConfig } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { type Clock, delay } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import type { Nats } from './connection.ts';
import { translateNatsError } from './errors.ts';
import { BUCKETS, type Bucket, commonStreams, fleetStreams, type StorageLimits } from './topology.ts';

export interface BucketOptions {
  replicas: number;
  /** TTL of members and leases, ms: an owner that has not renewed for so long is no longer one. */
  leaseTtlMs: number;
}

/** Creates the streams that are missing and updates those whose limits were changed. Idempotent. */
export async function ensureCommonStreams(nats: Nats, limits: StorageLimits): Promise<void> {
  for (const definition of commonStreams(limits)) await ensureStream(nats, definition);
}

/** The same for the streams of one fleet. */
export async function ensureFleetStreams(nats: Nats, fleet: string, limits: StorageLimits): Promise<void> {
  for (const definition of fleetStreams(fleet, limits)) await ensureStream(nats, definition);
}

/** Creates the buckets that are missing, and gives all of them as many copies as they should have. */
export async function ensureBuckets(nats: Nats, { replicas, leaseTtlMs }: BucketOptions): Promise<void> {
  const kvm = new Kvm(nats.js);
  for (const bucket of BUCKETS) {
    const kv = await kvm.create(bucket, {
      replicas,
      storage: StorageType.File,
      history: 1,
      allow_direct: false,
      // The marker makes an expiry an event that watchers see; the server's least is one second.
      ...(bucket === 'leases' || bucket === 'members'
        ? { ttl: leaseTtlMs, markerTTL: Math.max(1_000, leaseTtlMs) }
        : {}),
    });
    const { streamInfo } = await kv.status();
    if (streamInfo.config.num_replicas === replicas) continue;
    await nats.jsm.streams.update(streamInfo.config.name, { num_replicas: replicas });
  }
}

async function ensureStream(nats: Nats, definition: Partial<StreamConfig> & { name: string }): Promise<void> {
  try {
    await nats.jsm.streams.update(definition.name, definition);
  } catch (error) {
    const translated = translateNatsError(error, `updating stream ${definition.name}`);
    if (translated.code !== 'STREAM_MISSING') throw translated;
    await nats.jsm.streams.add(definition);
  }
}

/** Waits until config-api has created `streams` and `buckets`, or `signal` aborts. */
export async function waitForTopology(
  nats: Nats,
  needs: { streams?: readonly string[]; buckets?: readonly Bucket[] },
  log: Logger,
  clock: Clock,
  signal?: AbortSignal,
): Promise<void> {
  const names = [...(needs.streams ?? []), ...(needs.buckets ?? []).map((bucket) => `KV_${bucket}`)];
  for (const name of names) {
    for (let attempt = 0; !signal?.aborted; attempt += 1) {
      if (await streamExists(nats, name)) break;
      if (attempt % 20 === 0) log.info({ stream: name }, 'waiting for config-api to create it');
      await delay(250, clock, signal);
    }
  }
}

async function streamExists(nats: Nats, name: string): Promise<boolean> {
  try {
    await nats.jsm.streams.info(name);
    return true;
  } catch (error) {
    const translated = translateNatsError(error, `looking for stream ${name}`);
    if (translated.retryable) return false;
    throw translated;
  }
}
