import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deliveredCounters, firstSeen, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

/** Settings under which a crash may repeat at most `(WINDOWS + 1) * WINDOW` messages of a gateway. */
const WINDOW = 10;
const WINDOWS = 2;

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeEach(async () => {
  broker = await FaultableBroker.start();
  fixture = await PublisherFixture.start({ env: { GATECAST_WINDOWS_BEYOND_RECORD: String(WINDOWS) } });
});

afterEach(async () => {
  await fixture.stop();
  await broker.stop();
});

const delivered = (gatewayId: string) => deliveredCounters(broker, gatewayId);
const gateways = ['crash-1', 'crash-2', 'crash-3', 'crash-4'];

async function configureAll(): Promise<void> {
  for (const gateway of gateways) {
    await fixture.configure(gateway, { host: broker.host, port: broker.port, advanced: { inFlight: WINDOW } });
  }
}

describe('kill -9 of the publisher', () => {
  test('in mid-flow, twice: nothing lost, in order, repeats bounded', async () => {
    broker.faults.acksPerSecond = 200;
    await configureAll();
    const emitting = Promise.all(gateways.map((gateway) => fixture.emit(gateway, 300, { perBatch: 2 })));
    for (const threshold of [100, 250]) {
      await waitFor(() => gateways.every((gateway) => delivered(gateway).length >= threshold), { timeoutMs: 20_000 });
      await fixture.publisher.kill('SIGKILL');
      await fixture.publisher.restart();
    }
    await emitting;
    broker.faults.clear();
    await waitFor(() => gateways.every((gateway) => delivered(gateway).includes(600)), { timeoutMs: 30_000 });
    for (const gateway of gateways) {
      expect(firstSeen(delivered(gateway))).toEqual(upTo(600));
      const repeats = delivered(gateway).length - 600;
      expect(repeats).toBeLessThanOrEqual(2 * (WINDOWS + 1) * WINDOW);
    }
  });

  test('while a broker is away: the waiting room is found again', async () => {
    const [gateway = ''] = gateways;
    await fixture.configure(gateway, { host: '127.0.0.1', port: 1 });
    await fixture.emit(gateway, 200);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.h === 200, { timeoutMs: 15_000 });
    await fixture.publisher.kill('SIGKILL');
    await fixture.emit(gateway, 50);
    await fixture.configure(gateway, { host: broker.host, port: broker.port });
    await fixture.publisher.restart();
    await waitFor(() => delivered(gateway).includes(250), { timeoutMs: 30_000 });
    expect(delivered(gateway)).toEqual(upTo(250));
  });

  test('the will is seen, and the birth after its return', async () => {
    const [gateway = ''] = gateways;
    await fixture.configure(gateway, { host: broker.host, port: broker.port });
    const topic = `Aranet/${gateway}/status`;
    const seen = () =>
      broker.messages.filter((message) => message.topic === topic).map(({ payload }) => String(payload));
    await waitFor(() => seen().includes('online'));
    await fixture.publisher.kill('SIGKILL');
    await waitFor(() => seen().at(-1) === 'offline');
    await fixture.publisher.restart();
    await waitFor(() => seen().at(-1) === 'online', { timeoutMs: 15_000 });
    expect(seen()).toEqual(['online', 'offline', 'online']);
  });
});

describe('NATS', () => {
  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'restarted by %s in mid-flow: nothing lost, sessions stay',
    async (signal) => {
      broker.faults.acksPerSecond = 200;
      await configureAll();
      for (const gateway of gateways) await fixture.emit(gateway, 100);
      await waitFor(() => gateways.every((gateway) => delivered(gateway).length >= 20), { timeoutMs: 20_000 });
      await fixture.nats.restart({ signal });
      broker.faults.clear();
      for (const gateway of gateways) await fixture.emit(gateway, 100);
      await waitFor(() => gateways.every((gateway) => delivered(gateway).includes(200)), { timeoutMs: 40_000 });
      for (const gateway of gateways) expect(firstSeen(delivered(gateway))).toEqual(upTo(200));
      expect(broker.connects).toHaveLength(gateways.length);
    },
  );

  test('away for longer than the lease: the same process goes on, without reconnecting', async () => {
    await configureAll();
    for (const gateway of gateways) await fixture.emit(gateway, 10);
    await waitFor(() => gateways.every((gateway) => delivered(gateway).includes(10)), { timeoutMs: 20_000 });
    await fixture.nats.kill('SIGKILL');
    await waitFor(async () => await fixture.isLeaseOver(), { timeoutMs: 15_000 });
    await fixture.nats.restart();
    for (const gateway of gateways) await fixture.emit(gateway, 10);
    await waitFor(() => gateways.every((gateway) => delivered(gateway).includes(20)), { timeoutMs: 40_000 });
    for (const gateway of gateways) expect(firstSeen(delivered(gateway))).toEqual(upTo(20));
    expect(broker.connects).toHaveLength(gateways.length);
  });
});

describe('stop', () => {
  test('SIGTERM drains, records and disconnects; the next process repeats nothing', async () => {
    broker.faults.ackDelayMs = 20;
    await configureAll();
    for (const gateway of gateways) await fixture.emit(gateway, 200);
    await waitFor(() => gateways.every((gateway) => delivered(gateway).length >= 50), { timeoutMs: 20_000 });
    const exit = await fixture.publisher.stop();
    expect(exit).toEqual({ code: 0, signal: null });
    await fixture.publisher.restart();
    await waitFor(() => gateways.every((gateway) => delivered(gateway).includes(200)), { timeoutMs: 30_000 });
    for (const gateway of gateways) expect(delivered(gateway)).toEqual(upTo(200));
  });
});
