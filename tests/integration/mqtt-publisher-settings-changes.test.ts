import type { IntegrationSettings } from '@gatecast/shared/model';
import { FaultableBroker, fromClient, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliveredCounters, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeAll(async () => {
  broker = await FaultableBroker.start();
  fixture = await PublisherFixture.start();
});

beforeEach(() => broker.faults.clear());

afterAll(async () => {
  await fixture.stop();
  await broker.stop();
});

const configure = (gateway: string, mqtt: IntegrationSettings = {}, at = broker) =>
  fixture.configure(gateway, { host: at.host, port: at.port, ...mqtt });
const connectsOf = (gateway: string) => broker.connects.filter(({ clientId }) => clientId === gateway);

async function reached(gateway: string, counter: number, at = broker): Promise<void> {
  await waitFor(() => deliveredCounters(at, gateway).length >= counter, {
    timeoutMs: 20_000,
    describe: () => `${counter}; there are ${deliveredCounters(at, gateway).length}`,
  });
}

describe('in mid-flow, nothing lost, in order, nothing twice', () => {
  test('qos', async () => {
    broker.faults.acksPerSecond = 500;
    await configure('qos', { qos: 1 });
    const emitting = fixture.emit('qos', 200, { perBatch: 2 });
    await reached('qos', 50);
    await configure('qos', { qos: 2 });
    await reached('qos', 150);
    await configure('qos', { qos: 0 });
    await emitting;
    await reached('qos', 400);
    expect(deliveredCounters(broker, 'qos')).toEqual(upTo(400));
    const used = broker.publishes(fromClient('qos')).filter(({ packet }) => packet.topic.includes('/sensors/'));
    expect(new Set(used.map(({ packet }) => packet.qos))).toEqual(new Set([1, 2, 0]));
  });

  test('host: what the old broker did not acknowledge goes to the new one', async () => {
    await using other = await FaultableBroker.start();
    broker.faults.acksPerSecond = 300;
    await configure('host');
    const emitting = fixture.emit('host', 150, { perBatch: 2 });
    await reached('host', 60);
    await configure('host', {}, other);
    await emitting;
    await waitFor(() => deliveredCounters(other, 'host').includes(300), { timeoutMs: 20_000 });
    const [before, after] = [deliveredCounters(broker, 'host'), deliveredCounters(other, 'host')];
    expect([...before, ...after]).toEqual(upTo(300));
  });

  test('a broker that answers nothing is left, and what it did not acknowledge is not lost', async () => {
    await using other = await FaultableBroker.start();
    broker.faults.withholdPuback = fromClient('stuck');
    await configure('stuck', { will: { enabled: false } });
    await fixture.emit('stuck', 50);
    await reached('stuck', 20);
    await configure('stuck', {}, other);
    await reached('stuck', 50, other);
    expect(deliveredCounters(other, 'stuck')).toEqual(upTo(50));
  });

  test('credentials, protocol version, client id at once', async () => {
    broker.faults.acksPerSecond = 500;
    await configure('identity');
    const emitting = fixture.emit('identity', 200);
    await reached('identity', 50);
    const password = await fixture.sealer.seal('identity', 'password', 'secret');
    await configure('identity', { username: 'u', sealed: { password }, protocolVersion: '5', clientId: 'another' });
    await emitting;
    await reached('identity', 200);
    expect(deliveredCounters(broker, 'identity')).toEqual(upTo(200));
    expect(broker.connects.find(({ clientId }) => clientId === 'another')?.packet).toMatchObject({
      protocolVersion: 5,
      username: 'u',
    });
    expect(broker.connectedClients).not.toContain('identity');
  });

  test('disabled: what comes is kept, and delivered after enabling', async () => {
    broker.faults.acksPerSecond = 500;
    await configure('paused');
    const emitting = fixture.emit('paused', 200);
    await reached('paused', 50);
    await configure('paused', { enabled: false });
    await fixture.waitForStatus('paused', 'MQTT_INFO_DISABLED_BY_USER', 'disabled');
    await emitting;
    const until = deliveredCounters(broker, 'paused').length;
    await waitFor(async () => (await fixture.checkpoint('paused'))?.h === 200, { timeoutMs: 15_000 });
    expect(deliveredCounters(broker, 'paused')).toHaveLength(until);
    await configure('paused');
    await reached('paused', 200);
    expect(deliveredCounters(broker, 'paused')).toEqual(upTo(200));
  });

  test('one change after the other, faster than a session can follow', async () => {
    broker.faults.acksPerSecond = 500;
    await configure('hectic');
    const emitting = fixture.emit('hectic', 200);
    await reached('hectic', 20);
    for (let round = 1; round <= 10; round += 1) await configure('hectic', { keepAliveSeconds: 60 + round });
    await emitting;
    await reached('hectic', 200);
    expect(deliveredCounters(broker, 'hectic')).toEqual(upTo(200));
    await waitFor(() => connectsOf('hectic').at(-1)?.packet.keepalive === 70, { timeoutMs: 10_000 });
    await waitFor(() => broker.connectedClients.filter((id) => id === 'hectic').length === 1);
  });
});

describe('what does not touch the session', () => {
  test.each<[string, IntegrationSettings]>([
    ['format', { format: 'azure' }],
    ['retain', { retain: true }],
    ['measurementIntervalSeconds', { measurementIntervalSeconds: 300 }],
    ['silenceIntervals', { will: { silenceIntervals: 7 } }],
    ['jsonNumbers', { advanced: { jsonNumbers: 'number' } }],
  ])('%s does not reconnect, and what was encoded by it is sent', async (name, mqtt) => {
    const gateway = `same-${name}`;
    await configure(gateway);
    await fixture.emit(gateway, 5);
    await reached(gateway, 5);
    const revision = await configure(gateway, mqtt);
    await fixture.emit(gateway, 5, { settings: revision });
    await reached(gateway, 10);
    expect(connectsOf(gateway)).toHaveLength(1);
    expect(deliveredCounters(broker, gateway)).toEqual(upTo(10));
  });

  test('messages of newer settings wait until the session has them', async () => {
    const gateway = 'newer';
    const revision = await configure(gateway);
    await fixture.emit(gateway, 5);
    await fixture.emit(gateway, 5, { settings: revision + 1 });
    await reached(gateway, 5);
    // Whatever else was written to the bucket first, the next revision is higher than the one that they wait for.
    await configure(gateway, { keepAliveSeconds: 120 });
    await reached(gateway, 10);
    const newer = broker
      .publishes(fromClient(gateway))
      .filter(({ packet }) => packet.topic.includes('/sensors/') && Number(packet.payload) > 5);
    const second = connectsOf(gateway)[1]!;
    expect(second.packet.keepalive).toBe(120);
    expect(newer.map(({ connection }) => connection)).toEqual(Array(5).fill(second.connection));
  });
});
