import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deliveredCounters, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeAll(async () => {
  broker = await FaultableBroker.start();
  fixture = await PublisherFixture.start({
    env: { GATECAST_AWAY_MS: '300', GATECAST_PURGE_INTERVAL_MS: '200' },
  });
});

afterAll(async () => {
  await fixture.stop();
  await broker.stop();
});

test('the outbox is purged of what is settled and recorded by the encoder, not before', async () => {
  const gateway = 'purged';
  await fixture.configure(gateway, { host: broker.host, port: broker.port });
  await fixture.emit(gateway, 50);
  await waitFor(async () => (await fixture.checkpoint(gateway))?.s === 50, { timeoutMs: 15_000 });
  await fixture.recordAsEncoder(gateway, 49);
  const purgesBefore = await fixture.purges();
  await waitFor(async () => (await fixture.purges()) >= purgesBefore + 2, { timeoutMs: 15_000 });
  // The last message at least: those before it are settled, and recorded as well.
  expect(await fixture.outboxMessages()).toBeGreaterThanOrEqual(1);
  await fixture.recordAsEncoder(gateway, 50);
  await waitFor(async () => (await fixture.outboxMessages()) === 0, { timeoutMs: 15_000 });
  await fixture.emit(gateway, 5);
  await waitFor(() => deliveredCounters(broker, gateway).length === 55);
  expect(deliveredCounters(broker, gateway)).toEqual(upTo(55));
  await fixture.recordAsEncoder(gateway, 55);
});

test('the waiting room is kept while a gateway needs it, and purged when it has drained', async () => {
  const gateway = 'drained';
  await fixture.configure(gateway, { host: '127.0.0.1', port: 1 });
  await fixture.emit(gateway, 40);
  await waitFor(async () => (await fixture.checkpoint(gateway))?.h === 40, { timeoutMs: 15_000 });
  await fixture.recordAsEncoder(gateway, 40);
  await waitFor(async () => (await fixture.outboxMessages()) === 0, { timeoutMs: 15_000 });
  expect(await fixture.backlogMessages()).toBe(40);
  await fixture.configure(gateway, { host: broker.host, port: broker.port });
  await waitFor(() => deliveredCounters(broker, gateway).length === 40, { timeoutMs: 15_000 });
  expect(deliveredCounters(broker, gateway)).toEqual(upTo(40));
  await waitFor(async () => (await fixture.backlogMessages()) === 0, { timeoutMs: 15_000 });
});

test('with two owners, one gateway that is away at the head of the waiting room does not keep what others had there', async () => {
  const other = await fixture.startAnother('publisher-2');
  const owned = () =>
    Promise.all([fixture.publisher, other].map((one) => fixture.metric('gatecast_publisher_leases_valid', one)));
  await waitFor(async () => (await owned()).every((count) => count > 1), { timeoutMs: 15_000 });
  const [away, ...drained] = ['stays-away', 'drains-1', 'drains-2', 'drains-3', 'drains-4'];
  for (const gateway of [away!, ...drained]) {
    await fixture.configure(gateway, { host: '127.0.0.1', port: 1 });
    await fixture.emit(gateway, 10);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.h === 10, { timeoutMs: 15_000 });
    await fixture.recordAsEncoder(gateway, 10);
  }
  for (const gateway of drained) await fixture.configure(gateway, { host: broker.host, port: broker.port });
  await waitFor(() => drained.every((gateway) => deliveredCounters(broker, gateway).length === 10), {
    timeoutMs: 15_000,
  });
  // The newest of all stays until others come behind it.
  await waitFor(async () => (await fixture.backlogMessages()) === 11, { timeoutMs: 15_000 });
  await waitFor(async () => (await fixture.outboxMessages()) === 0, { timeoutMs: 15_000 });
  // Its own are all there.
  await fixture.configure(away!, { host: broker.host, port: broker.port });
  await waitFor(() => deliveredCounters(broker, away!).length === 10, { timeoutMs: 15_000 });
  expect(deliveredCounters(broker, away!)).toEqual(upTo(10));
  await waitFor(async () => (await fixture.backlogMessages()) === 0, { timeoutMs: 15_000 });
});
