import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/logging/index.ts';
import { connectNats, ensureBuckets, KvStore } from '../../src/nats/index.ts';
import { NatsServer } from '../../src/testing/nats-server.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

async function connect() {
  const server = await NatsServer.start();
  onTestFinished(() => server.stop());
  const nats = await connectNats({ natsUrl: server.url, name: 'kv-store' }, log);
  onTestFinished(() => nats.close());
  return { server, nats };
}

test('says how long the keys of a bucket live', async () => {
  const { nats } = await connect();
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: 3_000 });
  expect(await (await KvStore.open(nats, 'leases')).ttlMs()).toBe(3_000);
  expect(await (await KvStore.open(nats, 'integrations')).ttlMs()).toBe(0);
});

test('each write lets a key live anew; an expired one meets a late update with a conflict', async () => {
  const { nats } = await connect();
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: 1_000 });
  const leases = await KvStore.open<string>(nats, 'leases');
  let revision = await leases.create('lease', 'first');
  const until = performance.now() + 2_000;
  await waitFor(
    async () => {
      revision = await leases.update('lease', 'renewed', revision);
      return performance.now() > until;
    },
    { intervalMs: 250 },
  );
  expect(await leases.get('lease')).toEqual({ value: 'renewed', revision });
  await waitFor(async () => (await leases.get('lease')) === undefined);
  await expect(leases.update('lease', 'late', revision)).rejects.toMatchObject({ code: 'REVISION_CONFLICT' });
  await expect(leases.delete('lease', revision)).rejects.toMatchObject({ code: 'REVISION_CONFLICT' });
});

test('of many who create a key at the same time, one succeeds', async () => {
  const { nats } = await connect();
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: 1_000 });
  const store = await KvStore.open<number>(nats, 'status');
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => store.create('a', n)));
  const winners = outcomes.flatMap((outcome, n) => (outcome.status === 'fulfilled' ? [n] : []));
  expect(winners).toHaveLength(1);
  expect((await store.get('a'))?.value).toBe(winners[0]);
});

test('reading a bucket that nobody has created yet fails, and may succeed later', async () => {
  const { nats } = await connect();
  const store = await KvStore.open<string>(nats, 'sensors');
  await expect(store.get('a')).rejects.toMatchObject({ code: 'STREAM_MISSING', retryable: true });
  await expect(store.create('a', 'one')).rejects.toMatchObject({ code: 'STREAM_MISSING', retryable: true });
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: 1_000 });
  await store.create('a', 'one');
  expect((await store.get('a'))?.value).toBe('one');
});

test('a request that the server’s end cuts off has an unknown outcome, at once; later ones work again', async () => {
  const { server, nats } = await connect();
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: 1_000 });
  const store = await KvStore.open<string>(nats, 'sensors');
  const revision = await store.create('a', 'one');
  await server.pause();
  const updating = store.update('a', 'two', revision).catch((error: unknown) => error);
  const began = performance.now();
  await server.kill();
  expect(await updating).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: true });
  const whileAway = store.get('a').catch((error: unknown) => error);
  await server.restart();
  expect(await whileAway).toMatchObject({ code: 'OUTCOME_UNKNOWN', retryable: true });
  expect(performance.now() - began).toBeLessThan(4_000);
  const found = await waitFor(() => store.get('a'));
  expect(['one', 'two']).toContain(found.value);
});
