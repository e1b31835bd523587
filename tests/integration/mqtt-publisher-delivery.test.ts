import { FaultableBroker, onTopic, TcpProxy, waitFor } from '@gatecast/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliveredCounters, firstSeen, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeAll(async () => {
  fixture = await PublisherFixture.start({ env: { GATECAST_AWAY_MS: '500', GATECAST_LANE_MAX_MESSAGES: '100' } });
});

afterAll(() => fixture.stop());

beforeEach(async () => {
  broker = await FaultableBroker.start();
});

afterEach(() => broker.stop());

const delivered = (gatewayId: string) => deliveredCounters(broker, gatewayId);

describe('delivery', () => {
  test.each([0, 1, 2] as const)('messages arrive once and in order at QoS %i', async (qos) => {
    const gateway = `order-${qos}`;
    await fixture.configure(gateway, { host: broker.host, port: broker.port, qos });
    await fixture.emit(gateway, 100, { perBatch: 3 });
    await waitFor(() => delivered(gateway).length >= 300, { describe: () => `300, got ${delivered(gateway).length}` });
    expect(delivered(gateway)).toEqual(upTo(300));
    await waitFor(async () => (await fixture.checkpoint(gateway))?.s === 300);
    await fixture.waitForStatus(gateway, 'MQTT_INFO_NO_ERR', 'delivering');
  });

  test('a batch read twice is delivered once', async () => {
    const gateway = 'repeat';
    await fixture.configure(gateway, { host: broker.host, port: broker.port });
    await fixture.emit(gateway, 5);
    await fixture.emitAgain(gateway, 3, 5);
    await fixture.emit(gateway, 1);
    await waitFor(() => delivered(gateway).includes(6));
    expect(delivered(gateway)).toEqual(upTo(6));
  });

  test('what was queued for a former registration does not reach the new one', async () => {
    const gateway = 'recreated';
    await fixture.configure(gateway, { host: '127.0.0.1', port: 1 });
    await fixture.emit(gateway, 50);
    await fixture.waitForStatus(gateway, 'MQTT_ERROR_CONN_REFUSED');
    await fixture.remove(gateway);
    await fixture.configure(gateway, { host: broker.host, port: broker.port }, 'second');
    await fixture.emit(gateway, 7, { incarnation: 'second' });
    await waitFor(() => delivered(gateway).length >= 7);
    expect(delivered(gateway)).toEqual(upTo(7));
  });
});

describe('the waiting room', () => {
  test('messages of a broker that is away move there, and arrive in order when it is back', async () => {
    const gateway = 'away';
    const proxy = await TcpProxy.start({ target: { port: broker.port } });
    await fixture.configure(gateway, { host: proxy.host, port: proxy.port });
    await fixture.emit(gateway, 10);
    await waitFor(() => delivered(gateway).length === 10);
    await proxy.refuse();
    proxy.resetAll();
    await fixture.waitForStatus(gateway, 'MQTT_ERROR_CONN_REFUSED');
    await fixture.emit(gateway, 500);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.h === 510, { timeoutMs: 10_000 });
    await proxy.restore();
    await waitFor(() => firstSeen(delivered(gateway)).length >= 510, { timeoutMs: 15_000 });
    await fixture.emit(gateway, 10);
    await waitFor(() => delivered(gateway).includes(520));
    expect(firstSeen(delivered(gateway))).toEqual(upTo(520));
    await waitFor(async () => (await fixture.checkpoint(gateway))?.s === 520);
    expect(await fixture.checkpoint(gateway)).not.toHaveProperty('l');
    await proxy.stop();
  });

  test('an offline gateway does not hold up the others of its partition', async () => {
    const [offline, online] = fixture.twoOfOnePartition();
    await fixture.configure(offline, { host: '127.0.0.1', port: 1 });
    await fixture.configure(online, { host: broker.host, port: broker.port });
    await fixture.emit(offline, 300);
    await fixture.emit(online, 50);
    await waitFor(() => delivered(online).length >= 50);
    await waitFor(async () => (await fixture.checkpoint(offline))?.h === 300, { timeoutMs: 10_000 });
  });

  test('a broker that acknowledges nothing loses nothing and is sent everything again', async () => {
    const gateway = 'silent';
    broker.faults.withholdPuback = onTopic(`Aranet/${gateway}/sensors/#`);
    await fixture.configure(gateway, { host: broker.host, port: broker.port, advanced: { ackTimeoutSeconds: 1 } });
    await fixture.emit(gateway, 200);
    await fixture.waitForStatus(gateway, 'MQTT_ERROR_UNEXP_DISCONN', 'ack_timeout');
    broker.faults.clear();
    await waitFor(() => firstSeen(delivered(gateway)).length >= 200, { timeoutMs: 15_000 });
    expect(firstSeen(delivered(gateway))).toEqual(upTo(200));
    await fixture.waitForStatus(gateway, 'MQTT_INFO_NO_ERR');
  });
});
