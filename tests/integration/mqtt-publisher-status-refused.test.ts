import { createServer } from 'node:http';
import type { IntegrationSettings, StatusRecord } from '@gatecast/shared/model';
import {
  AedesBroker,
  FaultableBroker,
  fromClient,
  Mosquitto,
  mosquittoOrSkip,
  TcpProxy,
  waitFor,
} from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PublisherFixture } from './support/publisher-fixture.ts';
import { statusHistory } from './support/stored.ts';

const REFUSED = 'MQTT_ERROR_CONN_REFUSED';
const AUTH = 'MQTT_ERROR_AUTH_FAILED';
const UNREACHABLE = 'MQTT_ERROR_HOST_UNREACHABLE';
const TIMEOUT_MS = 500;

let fixture: PublisherFixture;
let broker: FaultableBroker;
/** CONNACK code by client id. */
const codes = new Map<string, number>();

beforeAll(async () => {
  broker = await FaultableBroker.start();
  broker.faults.connackCode = ({ clientId }) => codes.get(clientId);
  fixture = await PublisherFixture.start({
    env: { GATECAST_CONNACK_TIMEOUT_MS: String(TIMEOUT_MS), GATECAST_TLS_TIMEOUT_MS: String(TIMEOUT_MS) },
  });
});

afterAll(async () => {
  await fixture.stop();
  await broker.stop();
});

/** Configures and waits for the verdict; it has to name the host, the attempt and when the next one is. */
async function verdict(
  gateway: string,
  mqtt: IntegrationSettings,
  code: string,
  reason?: string,
): Promise<StatusRecord> {
  await fixture.configure(gateway, mqtt);
  const status = await fixture.waitForStatus(gateway, code, reason);
  expect(status.host).toBe(mqtt.host);
  expect(status.attempt).toBeGreaterThan(0);
  expect(Date.parse(status.nextAttemptAt ?? '')).toBeGreaterThanOrEqual(Date.parse(status.updated));
  return status;
}

const at = ({ host, port }: { host: string; port: number }, more: IntegrationSettings = {}) => ({
  host,
  port,
  ...more,
});

describe('nobody who could answer', () => {
  test('closed port; the attempts are counted', async () => {
    const proxy = await TcpProxy.start({ target: { port: 1 } });
    await proxy.refuse();
    const status = await verdict('closed-port', at(proxy), REFUSED, 'connection_refused');
    expect(status.class).toBe('remote');
    await waitFor(async () => ((await fixture.status('closed-port'))?.attempt ?? 0) > status.attempt, {
      timeoutMs: 10_000,
    });
    const later = await fixture.status('closed-port');
    expect(later?.since).toBe(status.since);
    expect((await statusHistory(fixture.connection, 'closed-port')).map(({ reason }) => reason)).toEqual([
      'connecting',
      'connection_refused',
    ]);
    await proxy.stop();
  });

  test('a host name that does not exist', async () => {
    const { reason, message } = await verdict('dns', { host: 'no-such-host.invalid' }, UNREACHABLE);
    // A resolver without a network does not know whether it exists.
    expect(['dns_not_found', 'dns_failed']).toContain(reason);
    expect(message).toContain('host name');
  });

  test('a firewall that swallows everything: the CONNACK never comes', async () => {
    await using proxy = await TcpProxy.start({ target: broker });
    proxy.blackhole();
    const status = await verdict('blackhole', at(proxy), UNREACHABLE, 'connack_timeout');
    expect(status.class).toBe('remote');
  });

  test('the same with TLS', async () => {
    await using proxy = await TcpProxy.start({ target: broker });
    proxy.blackhole();
    await verdict('blackhole-tls', at(proxy, { tls: { enabled: true } }), UNREACHABLE, 'tls_timeout');
  });

  test('a broker that accepts and hangs', async () => {
    await using hanging = await FaultableBroker.start();
    hanging.faults.withholdConnack = true;
    await verdict('hanging', at(hanging), UNREACHABLE, 'connack_timeout');
  });
});

describe('somebody else', () => {
  test('an HTTP server', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const status = await verdict('http', { host: '127.0.0.1', port }, REFUSED, 'not_mqtt');
    expect(status.class).toBe('user');
    await verdict('http-tls', { host: '127.0.0.1', port, tls: { enabled: true } }, REFUSED, 'not_tls');
    server.close();
  });

  test('TLS to a port without TLS', async () => {
    const status = await verdict('tls-to-plain', at(broker, { tls: { enabled: true } }), REFUSED, 'not_tls');
    expect(status.class).toBe('user');
  });

  test.skipIf(mosquittoOrSkip() === undefined)('TLS to a mosquitto without TLS', async () => {
    await using mosquitto = await Mosquitto.start();
    await verdict('tls-to-plain-mosquitto', at(mosquitto, { tls: { enabled: true } }), REFUSED, 'not_tls');
  });
});

describe('CONNACK', () => {
  test.each([
    [1, REFUSED, 'user', 'protocol_version_refused'],
    [2, REFUSED, 'user', 'client_id_refused'],
    [3, REFUSED, 'remote', 'server_unavailable'],
    [4, AUTH, 'user', 'bad_credentials'],
    [5, AUTH, 'user', 'not_authorized'],
  ])('MQTT 3.1.1, return code %i', async (code, expected, statusClass, reason) => {
    const gateway = `return-code-${code}`;
    codes.set(gateway, code);
    const status = await verdict(gateway, at(broker), expected, reason);
    expect(status.class).toBe(statusClass);
  });

  test.each([
    [0x84, REFUSED, 'user', 'protocol_version_refused'],
    [0x85, REFUSED, 'user', 'client_id_refused'],
    [0x86, AUTH, 'user', 'bad_credentials'],
    [0x87, AUTH, 'user', 'not_authorized'],
    [0x88, REFUSED, 'remote', 'server_unavailable'],
    [0x89, REFUSED, 'remote', 'server_busy'],
    [0x8a, REFUSED, 'user', 'banned'],
    [0x90, REFUSED, 'user', 'will_refused'],
    [0x97, REFUSED, 'remote', 'quota_exceeded'],
    [0x9a, REFUSED, 'user', 'retain_not_supported'],
    [0x9c, REFUSED, 'user', 'use_another_server'],
    [0x9f, REFUSED, 'remote', 'connection_rate_exceeded'],
  ])('MQTT 5, reason code %i', async (code, expected, statusClass, reason) => {
    const gateway = `reason-code-${code}`;
    codes.set(gateway, code);
    const status = await verdict(gateway, at(broker, { protocolVersion: '5' }), expected, reason);
    expect(status.class).toBe(statusClass);
  });

  test('a will that the broker cannot keep: a lesser one is used, and said', async () => {
    await using poor = await FaultableBroker.start({ capabilities: { retainAvailable: false, maximumQoS: 0 } });
    await fixture.configure('poor', at(poor, { protocolVersion: '5', will: { qos: 2 } }));
    const status = await fixture.waitForStatus('poor', 'MQTT_INFO_NO_ERR');
    expect(status.brokerLimits).toEqual({ qos: 0, retain: false, willQos: 0, willRetain: false });
    await waitFor(() => poor.publishes(fromClient('poor')).length > 0);
    expect(poor.publishes(fromClient('poor'))[0]!.packet).toMatchObject({ qos: 0, retain: false });
    expect(poor.violations).toEqual([]);
  });
});

describe('a wrong password', () => {
  const wrong = async (gateway: string): Promise<IntegrationSettings> => ({
    username: 'alice',
    sealed: { password: await fixture.sealer.seal(gateway, 'password', 'wrong') },
  });

  test.each(['3.1.1', '5'] as const)('MQTT %s', async (protocolVersion) => {
    const gateway = `password-${protocolVersion.replaceAll('.', '')}`;
    await using strict = await FaultableBroker.start({
      authenticate: ({ packet }) => packet.password?.toString() === 'right',
    });
    const mqtt = at(strict, { protocolVersion, ...(await wrong(gateway)) });
    await verdict(gateway, mqtt, AUTH, 'bad_credentials');
    const password = await fixture.sealer.seal(gateway, 'password', 'right');
    await fixture.configure(gateway, { ...mqtt, sealed: { password } });
    await fixture.waitForStatus(gateway, 'MQTT_INFO_NO_ERR');
  });

  test.each([
    ['bad user name or password', 'bad_credentials'],
    ['not authorized', 'not_authorized'],
  ] as const)('aedes: %s', async (refusal, reason) => {
    await using aedes = await AedesBroker.start({ authenticate: () => refusal });
    const gateway = `password-aedes-${reason}`;
    await verdict(gateway, at(aedes, await wrong(gateway)), AUTH, reason);
  });

  test.skipIf(mosquittoOrSkip() === undefined).each(['3.1.1', '5'] as const)(
    'mosquitto, %s',
    async (protocolVersion) => {
      await using mosquitto = await Mosquitto.start({ users: { alice: 'right' } });
      const gateway = `password-mosquitto-${protocolVersion.replaceAll('.', '')}`;
      await verdict(gateway, at(mosquitto, { protocolVersion, ...(await wrong(gateway)) }), AUTH, 'not_authorized');
    },
  );
});

test('MQTT 5 to a broker that knows 3.1.1 alone', async () => {
  await using aedes = await AedesBroker.start();
  await verdict('too-new', at(aedes, { protocolVersion: '5' }), REFUSED, 'protocol_version_refused');
});
