import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/lifecycle/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import { type Bucket, connectNats, ensureBuckets, KvStore, KvView } from '../../src/nats/index.ts';
import { type Lease, type LeaseRecord, type MemberRecord, PartitionOwnership } from '../../src/ownership/index.ts';
import { NatsServer } from '../../src/testing/nats-server.ts';
import { TcpProxy } from '../../src/testing/tcp-proxy.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

/** The least that the server offers. */
const TTL_MS = 1_000;
const PARTITIONS = 16;
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

async function startServer() {
  const server = await NatsServer.start();
  onTestFinished(() => server.stop());
  const nats = await connectNats({ natsUrl: server.url, name: 'test' }, log);
  onTestFinished(() => nats.close());
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: TTL_MS });
  return server;
}

/** A process that wants its share, with a connection of its own that can be cut. */
async function startOwner(server: NatsServer, instance: string) {
  const proxy = await TcpProxy.start({ target: { port: server.port } });
  onTestFinished(() => proxy.stop());
  const nats = await connectNats({ natsUrl: `nats://127.0.0.1:${proxy.port}`, name: instance }, log);
  onTestFinished(() => nats.close());
  const open = async <T>(bucket: Bucket) => {
    const options = { prefix: 'encoder.default', relistMs: TTL_MS };
    const view = await KvView.open<T>(nats, bucket, log, systemClock, options);
    onTestFinished(() => view.stop());
    return { store: await KvStore.open<T>(nats, bucket), view };
  };
  const leases = await open<LeaseRecord>('leases');
  const ownership = new PartitionOwnership({
    ...{ role: 'encoder', fleet: 'default', instance, nonce: `${instance}-nonce`, partitions: PARTITIONS },
    members: await open<MemberRecord>('members'),
    leases,
    ttlMs: await leases.store.ttlMs(),
    handoversPerSecond: 50,
    onReconnect: (listener) => nats.onReconnect(listener),
    clock: systemClock,
    log,
  });
  const acquired: Lease[] = [];
  const lost: number[] = [];
  ownership.start({
    acquired: (_partition, lease) => acquired.push(lease),
    lost: async (partition) => void lost.push(partition),
    release: async () => {},
  });
  onTestFinished(() => ownership.stop());
  const cut = async () => {
    await proxy.refuse();
    proxy.resetAll();
  };
  return { ownership, acquired, lost, cut, restore: () => proxy.restore(), valid: () => ownership.held.valid };
}

test('who goes silent is replaced within a lease and a second, and lets go on return', async () => {
  const server = await startServer();
  const [a, b, c] = [await startOwner(server, 'a'), await startOwner(server, 'b'), await startOwner(server, 'c')];
  await waitFor(() => [a, b, c].every(({ valid }) => valid() > 0) && a.valid() + b.valid() + c.valid() === PARTITIONS);
  await waitFor(() => a.ownership.members === 3);
  const had = a.valid();
  const silentSince = performance.now();
  await a.cut();
  await waitFor(() => b.valid() + c.valid() === PARTITIONS);
  expect(performance.now() - silentSince).toBeLessThan(TTL_MS + 1_000);
  expect(a.valid()).toBe(0);
  expect(Math.min(...[...b.acquired, ...c.acquired].slice(-had).map(({ epoch }) => epoch))).toBeGreaterThan(0);
  await a.restore();
  await waitFor(() => a.lost.length === had);
  // It gets its share again, by and by.
  await waitFor(() => a.valid() === had && a.valid() + b.valid() + c.valid() === PARTITIONS, { timeoutMs: 10_000 });
});

test('a planned stop hands over at once', async () => {
  const server = await startServer();
  const [a, b] = [await startOwner(server, 'a'), await startOwner(server, 'b')];
  await waitFor(() => a.valid() + b.valid() === PARTITIONS && a.valid() > 0 && b.valid() > 0);
  await waitFor(() => b.ownership.members === 2);
  const began = performance.now();
  await a.ownership.stop();
  await waitFor(() => b.valid() === PARTITIONS);
  expect(performance.now() - began).toBeLessThan(TTL_MS);
});

test('alone and cut off for longer than a lease lives, it owns anew with higher epochs', async () => {
  const server = await startServer();
  const a = await startOwner(server, 'a');
  await waitFor(() => a.valid() === PARTITIONS);
  const before = Math.max(...a.acquired.map(({ epoch }) => epoch));
  await a.cut();
  await waitFor(() => a.valid() === 0);
  const nats = await connectNats({ natsUrl: server.url, name: 'look' }, log);
  onTestFinished(() => nats.close());
  const leases = await KvStore.open<LeaseRecord>(nats, 'leases');
  await waitFor(async () => (await leases.get('encoder.default.0')) === undefined, { timeoutMs: 5_000 });
  await a.restore();
  await waitFor(() => a.valid() === PARTITIONS, { timeoutMs: 10_000 });
  expect(a.acquired).toHaveLength(2 * PARTITIONS);
  expect(Math.min(...a.acquired.slice(PARTITIONS).map(({ epoch }) => epoch))).toBeGreaterThan(before);
  expect(a.lost).toEqual([]);
});

test('goes on through a restart of the server', async () => {
  const server = await startServer();
  const a = await startOwner(server, 'a');
  await waitFor(() => a.valid() === PARTITIONS);
  await server.restart({ signal: 'SIGKILL' });
  await waitFor(() => a.valid() === PARTITIONS, { timeoutMs: 10_000 });
  expect(a.lost).toEqual([]);
});
