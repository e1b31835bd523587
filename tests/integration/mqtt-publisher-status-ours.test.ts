import type { IntegrationSettings } from '@gatecast/shared/model';
import { createSealer, generateSealingKeys } from '@gatecast/shared/secrets';
import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PublisherFixture } from './support/publisher-fixture.ts';
import { statusHistory } from './support/stored.ts';

const KV_WRITE_MS = 2_000;

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
const history = async (gateway: string) =>
  (await statusHistory(fixture.connection, gateway)).map(({ code, reason }) => `${code}/${reason}`);

/** Events follow the record, or go before it. */
async function expectHistory(gateway: string, expected: string[]): Promise<void> {
  await waitFor(async () => (await history(gateway)).length >= expected.length, { timeoutMs: 10_000 });
  expect(await history(gateway)).toEqual(expected);
}

const CONNECTING = 'MQTT_WARNING_CONNECTING/connecting';
const DELIVERING = 'MQTT_INFO_NO_ERR/delivering';

describe('what the owner of the gateway decided', () => {
  test('disabled', async () => {
    await configure('disabled', { enabled: false });
    const status = await fixture.waitForStatus('disabled', 'MQTT_INFO_DISABLED_BY_USER', 'disabled');
    expect(status).toMatchObject({ class: 'off', attempt: 0 });
    expect(broker.connects.some(({ clientId }) => clientId === 'disabled')).toBe(false);
  });

  test('no host', async () => {
    await fixture.configure('no-host', {});
    const status = await fixture.waitForStatus('no-host', 'MQTT_INFO_DISABLED_BY_USER', 'no_host');
    expect(status).toMatchObject({ class: 'off' });
    expect(status).not.toHaveProperty('host');
  });

  test('settings changed', async () => {
    await configure('changed');
    await fixture.waitForStatus('changed', 'MQTT_INFO_NO_ERR');
    await configure('changed', { keepAliveSeconds: 61 });
    await expectHistory('changed', [
      CONNECTING,
      DELIVERING,
      'MQTT_INFO_SELF_INIT_DISCONN/settings_changed',
      CONNECTING,
      DELIVERING,
    ]);
    await fixture.waitForStatus('changed', 'MQTT_INFO_NO_ERR');
  });

  test('switched off and on', async () => {
    await configure('switched');
    await fixture.waitForStatus('switched', 'MQTT_INFO_NO_ERR');
    await configure('switched', { enabled: false });
    await fixture.waitForStatus('switched', 'MQTT_INFO_DISABLED_BY_USER');
    await configure('switched');
    await fixture.waitForStatus('switched', 'MQTT_INFO_NO_ERR');
    await expectHistory('switched', [
      CONNECTING,
      DELIVERING,
      'MQTT_INFO_SELF_INIT_DISCONN/settings_changed',
      'MQTT_INFO_DISABLED_BY_USER/disabled',
      CONNECTING,
      DELIVERING,
    ]);
  });
});

describe('what the platform is to blame for', () => {
  test('a secret sealed to another key', async () => {
    const { publicJwks } = await generateSealingKeys('another');
    const password = await (await createSealer(publicJwks)).seal('unreadable', 'password', 'secret');
    await configure('unreadable', { username: 'u', sealed: { password } });
    const status = await fixture.waitForStatus('unreadable', 'MQTT_ERROR_AUTH_FAILED', 'secret_unreadable');
    expect(status.class).toBe('platform');
    expect(broker.connects.some(({ clientId }) => clientId === 'unreadable')).toBe(false);
  });

  test('a secret copied from another gateway', async () => {
    const password = await fixture.sealer.seal('its-owner', 'password', 'secret');
    await configure('thief', { username: 'u', sealed: { password } });
    await fixture.waitForStatus('thief', 'MQTT_ERROR_AUTH_FAILED', 'secret_unreadable');
  });

  test('no secret reaches the log', async () => {
    expect(fixture.publisher.log.filter((line) => line.includes('eyJ'))).toEqual([]);
  });
});

describe('records', () => {
  test('hold the status and nothing of the settings', async () => {
    await configure('record', { username: 'u' });
    const status = await fixture.waitForStatus('record', 'MQTT_INFO_NO_ERR');
    expect(status).toEqual({
      gatewayId: 'record',
      workspace: 'default',
      fleet: 'default',
      incarnation: 'first',
      code: 'MQTT_INFO_NO_ERR',
      class: 'ok',
      reason: 'delivering',
      message: 'Connected.',
      since: expect.any(String),
      updated: expect.any(String),
      host: broker.host,
      attempt: 0,
      owner: { instance: 'publisher-1', epoch: expect.any(Number) },
    });
  });

  test('under a flapping broker: every transition is an event, the record is written every two seconds at most', async () => {
    await using flapping = await FaultableBroker.start();
    const writes: number[] = [];
    const subscription = fixture.connection.connection.subscribe('$KV.status.flapping', {
      callback: () => {
        writes.push(performance.now());
      },
    });
    await fixture.connection.connection.flush();
    flapping.faults.cutAfterPackets = 3;
    await fixture.configure('flapping', { host: flapping.host, port: flapping.port, keepAliveSeconds: 5 });
    const cutting = setInterval(() => flapping.dropConnections(), 20);
    await waitFor(() => writes.length >= 5, { timeoutMs: 20_000 });
    clearInterval(cutting);
    subscription.unsubscribe();
    const gaps = writes.slice(1).map((at, index) => at - writes[index]!);
    // Measured here, not where they are written: give or take a delivery.
    expect(Math.min(...gaps)).toBeGreaterThan(KV_WRITE_MS - 150);
    const told = await history('flapping');
    expect(told.length).toBeGreaterThan(writes.length);
    const repeated = told.filter((entry, index) => entry === told[index - 1]);
    expect(repeated).toEqual([]);
  });
});

// Last: it stops the publisher that the file shares.
test('stopped: handed over; started again: green', async () => {
  await configure('handover');
  await fixture.waitForStatus('handover', 'MQTT_INFO_NO_ERR');
  const before = await fixture.status('handover');
  await fixture.publisher.kill('SIGTERM');
  const status = await fixture.status('handover');
  expect(status).toMatchObject({ code: 'MQTT_INFO_SELF_INIT_DISCONN', class: 'ok', reason: 'handover' });
  await fixture.publisher.restart();
  const after = await fixture.waitForStatus('handover', 'MQTT_INFO_NO_ERR');
  expect(after.owner.epoch).toBeGreaterThan(before!.owner.epoch);
  await expectHistory('handover', [
    CONNECTING,
    DELIVERING,
    'MQTT_INFO_SELF_INIT_DISCONN/handover',
    CONNECTING,
    DELIVERING,
  ]);
});

test('without ranges that may be connected to, the address is denied, however it is written', async () => {
  const strict = await PublisherFixture.start({ env: { GATECAST_BROKER_ALLOWED_RANGES: '' } });
  const hosts = ['127.0.0.1', '::1', '::ffff:127.0.0.1', 'localhost', '127.1', '0', '10.0.0.1', '169.254.169.254'];
  await Promise.all(hosts.map((host, index) => strict.configure(`gw-${index}`, { host, port: broker.port })));
  for (const [index, host] of hosts.entries()) {
    const status = await strict.waitForStatus(`gw-${index}`, 'MQTT_ERROR_HOST_UNREACHABLE', 'address_denied');
    expect(status).toMatchObject({ class: 'user', host });
  }
  expect(broker.connects.some(({ clientId }) => clientId.startsWith('gw-'))).toBe(false);
  await strict.stop();
});
