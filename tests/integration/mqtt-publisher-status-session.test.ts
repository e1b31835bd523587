import type { IntegrationSettings, StatusRecord } from '@gatecast/shared/model';
import {
  type BrokerConnection,
  FaultableBroker,
  fromClient,
  Mosquitto,
  MqttCollector,
  mosquittoOrSkip,
  onTopic,
  TcpProxy,
  waitFor,
} from '@gatecast/shared/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deliveredCounters, firstSeen, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';
import { deadLetters, statusHistory } from './support/stored.ts';

const DISCONNECTED = 'MQTT_ERROR_UNEXP_DISCONN';
const GREEN = 'MQTT_INFO_NO_ERR';

let fixture: PublisherFixture;
let broker: FaultableBroker;

beforeAll(async () => {
  broker = await FaultableBroker.start();
  fixture = await PublisherFixture.start({ env: { GATECAST_AWAY_MS: '500' } });
});

beforeEach(() => broker.faults.clear());

afterAll(async () => {
  await fixture.stop();
  await broker.stop();
});

/** A gateway with a session. */
async function connected(gateway: string, mqtt: IntegrationSettings = {}, at = broker): Promise<void> {
  await fixture.configure(gateway, { host: at.host, port: at.port, ...mqtt });
  await fixture.waitForStatus(gateway, GREEN, 'delivering');
}

const of = (gateway: string) => (connection: BrokerConnection) => connection.clientId === gateway;
const connectsOf = (gateway: string) => broker.connects.filter(fromClient(gateway)).length;
const history = (gateway: string) => statusHistory(fixture.connection, gateway);

/** Every reason that there was, in order. Events follow the record, or go before it. */
async function reasons(gateway: string, count: number): Promise<string[]> {
  await waitFor(async () => (await history(gateway)).length >= count, { timeoutMs: 10_000 });
  return (await history(gateway)).map(({ reason }) => reason);
}

/** The transition to `reason`, once it was recorded. */
function transition(gateway: string, reason: string, timeoutMs = 10_000): Promise<StatusRecord> {
  return waitFor(async () => (await history(gateway)).find((record) => record.reason === reason), {
    timeoutMs,
    describe: `${gateway}: ${reason}`,
  });
}

describe('the session ends', () => {
  test('closed by the broker', async () => {
    await connected('closed');
    broker.disconnect(0, of('closed'));
    expect(await transition('closed', 'closed_by_broker')).toMatchObject({ code: DISCONNECTED, class: 'remote' });
    await fixture.waitForStatus('closed', GREEN);
  });

  test('cut by the network', async () => {
    await using proxy = await TcpProxy.start({ target: broker });
    await connected('reset', { host: proxy.host, port: proxy.port });
    proxy.resetAll();
    expect(await transition('reset', 'connection_reset')).toMatchObject({ code: DISCONNECTED, class: 'remote' });
  });

  test('taken over, MQTT 5', async () => {
    await connected('rival-5', { protocolVersion: '5' });
    await using _rival = await MqttCollector.start({ url: broker.url, clientId: 'rival-5', protocolVersion: 5 });
    const status = await transition('rival-5', 'session_taken_over');
    expect(status).toMatchObject({ code: DISCONNECTED, class: 'user' });
  });

  test.each([
    [0x87, 'MQTT_ERROR_AUTH_FAILED', 'user', 'not_authorized'],
    [0x89, DISCONNECTED, 'remote', 'server_busy'],
    [0x8b, DISCONNECTED, 'remote', 'server_shutting_down'],
    [0x93, DISCONNECTED, 'remote', 'disconnected_by_broker'],
    [0x97, DISCONNECTED, 'remote', 'quota_exceeded'],
    [0x9c, DISCONNECTED, 'user', 'use_another_server'],
  ])('DISCONNECT of MQTT 5, reason code %i', async (reasonCode, code, statusClass, reason) => {
    const gateway = `disconnect-${reasonCode}`;
    await connected(gateway, { protocolVersion: '5' });
    broker.disconnect(reasonCode, of(gateway));
    expect(await transition(gateway, reason)).toMatchObject({ code, class: statusClass });
    await fixture.waitForStatus(gateway, GREEN);
  });

  test('PINGRESP withheld', async () => {
    broker.faults.withholdPingresp = fromClient('no-pingresp');
    await connected('no-pingresp', { keepAliveSeconds: 5 });
    const status = await transition('no-pingresp', 'keep_alive_timeout', 20_000);
    expect(status).toMatchObject({ code: DISCONNECTED, class: 'remote' });
  });

  test('a broker that is killed: the error stays, attempts count up, the next one is announced', async () => {
    const mortal = await FaultableBroker.start();
    await connected('orphan', {}, mortal);
    await fixture.emit('orphan', 5);
    await waitFor(() => deliveredCounters(mortal, 'orphan').length === 5);
    await mortal.stop();
    await transition('orphan', 'connection_refused');
    const first = await fixture.waitForStatus('orphan', 'MQTT_ERROR_CONN_REFUSED');
    const later = await waitFor(
      async () => {
        const record = await fixture.status('orphan');
        return record && record.attempt >= first.attempt + 3 ? record : undefined;
      },
      { timeoutMs: 15_000 },
    );
    expect(Date.parse(later.nextAttemptAt ?? '')).toBeGreaterThanOrEqual(Date.parse(later.updated));
    expect(later.since).toBe(first.since);
    await mortal.restart();
    await fixture.waitForStatus('orphan', GREEN);
    const [ended, ...rest] = (await reasons('orphan', 5)).slice(2);
    expect(['closed_by_broker', 'connection_reset']).toContain(ended);
    expect(rest).toEqual(['connection_refused', 'delivering']);
    expect((await fixture.status('orphan'))?.attempt).toBe(0);
    await mortal.stop();
  });

  test.skipIf(mosquittoOrSkip() === undefined)('mosquitto, killed', async () => {
    await using mosquitto = await Mosquitto.start();
    const { host, port } = mosquitto;
    await fixture.configure('mosquitto-killed', { host, port });
    await fixture.waitForStatus('mosquitto-killed', GREEN);
    await mosquitto.kill();
    await transition('mosquitto-killed', 'connection_refused');
    await mosquitto.restart();
    await fixture.waitForStatus('mosquitto-killed', GREEN);
  });
});

describe('a broker that acknowledges nothing', () => {
  const ACK_TIMEOUT_MS = 2_000;
  const advanced = { ackTimeoutSeconds: ACK_TIMEOUT_MS / 1_000 };

  test('is noticed in time, is not green before it acknowledges, and costs nothing', async () => {
    const gateway = 'deaf';
    const sensors = onTopic(`Aranet/${gateway}/sensors/#`);
    await connected(gateway, { advanced });
    await fixture.emit(gateway, 5);
    await waitFor(() => deliveredCounters(broker, gateway).length === 5);
    // Three whole sessions: in one that is heard again midway, what was sent before is still never acknowledged.
    broker.faults.withholdPuback = (publish) => sensors(publish) && connectsOf(gateway) <= 3;
    await fixture.emit(gateway, 60);
    const sent = await broker.waitForPublish(
      (publish) => sensors(publish) && publish.packet.payload.toString() === '6',
    );
    const status = await transition(gateway, 'ack_timeout');
    expect(status).toMatchObject({ code: DISCONNECTED, class: 'remote' });
    expect(Date.parse(status.since) - sent.time).toBeGreaterThan(ACK_TIMEOUT_MS - 100);
    expect(Date.parse(status.since) - sent.time).toBeLessThan(ACK_TIMEOUT_MS + 1_000);
    // It goes on taking CONNECT, birth and PINGREQ, and goes on without acknowledging messages.
    await waitFor(() => connectsOf(gateway) >= 3, { timeoutMs: 10_000 });
    await waitFor(() => firstSeen(deliveredCounters(broker, gateway)).length === 65, { timeoutMs: 15_000 });
    expect(connectsOf(gateway)).toBe(4);
    await fixture.waitForStatus(gateway, GREEN);
    expect(firstSeen(deliveredCounters(broker, gateway))).toEqual(upTo(65));
    expect(await reasons(gateway, 4)).toEqual(['connecting', 'delivering', 'ack_timeout', 'delivering']);
  });

  test('the same at QoS 0: the broker is asked', async () => {
    const gateway = 'deaf-qos-0';
    await connected(gateway, { qos: 0, advanced });
    await fixture.emit(gateway, 1);
    await broker.waitForPacket('pingreq', fromClient(gateway));
    broker.faults.withholdPingresp = fromClient(gateway);
    await fixture.emit(gateway, 1);
    const sent = await broker.waitForPublish(
      (publish) => publish.clientId === gateway && publish.packet.payload.toString() === '2',
    );
    const status = await transition(gateway, 'ack_timeout');
    expect(Date.parse(status.since) - sent.time).toBeLessThan(ACK_TIMEOUT_MS + 1_000);
    await waitFor(() => connectsOf(gateway) >= 3, { timeoutMs: 15_000 });
    broker.faults.clear();
    await fixture.waitForStatus(gateway, GREEN);
    await fixture.emit(gateway, 3);
    await waitFor(() => deliveredCounters(broker, gateway).includes(5), { timeoutMs: 10_000 });
    expect(deliveredCounters(broker, gateway)).toEqual(upTo(5));
  });

  test('one that comes back without anything to acknowledge is green again', async () => {
    const gateway = 'deaf-and-idle';
    await connected(gateway, { will: { enabled: false }, advanced });
    broker.faults.withholdPuback = fromClient(gateway);
    await fixture.emit(gateway, 1);
    await transition(gateway, 'ack_timeout');
    broker.faults.clear();
    await fixture.waitForStatus(gateway, GREEN);
  });
});

describe('a message that the broker will never take', () => {
  test.each([1, 2] as const)('is set aside, and the rest flows, QoS %i', async (qos) => {
    const gateway = `poison-${qos}`;
    const refuse = ({ clientId, packet }: { clientId: string; packet: { payload: string | Buffer } }) =>
      clientId === gateway && packet.payload.toString() === '3' ? 0x87 : undefined;
    broker.faults.pubackCode = refuse;
    broker.faults.pubrecCode = refuse;
    await connected(gateway, { protocolVersion: '5', qos });
    await fixture.emit(gateway, 10);
    await waitFor(async () => (await fixture.checkpoint(gateway))?.s === 10, { timeoutMs: 10_000 });
    expect(deliveredCounters(broker, gateway)).toEqual([1, 2, 4, 5, 6, 7, 8, 9, 10]);
    expect(await deadLetters(fixture.connection, gateway)).toEqual([
      { counter: 3, payload: '3', reason: 'not_authorized' },
    ]);
    expect(await fixture.checkpoint(gateway)).toMatchObject({ s: 10, x: 1 });
    expect(await transition(gateway, 'publish_not_authorized')).toMatchObject({
      code: 'MQTT_ERROR_AUTH_FAILED',
      class: 'user',
    });
    await fixture.emit(gateway, 1);
    await fixture.waitForStatus(gateway, GREEN);
    expect(connectsOf(gateway)).toBe(1);
  });

  test('refused for the moment: the session starts anew, nothing is lost', async () => {
    const gateway = 'quota';
    broker.faults.pubackCode = ({ clientId, packet }) =>
      clientId === gateway && packet.topic.includes('/sensors/') ? 0x97 : undefined;
    await connected(gateway, { protocolVersion: '5' });
    await fixture.emit(gateway, 10);
    expect(await transition(gateway, 'publish_refused')).toMatchObject({
      code: 'MQTT_ERROR_CONN_REFUSED',
      class: 'remote',
    });
    await waitFor(() => connectsOf(gateway) >= 3, { timeoutMs: 10_000 });
    expect(await reasons(gateway, 3)).toEqual(['connecting', 'delivering', 'publish_refused']);
    broker.faults.clear();
    await waitFor(() => deliveredCounters(broker, gateway).length === 10, { timeoutMs: 10_000 });
    expect(deliveredCounters(broker, gateway)).toEqual(upTo(10));
    await fixture.waitForStatus(gateway, GREEN);
  });
});
