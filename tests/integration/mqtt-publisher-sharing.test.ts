import type { ServiceProcess } from '@gatecast/local-stack';
import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deliveredCounters, firstSeen, upTo } from './support/delivered.ts';
import { LEASE_TTL_MS, PublisherFixture } from './support/publisher-fixture.ts';

const PARTITIONS = 64;
const GATEWAYS = Array.from({ length: 40 }, (_, index) => `shared-${index}`);
/** Twice the window, and what was acknowledged since the last record: what a crash may repeat of a gateway. */
const REPEATS = 100;

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeEach(async () => {
  broker = await FaultableBroker.start();
  fixture = await PublisherFixture.start({
    partitions: PARTITIONS,
    env: { GATECAST_HANDOVERS_PER_SECOND: '20' },
  });
});

afterEach(async () => {
  await fixture.stop();
  await broker.stop();
});

const delivered = (gateway: string) => deliveredCounters(broker, gateway);
const owned = (publisher: ServiceProcess) => fixture.metric('gatecast_publisher_leases_valid', publisher);
const connectsOf = (gateway: string) => broker.connects.filter(({ packet }) => packet.clientId === gateway).length;

async function configureAll(): Promise<void> {
  for (const gateway of GATEWAYS) await fixture.configure(gateway, { host: broker.host, port: broker.port });
}

async function emitAll(batches: number): Promise<void> {
  await Promise.all(GATEWAYS.map((gateway) => fixture.emit(gateway, batches)));
}

async function arrived(upToCounter: number): Promise<void> {
  await waitFor(() => GATEWAYS.every((gateway) => delivered(gateway).includes(upToCounter)), { timeoutMs: 40_000 });
}

/** Waits until all partitions are owned, each process having about its share. */
async function shared(publishers: ServiceProcess[]): Promise<number[]> {
  return await waitFor(
    async () => {
      const counts = await Promise.all(publishers.map(owned));
      const isShared = counts.every((count) => count > PARTITIONS / publishers.length / 2);
      return isShared && counts.reduce((sum, count) => sum + count, 0) === PARTITIONS ? counts : undefined;
    },
    { timeoutMs: 40_000, describe: `partitions shared by ${publishers.length}` },
  );
}

test('scaled up under load: partitions move by and by, nothing is lost or repeated, nobody connects twice', async () => {
  await configureAll();
  await emitAll(5);
  await arrived(5);
  expect(await owned(fixture.publisher)).toBe(PARTITIONS);
  const emitting = (async () => {
    for (let round = 0; round < 30; round += 1) await emitAll(1);
  })();
  const others = await Promise.all([fixture.startAnother('publisher-2'), fixture.startAnother('publisher-3')]);
  await shared([fixture.publisher, ...others]);
  await emitting;
  await emitAll(1);
  await arrived(36);
  for (const gateway of GATEWAYS) {
    expect(delivered(gateway)).toEqual(upTo(36));
    expect(connectsOf(gateway)).toBeLessThanOrEqual(2);
  }
  // Every partition that left did so once, in order.
  await waitFor(async () => {
    const moved = await fixture.metric('gatecast_publisher_handovers_total');
    return moved === PARTITIONS - (await owned(fixture.publisher));
  });
});

test('kill -9 of one of three: the others have its partitions within the lease and a second', async () => {
  const others = await Promise.all([fixture.startAnother('publisher-2'), fixture.startAnother('publisher-3')]);
  const [, victim] = [fixture.publisher, ...others];
  await shared([fixture.publisher, ...others]);
  await configureAll();
  await emitAll(5);
  await arrived(5);
  const connectsBefore = new Map(GATEWAYS.map((gateway) => [gateway, connectsOf(gateway)]));
  const killedAt = performance.now();
  await victim!.kill('SIGKILL');
  const survivors = [fixture.publisher, others[1]!];
  await waitFor(
    async () => {
      const counts = await Promise.all(survivors.map(owned));
      return counts.reduce((sum, count) => sum + count, 0) === PARTITIONS;
    },
    { timeoutMs: 15_000, intervalMs: 20 },
  );
  const takeoverMs = performance.now() - killedAt;
  expect(takeoverMs).toBeLessThan(LEASE_TTL_MS + 1_000);
  await emitAll(5);
  await arrived(10);
  for (const gateway of GATEWAYS) {
    expect(firstSeen(delivered(gateway))).toEqual(upTo(10));
    expect(delivered(gateway).length - 10).toBeLessThanOrEqual(REPEATS);
    expect(connectsOf(gateway) - connectsBefore.get(gateway)!).toBeLessThanOrEqual(1);
  }
});

test('SIGTERM of one of two, beside brokers that hang: its partitions are handed to the other, without a repeat', async () => {
  await using hanging = await FaultableBroker.start();
  hanging.faults.withholdPuback = true;
  const other = await fixture.startAnother('publisher-2');
  await shared([fixture.publisher, other]);
  await configureAll();
  const hung = GATEWAYS.map((gateway) => `hung-${gateway}`);
  for (const gateway of hung) {
    const will = { enabled: false };
    await fixture.configure(gateway, { host: hanging.host, port: hanging.port, will });
    await fixture.emit(gateway, 1);
  }
  await emitAll(5);
  await arrived(5);
  await waitFor(() => hung.every((gateway) => deliveredCounters(hanging, gateway).length > 0), { timeoutMs: 10_000 });
  const given = await owned(other);
  const exit = other.stop();
  await waitFor(async () => (await owned(fixture.publisher)) === PARTITIONS, { timeoutMs: 15_000, intervalMs: 20 });
  // None was waited for until its lease ended. How long it takes is for the tests of chaos to judge.
  expect(await fixture.metric('gatecast_publisher_partitions_acquired_total\\{after="handover"\\}')).toBe(given);
  expect(await exit).toEqual({ code: 0, signal: null });
  await emitAll(5);
  await arrived(10);
  for (const gateway of GATEWAYS) expect(delivered(gateway)).toEqual(upTo(10));
});
