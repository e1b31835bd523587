import type { IntegrationSettings } from '@gatecast/shared/model';
import { FaultableBroker, fromClient, onTopic, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliveredCounters, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeAll(async () => {
  broker = await FaultableBroker.start();
  fixture = await PublisherFixture.start();
});

afterAll(async () => {
  await fixture.stop();
  await broker.stop();
});

const configure = (gateway: string, mqtt: IntegrationSettings = {}, at = broker) =>
  fixture.configure(gateway, { host: at.host, port: at.port, ...mqtt });

/** CONNECT of a client, once it came. */
async function connectOf(clientId: string, at = broker) {
  return (await at.waitForConnect((connect) => connect.clientId === clientId, { timeoutMs: 10_000 })).packet;
}

const measurement = (gateway: string) => onTopic(`Aranet/${gateway}/sensors/#`);
const connectionOf = (gateway: string, at = broker) => at.connections.find(({ clientId }) => clientId === gateway)!;

async function delivered(gateway: string, count: number, at = broker): Promise<number[]> {
  const counters = () => deliveredCounters(at, gateway);
  await waitFor(() => counters().length >= count, { timeoutMs: 15_000, describe: () => `${counters()} of ${count}` });
  return counters();
}

describe('CONNECT', () => {
  test('the host is enough: everything else has its default', async () => {
    await configure('defaults');
    expect(await connectOf('defaults')).toMatchObject({
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 60,
      clientId: 'defaults',
    });
    expect(await connectOf('defaults')).not.toHaveProperty('username');
    expect(await connectOf('defaults')).not.toHaveProperty('password');
  });

  test('protocolVersion 5', async () => {
    await configure('version-5', { protocolVersion: '5' });
    expect(await connectOf('version-5')).toMatchObject({ protocolId: 'MQTT', protocolVersion: 5, clean: false });
    // Not longer than its will waits for a successor.
    expect(await connectOf('version-5')).toMatchObject({ properties: { sessionExpiryInterval: 30 } });
  });

  test('clientId', async () => {
    await configure('client-id', { clientId: 'a client of its own' });
    expect((await connectOf('a client of its own')).clientId).toBe('a client of its own');
    expect(broker.connects.some(({ clientId }) => clientId === 'client-id')).toBe(false);
  });

  test('username and password, which only the publisher can open', async () => {
    const password = await fixture.sealer.seal('password', 'password', 'pässword');
    await configure('password', { username: 'üser', sealed: { password } });
    const { username, password: sent } = await connectOf('password');
    expect(username).toBe('üser');
    expect(sent?.toString()).toBe('pässword');
  });

  test('username alone', async () => {
    await configure('username', { username: 'user' });
    expect(await connectOf('username')).toMatchObject({ username: 'user' });
    expect((await connectOf('username')).password).toBeUndefined();
  });

  test.each(['3.1.1', '5'] as const)('keepAliveSeconds, MQTT %s', async (protocolVersion) => {
    const gateway = `keep-alive-${protocolVersion.replaceAll('.', '')}`;
    await configure(gateway, { keepAliveSeconds: 1177, protocolVersion });
    expect((await connectOf(gateway)).keepalive).toBe(1177);
  });

  test('will: topic, payload, QoS, retain', async () => {
    await configure('will-default');
    await configure('will-set', {
      will: { topic: 'wills/set', payload: 'gone', qos: 2, retain: false },
      protocolVersion: '5',
    });
    await configure('will-off', { will: { enabled: false } });
    const will = async (gateway: string) => {
      const { will: present } = await connectOf(gateway);
      return present && { ...present, payload: present.payload.toString() };
    };
    expect(await will('will-default')).toMatchObject({
      topic: 'Aranet/will-default/status',
      payload: 'offline',
      qos: 1,
      retain: true,
    });
    expect(await will('will-set')).toMatchObject({ topic: 'wills/set', payload: 'gone', qos: 2, retain: false });
    expect(await will('will-off')).toBeUndefined();
  });

  test('rootTopic moves the will', async () => {
    await configure('root', { rootTopic: 'a/root of its own' });
    expect((await connectOf('root')).will?.topic).toBe('a/root of its own/root/status');
  });
});

describe('keep-alive', () => {
  test('PINGREQ when idle, in time', async () => {
    await configure('idle', { keepAliveSeconds: 5 });
    const ping = await broker.waitForPacket('pingreq', fromClient('idle'), { timeoutMs: 10_000 });
    const before = broker.packets().filter(({ clientId, time }) => clientId === 'idle' && time < ping.time);
    const silence = ping.time - before.at(-1)!.time;
    // [MQTT-3.1.2-22]; timers are not exact, and brokers allow half as much again [MQTT-3.1.2-24]
    expect(silence).toBeGreaterThan(2_000);
    expect(silence).toBeLessThan(5_500);
    expect(connectionOf('idle').closedAt).toBeUndefined();
  });

  test('MQTT 5: the Server Keep Alive goes before it, and is shown', async () => {
    await using strict = await FaultableBroker.start({ capabilities: { serverKeepAlive: 2 } });
    await configure('imposed', { protocolVersion: '5', keepAliveSeconds: 300 }, strict);
    const status = await fixture.waitForStatus('imposed', 'MQTT_INFO_NO_ERR');
    expect(status.serverKeepAliveSeconds).toBe(2);
    expect((await connectOf('imposed', strict)).keepalive).toBe(300);
    await waitFor(() => strict.packets('pingreq').length >= 2, { timeoutMs: 10_000 });
    const [first, second] = strict.packets('pingreq');
    expect(second!.time - first!.time).toBeLessThan(2_500);
    expect(strict.connections).toHaveLength(1);
    expect(connectionOf('imposed', strict).closedAt).toBeUndefined();
  });
});

describe('PUBLISH', () => {
  test.each([0, 1, 2] as const)('qos %i', async (qos) => {
    const gateway = `qos-${qos}`;
    await configure(gateway, { qos });
    await fixture.emit(gateway, 3);
    expect(await delivered(gateway, 3)).toEqual(upTo(3));
    expect(broker.publishes(measurement(gateway)).map(({ packet }) => packet.qos)).toEqual([qos, qos, qos]);
  });

  test.each([true, false])('retain flag %s, as the message was encoded', async (retain) => {
    const gateway = `retain-${retain}`;
    await configure(gateway, { retain });
    await fixture.emit(gateway, 1, { retain });
    await delivered(gateway, 1);
    expect(broker.publishes(measurement(gateway))[0]!.packet.retain).toBe(retain);
    expect(broker.retained.has(`Aranet/${gateway}/sensors/S1/json/measurements`)).toBe(retain);
  });

  test.each([
    ['5', true, true],
    ['5', false, false],
    ['3.1.1', true, false],
  ] as const)('MQTT %s, traceContext %s: user properties %s', async (protocolVersion, traceContext, expected) => {
    const gateway = `trace-${protocolVersion.replaceAll('.', '')}-${traceContext}`;
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await configure(gateway, { protocolVersion, advanced: { traceContext } });
    await fixture.emit(gateway, 1, { traceparent });
    await delivered(gateway, 1);
    const { packet } = broker.publishes(measurement(gateway))[0]!;
    expect(packet.properties?.userProperties?.traceparent).toBe(expected ? traceparent : undefined);
  });
});

describe('advanced', () => {
  test.each([
    [1, 3],
    // One place is kept for births and wills.
    [2, 2],
  ] as const)('inFlight: never more than so many unacknowledged, QoS %i', async (qos, most) => {
    const gateway = `window-${qos}`;
    broker.faults.holdAcks = fromClient(gateway);
    await configure(gateway, { qos, will: { enabled: false }, advanced: { inFlight: 3 } });
    await fixture.emit(gateway, 10, { perBatch: 5 });
    await waitFor(() => connectionOf(gateway)?.inFlightCount === most);
    const all = () => deliveredCounters(broker, gateway).length === 50;
    await waitFor(() => broker.releaseAcks(1) > 1 || all(), { timeoutMs: 15_000 });
    expect(await delivered(gateway, 50)).toEqual(upTo(50));
    expect(connectionOf(gateway).peakInFlight).toBe(most);
    broker.faults.clear();
  });

  test('the Receive Maximum of an MQTT 5 broker is respected', async () => {
    await using strict = await FaultableBroker.start({ capabilities: { receiveMaximum: 2 } });
    strict.faults.ackDelayMs = 5;
    await configure('receive-maximum', { protocolVersion: '5', advanced: { inFlight: 100 } }, strict);
    await fixture.emit('receive-maximum', 10, { perBatch: 5 });
    expect(await delivered('receive-maximum', 50, strict)).toEqual(upTo(50));
    expect(strict.violations).toEqual([]);
    expect(connectionOf('receive-maximum', strict).peakInFlight).toBe(2);
  });

  test('ackTimeoutSeconds', async () => {
    const gateway = 'ack-timeout';
    broker.faults.withholdPuback = measurement(gateway);
    await configure(gateway, { advanced: { ackTimeoutSeconds: 2 } });
    await fixture.emit(gateway, 1);
    const publish = await broker.waitForPublish(measurement(gateway), { timeoutMs: 10_000 });
    await waitFor(() => connectionOf(gateway).closedAt, { timeoutMs: 10_000 });
    const waited = connectionOf(gateway).closedAt! - publish.time;
    broker.faults.clear();
    expect(waited).toBeGreaterThan(1_900);
    expect(waited).toBeLessThan(3_000);
    expect((await delivered(gateway, 2)).every((counter) => counter === 1)).toBe(true);
  });
});

test('a broker that was treated this way has nothing to complain about', () => {
  expect(broker.violations).toEqual([]);
});
