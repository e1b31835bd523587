import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/lifecycle/index.ts';
import { createLogger } from '../../src/logging/index.ts';
import { connectNats, ensureBuckets, KvStore, KvView } from '../../src/nats/index.ts';
import { type Lease, type LeaseRecord, leaseKeyOf, SoleOwnership } from '../../src/ownership/index.ts';
import { NatsServer } from '../../src/testing/nats-server.ts';
import { TcpProxy } from '../../src/testing/tcp-proxy.ts';
import { waitFor } from '../../src/testing/wait-for.ts';

/** The least that the server offers. */
const TTL_MS = 1_000;
const KEY = leaseKeyOf('encoder', 'default', 0);
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

async function startServer() {
  const server = await NatsServer.start();
  onTestFinished(() => server.stop());
  const nats = await connectNats({ natsUrl: server.url, name: 'test' }, log);
  onTestFinished(() => nats.close());
  await ensureBuckets(nats, { replicas: 1, leaseTtlMs: TTL_MS });
  const view = await KvView.open<LeaseRecord>(nats, 'leases', log, systemClock);
  onTestFinished(() => view.stop());
  return { server, view };
}

/** A process that wants to own the fleet, with a connection of its own that can be cut. */
async function startOwner(server: NatsServer, instance: string) {
  const proxy = await TcpProxy.start({ target: { port: server.port } });
  onTestFinished(() => proxy.stop());
  const nats = await connectNats({ natsUrl: `nats://127.0.0.1:${proxy.port}`, name: instance }, log);
  onTestFinished(() => nats.close());
  const leases = await KvStore.open<LeaseRecord>(nats, 'leases');
  const acquired: Lease[] = [];
  let lost = 0;
  const ownership = new SoleOwnership({
    role: 'encoder',
    fleet: 'default',
    instance,
    nonce: `${instance}-nonce`,
    partitions: 1,
    leases,
    ttlMs: await leases.ttlMs(),
    clock: systemClock,
    log,
  });
  ownership.start({
    acquired: (_partition, lease) => acquired.push(lease),
    lost: async () => {
      lost += 1;
    },
    release: async () => {},
  });
  onTestFinished(() => ownership.stop());
  const cut = async () => {
    await proxy.refuse();
    proxy.resetAll();
  };
  return { ownership, acquired, cut, restore: () => proxy.restore(), lost: () => lost };
}

test('a second process waits, takes over after the first one has gone silent, and the first lets go', async () => {
  const { server, view } = await startServer();
  const a = await startOwner(server, 'a');
  await waitFor(() => a.ownership.isOwner());
  const b = await startOwner(server, 'b');
  const renewals = new Set<number>();
  await waitFor(() => renewals.add(view.get(KEY)?.revision ?? 0).size > 8);
  expect([a.acquired.length, b.acquired.length]).toEqual([1, 0]);
  const silentSince = performance.now();
  await a.cut();
  await waitFor(() => b.ownership.isOwner());
  expect(performance.now() - silentSince).toBeLessThan(TTL_MS + 1_000);
  expect(a.ownership.isOwner()).toBe(false);
  expect(b.acquired[0]!.epoch).toBeGreaterThan(a.acquired[0]!.epoch);
  expect(view.get(KEY)?.value.instance).toBe('b');
  await a.restore();
  await waitFor(() => a.lost() === 1);
  expect(a.acquired).toHaveLength(1);
});

test('a planned stop hands over at once', async () => {
  const { server } = await startServer();
  const a = await startOwner(server, 'a');
  await waitFor(() => a.ownership.isOwner());
  const b = await startOwner(server, 'b');
  const began = performance.now();
  await a.ownership.stop();
  await waitFor(() => b.ownership.isOwner());
  expect(performance.now() - began).toBeLessThan(TTL_MS);
});

test('an owner that was cut off for longer than the lease lives owns anew, with a higher epoch', async () => {
  const { server, view } = await startServer();
  const a = await startOwner(server, 'a');
  await waitFor(() => a.ownership.isOwner());
  await a.cut();
  await waitFor(() => !a.ownership.isOwner());
  await waitFor(() => view.get(KEY) === undefined, { describe: 'the expiry of the lease in the view' });
  await a.restore();
  await waitFor(() => a.ownership.isOwner());
  expect(a.acquired).toHaveLength(2);
  expect(a.acquired[1]!.epoch).toBeGreaterThan(a.acquired[0]!.epoch);
  expect(a.acquired[0]!.isValid()).toBe(false);
  expect(a.lost()).toBe(0);
});

test('an owner goes on through a restart of the server', async () => {
  const { server } = await startServer();
  const a = await startOwner(server, 'a');
  await waitFor(() => a.ownership.isOwner());
  await server.restart({ signal: 'SIGKILL' });
  await waitFor(() => a.ownership.isOwner(), { timeoutMs: 10_000 });
  expect(a.lost()).toBe(0);
});
