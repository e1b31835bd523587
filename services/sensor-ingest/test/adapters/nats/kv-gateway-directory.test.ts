import type { GatewayRecord } from '@gatecast/shared/model';
import type { KeyValueView, KvChange, Revisioned } from '@gatecast/shared/nats';
import { ManualClock } from '@gatecast/shared/testing';
import { Registry } from '@prometheus-io/client';
import { expect, test } from 'vitest';
import { IngestMetrics } from '../../../src/adapters/metrics/ingest-metrics.ts';
import { KvGatewayDirectory } from '../../../src/adapters/nats/kv-gateway-directory.ts';
import { gatewayRecord, hashOf } from '../../support/fakes.ts';

/** The bucket and its view; `sync` brings the view up to date, as the watch would. */
class FakeBucket implements KeyValueView<GatewayRecord> {
  readonly stored = new Map<string, Revisioned<GatewayRecord>>();
  readonly reads: string[] = [];
  failure: Error | undefined;
  readonly #seen = new Map<string, Revisioned<GatewayRecord>>();
  readonly #listeners = new Set<(change: KvChange<GatewayRecord>) => void>();
  #revision = 0;

  put(record: GatewayRecord): void {
    this.#revision += 1;
    this.stored.set(record.gatewayId, { value: record, revision: this.#revision });
  }

  sync(): void {
    for (const key of new Set([...this.#seen.keys(), ...this.stored.keys()])) {
      const [previous, current] = [this.#seen.get(key), this.stored.get(key)];
      if (previous === current) continue;
      if (current) this.#seen.set(key, current);
      else this.#seen.delete(key);
      for (const listener of this.#listeners) listener({ key, current, previous });
    }
  }

  get(key: string): Revisioned<GatewayRecord> | undefined {
    return this.#seen.get(key);
  }

  entries(): IterableIterator<[string, Revisioned<GatewayRecord>]> {
    return this.#seen.entries();
  }

  onChange(listener: (change: KvChange<GatewayRecord>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async read(key: string): Promise<Revisioned<GatewayRecord> | undefined> {
    this.reads.push(key);
    if (this.failure) throw this.failure;
    return this.stored.get(key);
  }
}

function directoryOn(bucket: FakeBucket, lookupsPerSecond = 100) {
  const clock = new ManualClock();
  const registry = new Registry();
  const directory = new KvGatewayDirectory({
    view: bucket,
    store: { get: (key) => bucket.read(key) },
    lookupsPerSecond,
    metrics: new IngestMetrics(registry),
    clock,
  });
  return { directory, clock, registry };
}

test('finds gateways and owners of tokens, those from before its start and those after', () => {
  const bucket = new FakeBucket();
  bucket.put(gatewayRecord('a', 'token-a'));
  bucket.sync();
  const { directory } = directoryOn(bucket);
  bucket.put(gatewayRecord('b', 'token-b'));
  bucket.sync();
  expect(directory.lookup('a')?.gatewayId).toBe('a');
  expect(directory.lookup('c')).toBeUndefined();
  expect(['token-a', 'token-b', 'token-c'].map((token) => directory.ownerOfToken(hashOf(token)))).toEqual([
    'a',
    'b',
    undefined,
  ]);
});

test('forgets the owner of a token that was changed, or whose gateway was deleted', () => {
  const bucket = new FakeBucket();
  bucket.put(gatewayRecord('a', 'token-a'));
  bucket.put(gatewayRecord('b', 'token-b'));
  bucket.sync();
  const { directory } = directoryOn(bucket);
  bucket.put(gatewayRecord('a', 'token-a2'));
  bucket.stored.delete('b');
  bucket.sync();
  expect(['token-a', 'token-a2', 'token-b'].map((token) => directory.ownerOfToken(hashOf(token)))).toEqual([
    undefined,
    'a',
    undefined,
  ]);
});

test('a change that keeps the token keeps its owner', () => {
  const bucket = new FakeBucket();
  bucket.put(gatewayRecord('a', 'token-a'));
  bucket.sync();
  const { directory } = directoryOn(bucket);
  bucket.put(gatewayRecord('a', 'token-a', { mqtt: { host: 'broker.example' } }));
  bucket.sync();
  expect(directory.ownerOfToken(hashOf('token-a'))).toBe('a');
});

test('a token that moved from one gateway to another stays with the other, whichever change is seen first', () => {
  const bucket = new FakeBucket();
  bucket.put(gatewayRecord('a', 'token'));
  bucket.sync();
  const { directory } = directoryOn(bucket);
  bucket.put(gatewayRecord('b', 'token'));
  bucket.sync();
  bucket.stored.delete('a');
  bucket.sync();
  expect(directory.ownerOfToken(hashOf('token'))).toBe('b');
});

test('asks the store for what the view does not have yet', async () => {
  const bucket = new FakeBucket();
  const { directory } = directoryOn(bucket);
  bucket.put(gatewayRecord('new', 'token'));
  expect(directory.lookup('new')).toBeUndefined();
  expect(await directory.lookupAtSource('new')).toEqual(gatewayRecord('new', 'token'));
});

test('serves all who ask for the same gateway within a second with one read', async () => {
  const bucket = new FakeBucket();
  const { directory, clock, registry } = directoryOn(bucket);
  await Promise.all(Array.from({ length: 50 }, () => directory.lookupAtSource('x')));
  expect(bucket.reads).toEqual(['x']);
  await clock.advance(1_000);
  await directory.lookupAtSource('x');
  expect(bucket.reads).toEqual(['x', 'x']);
  const metrics = await registry.metrics();
  expect(metrics).toContain('gatecast_ingest_token_lookups_total{result="asked"} 2');
  expect(metrics).toContain('gatecast_ingest_token_lookups_total{result="remembered"} 49');
});

test('reads no more often than it may, whatever is guessed', async () => {
  const bucket = new FakeBucket();
  const { directory, clock, registry } = directoryOn(bucket, 5);
  for (let n = 0; n < 100; n += 1) expect(await directory.lookupAtSource(`guess-${n}`)).toBeUndefined();
  expect(bucket.reads).toHaveLength(5);
  await clock.advance(400);
  for (let n = 100; n < 200; n += 1) await directory.lookupAtSource(`guess-${n}`);
  expect(bucket.reads).toHaveLength(7);
  expect(await registry.metrics()).toContain('gatecast_ingest_token_lookups_total{result="skipped"} 193');
});

test('passes on that the store does not answer, and does not remember it', async () => {
  const bucket = new FakeBucket();
  const { directory } = directoryOn(bucket);
  bucket.failure = new Error('away');
  await expect(directory.lookupAtSource('x')).rejects.toThrow('away');
  bucket.failure = undefined;
  bucket.put(gatewayRecord('x', 'token'));
  expect(await directory.lookupAtSource('x')).toEqual(gatewayRecord('x', 'token'));
});

test('follows no changes once stopped', () => {
  const bucket = new FakeBucket();
  const { directory } = directoryOn(bucket);
  directory.stop();
  bucket.put(gatewayRecord('a', 'token-a'));
  bucket.sync();
  expect(directory.ownerOfToken(hashOf('token-a'))).toBeUndefined();
});
