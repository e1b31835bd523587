import type { IntegrationSettings } from '@gatecast/shared/model';
import { FaultableBroker, fromClient, MqttCollector, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

const configure = (gateway: string, mqtt: IntegrationSettings = {}) =>
  fixture.configure(gateway, { host: broker.host, port: broker.port, ...mqtt });

const topicOf = (gateway: string) => `Aranet/${gateway}/status`;
/** What was said on a topic, by the publisher or, as a will, by the broker for it. */
const said = (topic: string, at = broker) =>
  at.messages
    .filter((message) => message.topic === topic)
    .map(({ payload, isWill }) => (isWill ? `(${payload})` : payload));

async function hear(topic: string, payload: string, at = broker): Promise<void> {
  await waitFor(() => said(topic, at).at(-1) === payload, {
    timeoutMs: 10_000,
    describe: () => said(topic, at).join(),
  });
}

describe('birth', () => {
  test("follows every CONNACK, before anything else, with the will's QoS and retain flag", async () => {
    await configure('birth', { will: { qos: 2 } });
    await fixture.emit('birth', 1);
    await hear(topicOf('birth'), 'online');
    const publishes = () => broker.publishes(fromClient('birth'));
    expect(publishes()[0]!.packet).toMatchObject({ topic: topicOf('birth'), qos: 2, retain: true });
    broker.dropConnections(({ clientId }) => clientId === 'birth');
    await waitFor(() => said(topicOf('birth')).length === 3, { timeoutMs: 10_000 });
    expect(said(topicOf('birth'))).toEqual(['online', '(offline)', 'online']);
  });

  test('payloads as set; without the retain flag nothing stays', async () => {
    await configure('spoken', { will: { birthPayload: 'here I am', payload: 'gone', retain: false, qos: 0 } });
    await hear(topicOf('spoken'), 'here I am');
    broker.dropConnections(({ clientId }) => clientId === 'spoken');
    await waitFor(() => said(topicOf('spoken')).length === 3, { timeoutMs: 10_000 });
    expect(said(topicOf('spoken'))).toEqual(['here I am', '(gone)', 'here I am']);
    expect(broker.retained.has(topicOf('spoken'))).toBe(false);
  });

  test('without a will there is none', async () => {
    await configure('mute', { will: { enabled: false } });
    await fixture.emit('mute', 1);
    await waitFor(() => broker.publishes(fromClient('mute')).length > 0, { timeoutMs: 10_000 });
    expect(said(topicOf('mute'))).toEqual([]);
  });
});

describe('a deliberate end', () => {
  test("disabled: the will's payload stays for late subscribers", async () => {
    await configure('disabled');
    await hear(topicOf('disabled'), 'online');
    await configure('disabled', { enabled: false });
    await fixture.waitForStatus('disabled', 'MQTT_INFO_DISABLED_BY_USER', 'disabled');
    expect(said(topicOf('disabled'))).toEqual(['online', 'offline']);
    await using late = await MqttCollector.start({ url: broker.url, filters: [topicOf('disabled')] });
    expect(await late.waitForCount(1)).toMatchObject([{ payload: 'offline', retain: true }]);
    const connection = broker.connections.findLast(({ clientId }) => clientId === 'disabled')!;
    expect(connection.closeReason).toBe('DISCONNECT');
  });

  test('will topic changed: what was retained on the old one is cleared', async () => {
    await configure('moved');
    await hear(topicOf('moved'), 'online');
    await configure('moved', { will: { topic: 'elsewhere/moved' } });
    await hear('elsewhere/moved', 'online');
    expect(said(topicOf('moved'))).toEqual(['online', 'offline', '']);
    expect(broker.retained.has(topicOf('moved'))).toBe(false);
    expect(broker.retained.get('elsewhere/moved')?.payload).toBe('online');
  });

  test('will switched off: cleared', async () => {
    await configure('switched-off');
    await hear(topicOf('switched-off'), 'online');
    await configure('switched-off', { will: { enabled: false } });
    await hear(topicOf('switched-off'), '');
    expect(broker.retained.has(topicOf('switched-off'))).toBe(false);
  });

  test('another setting changed: offline, then online', async () => {
    await configure('changed');
    await hear(topicOf('changed'), 'online');
    await configure('changed', { keepAliveSeconds: 61 });
    await waitFor(() => said(topicOf('changed')).length === 3, { timeoutMs: 10_000 });
    expect(said(topicOf('changed'))).toEqual(['online', 'offline', 'online']);
  });

  test('another broker: the old one is left without a trace', async () => {
    await using other = await FaultableBroker.start();
    await configure('emigrant');
    await hear(topicOf('emigrant'), 'online');
    await configure('emigrant', { host: other.host, port: other.port });
    await hear(topicOf('emigrant'), 'online', other);
    expect(said(topicOf('emigrant'))).toEqual(['online', 'offline', '']);
    expect(broker.retained.has(topicOf('emigrant'))).toBe(false);
  });

  test('gateway deleted: offline, then cleared', async () => {
    await configure('deleted');
    await hear(topicOf('deleted'), 'online');
    await fixture.remove('deleted');
    await hear(topicOf('deleted'), '');
    expect(said(topicOf('deleted'))).toEqual(['online', 'offline', '']);
    await waitFor(() => !broker.connectedClients.includes('deleted'));
  });
});

// Last: it ends the publisher that the file shares.
describe('the publisher', () => {
  test('stopped: a successor is expected, so the will is not said', async () => {
    await configure('handover');
    await hear(topicOf('handover'), 'online');
    await fixture.publisher.kill('SIGTERM');
    await waitFor(() => !broker.connectedClients.includes('handover'));
    expect(said(topicOf('handover'))).toEqual(['online']);
    await fixture.publisher.restart();
    await waitFor(() => said(topicOf('handover')).length === 2, { timeoutMs: 15_000 });
    expect(said(topicOf('handover'))).toEqual(['online', 'online']);
  });

  test('killed: the broker says the will, the next process the birth', async () => {
    await configure('killed');
    await hear(topicOf('killed'), 'online');
    await fixture.publisher.kill('SIGKILL');
    await hear(topicOf('killed'), '(offline)');
    await using late = await MqttCollector.start({ url: broker.url, filters: [topicOf('killed')] });
    expect(await late.waitForCount(1)).toMatchObject([{ payload: 'offline', retain: true }]);
    await fixture.publisher.restart();
    await hear(topicOf('killed'), 'online');
    await late.waitForCount(2);
    expect(late.messages.map(({ payload }) => payload)).toEqual(['offline', 'online']);
  });

  test.each([1, 2] as const)('killed, MQTT 5, QoS %i: the next process is there before the will', async (qos) => {
    const gateway = `killed-5-${qos}`;
    await configure(gateway, { protocolVersion: '5', qos });
    await hear(topicOf(gateway), 'online');
    // The successor has to know whose session it is.
    if (qos === 2) await waitFor(async () => (await fixture.checkpoint(gateway))?.b !== undefined);
    await fixture.publisher.kill('SIGKILL');
    await fixture.publisher.restart();
    await waitFor(() => said(topicOf(gateway)).length === 2, { timeoutMs: 15_000 });
    expect(said(topicOf(gateway))).toEqual(['online', 'online']);
  });
});
