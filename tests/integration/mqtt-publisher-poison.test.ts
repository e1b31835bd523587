import type { IntegrationSettings } from '@gatecast/shared/model';
import { FaultableBroker, fromClient, waitFor } from '@gatecast/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliveredCounters, firstSeen, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';
import { deadLetters, statusHistory } from './support/stored.ts';

const BACKOFF_MAX_MS = 1_000;
/** Sessions that a verdict takes: two with others in flight, three alone, and the one that goes on. */
const SESSIONS = 6;

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeAll(async () => {
  const env = {
    GATECAST_BACKOFF_BASE_MS: '100',
    GATECAST_BACKOFF_MAX_MS: String(BACKOFF_MAX_MS),
    GATECAST_AWAY_MS: '2000',
  };
  fixture = await PublisherFixture.start({ env });
});

afterAll(() => fixture.stop());

beforeEach(async () => {
  broker = await FaultableBroker.start();
});

afterEach(() => broker.stop());

const delivered = (gateway: string) => deliveredCounters(broker, gateway);
const connects = (gateway: string) => broker.connects.filter(({ packet }) => packet.clientId === gateway).length;
const settled = (gateway: string, counter: number) =>
  waitFor(async () => (await fixture.checkpoint(gateway))?.s === counter, { timeoutMs: 30_000 });

/** The broker closes the connection at these messages of this gateway. */
function poison(gateway: string, ...counters: number[]): void {
  broker.faults.cutOnPublish = ({ clientId, packet }) =>
    clientId === gateway && packet.topic.includes('/sensors/') && counters.includes(Number(packet.payload));
}

const configure = (gateway: string, mqtt: IntegrationSettings) =>
  fixture.configure(gateway, { host: broker.host, port: broker.port, ...mqtt });

describe('a message at which the broker closes the connection', () => {
  test.each([
    ['3.1.1', 1],
    ['3.1.1', 2],
    ['5', 1],
    ['5', 2],
  ] as const)('is set aside, alone, and the rest arrives in order (MQTT %s, QoS %i)', async (version, qos) => {
    const gateway = `poison-${version.length}-${qos}`;
    poison(gateway, 23);
    await configure(gateway, { protocolVersion: version, qos });
    await fixture.emit(gateway, 30, { perBatch: 2 });
    await settled(gateway, 60);
    expect(firstSeen(delivered(gateway))).toEqual(upTo(60).filter((counter) => counter !== 23));
    if (qos === 2) expect(delivered(gateway)).toHaveLength(59);
    expect(await deadLetters(fixture.connection, gateway)).toEqual([{ counter: 23, payload: '23', reason: 'poison' }]);
    expect(await fixture.checkpoint(gateway)).toMatchObject({ s: 60, x: 1 });
    expect(connects(gateway)).toBe(SESSIONS);
    await fixture.waitForStatus(gateway, 'MQTT_INFO_NO_ERR');
    const said = (await statusHistory(fixture.connection, gateway)).map(({ reason }) => reason);
    expect(said).toContain('message_set_aside');
    expect(broker.violations).toEqual([]);
  });

  test('the only one that a gateway has sent for a while, and two that follow one another', async () => {
    const gateway = 'poison-last';
    await configure(gateway, {});
    await fixture.emit(gateway, 5);
    await settled(gateway, 5);
    poison(gateway, 6, 8, 9);
    await fixture.emit(gateway, 1);
    await settled(gateway, 6);
    await fixture.emit(gateway, 4);
    await settled(gateway, 10);
    expect(firstSeen(delivered(gateway))).toEqual([1, 2, 3, 4, 5, 7, 10]);
    expect((await deadLetters(fixture.connection, gateway)).map(({ counter }) => counter)).toEqual([6, 8, 9]);
    const metrics = await (await fetch(`${fixture.publisher.adminUrl}/metrics`)).text();
    expect(metrics).toMatch(/messages_dead_lettered_total\{reason="poison"\} \d/);
  });

  test('that has waited in the waiting room', async () => {
    const gateway = 'poison-backlog';
    await fixture.configure(gateway, { host: '127.0.0.1', port: 1 });
    await fixture.emit(gateway, 30);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.h === 30, { timeoutMs: 15_000 });
    poison(gateway, 30);
    await configure(gateway, {});
    await waitFor(() => connects(gateway) >= 4, { timeoutMs: 20_000 });
    // They follow while it is still not known who is to blame.
    await fixture.emit(gateway, 3);
    await settled(gateway, 33);
    expect(firstSeen(delivered(gateway))).toEqual(upTo(33).filter((counter) => counter !== 30));
    expect((await deadLetters(fixture.connection, gateway)).map(({ counter }) => counter)).toEqual([30]);
  });

  test('is found also when the process is killed in between: attempts are remembered', async () => {
    const gateway = 'poison-killed';
    poison(gateway, 3);
    await configure(gateway, {});
    await fixture.emit(gateway, 10);
    for (const sessions of [3, 4]) {
      const recorded = () => fixture.checkpoint(gateway).then((found) => found?.p?.find(({ n }) => n === 3)?.k ?? 0);
      await waitFor(async () => (await recorded()) >= sessions, { timeoutMs: 20_000, intervalMs: 5 });
      await fixture.publisher.kill('SIGKILL');
      await fixture.publisher.restart();
    }
    await settled(gateway, 10);
    expect(firstSeen(delivered(gateway))).toEqual([1, 2, 4, 5, 6, 7, 8, 9, 10]);
    expect((await deadLetters(fixture.connection, gateway)).map(({ counter }) => counter)).toEqual([3]);
    const attempts = broker.publishes(fromClient(gateway)).filter(({ packet }) => String(packet.payload) === '3');
    expect(attempts.length).toBeLessThanOrEqual(SESSIONS - 1);
  });
});

test('a broker that closes the connection at every message has nothing set aside; when it is mended all arrives', async () => {
  const gateway = 'poison-broker';
  poison(gateway, ...upTo(20));
  await configure(gateway, {});
  await fixture.emit(gateway, 20);
  // After the first attempts to find a message that is to blame, none is held aside for a while.
  await waitFor(() => connects(gateway) >= 17, { timeoutMs: 40_000 });
  const status = await fixture.waitForStatus(gateway, 'MQTT_ERROR_UNEXP_DISCONN', 'closed_by_broker');
  expect(status.attempt).toBeGreaterThan(1);
  broker.faults.clear();
  await settled(gateway, 20);
  expect(delivered(gateway)).toEqual(upTo(20));
  expect(await deadLetters(fixture.connection, gateway)).toEqual([]);
});
