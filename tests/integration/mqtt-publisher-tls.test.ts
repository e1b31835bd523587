import type { IntegrationSettings } from '@gatecast/shared/model';
import {
  FaultableBroker,
  type FaultableBrokerOptions,
  Mosquitto,
  type MosquittoOptions,
  MqttCollector,
  mosquittoOrSkip,
  TestCertificateAuthority,
  waitFor,
} from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deliveredCounters, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';

let fixture: PublisherFixture;
let ca: TestCertificateAuthority;

beforeAll(async () => {
  fixture = await PublisherFixture.start();
  ca = await TestCertificateAuthority.create();
});

afterAll(() => fixture.stop());

const trusted = (more: IntegrationSettings['tls'] = {}) => ({ enabled: true, caCertificate: ca.certificate, ...more });

describe('what a broker sees', () => {
  async function startBroker(tls: FaultableBrokerOptions['tls'] = {}, names: string[] = []): Promise<FaultableBroker> {
    const { certificate, key } = await ca.issueServer(names.length > 0 ? { dnsNames: names, ipAddresses: [] } : {});
    return FaultableBroker.start({ tls: { cert: certificate, key, ...tls } });
  }

  async function deliver(gateway: string, broker: FaultableBroker, mqtt: IntegrationSettings): Promise<void> {
    await fixture.configure(gateway, { host: broker.host, port: broker.port, ...mqtt });
    await fixture.emit(gateway, 10);
    await waitFor(() => deliveredCounters(broker, gateway).length >= 10, { timeoutMs: 10_000 });
    expect(deliveredCounters(broker, gateway)).toEqual(upTo(10));
    await fixture.waitForStatus(gateway, 'MQTT_INFO_NO_ERR');
  }

  test.each(['3.1.1', '5'] as const)('TLS with a CA of its own, MQTT %s', async (protocolVersion) => {
    await using broker = await startBroker();
    await deliver(`ca-${protocolVersion.replaceAll('.', '')}`, broker, { protocolVersion, tls: trusted() });
    expect(broker.connections[0]?.tls).toEqual({ serverName: undefined, commonName: undefined });
  });

  test('a host name is sent as SNI', async () => {
    await using broker = await startBroker({}, ['localhost']);
    await deliver('sni', broker, { host: 'localhost', tls: trusted() });
    expect(broker.connections.at(-1)?.tls?.serverName).toBe('localhost');
  });

  test('serverName: the name that is sent, and checked in the certificate', async () => {
    await using broker = await startBroker({}, ['broker.example']);
    await deliver('server-name', broker, { tls: trusted({ serverName: 'broker.example' }) });
    expect(broker.connections[0]?.tls?.serverName).toBe('broker.example');
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('mutual TLS with a sealed key, %s', async (version) => {
    const gateway = `mutual-${version.replaceAll('.', '')}`;
    await using broker = await startBroker({
      ca: ca.certificate,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: version,
      maxVersion: version,
    });
    const { certificate, key } = await ca.issueClient({ commonName: `client of ${gateway}` });
    await deliver(gateway, broker, {
      tls: trusted({ clientCertificate: certificate }),
      sealed: { 'tls.clientKey': await fixture.sealer.seal(gateway, 'tls.clientKey', key) },
    });
    expect(broker.connections[0]?.tls?.commonName).toBe(`client of ${gateway}`);
  });

  test('a new client certificate is used from the next session on', async () => {
    await using broker = await startBroker({ ca: ca.certificate, requestCert: true });
    const settings = async (commonName: string): Promise<IntegrationSettings> => {
      const { certificate, key } = await ca.issueClient({ commonName });
      const sealed = { 'tls.clientKey': await fixture.sealer.seal('renewed', 'tls.clientKey', key) };
      return { host: broker.host, port: broker.port, tls: trusted({ clientCertificate: certificate }), sealed };
    };
    await fixture.configure('renewed', await settings('old'));
    await waitFor(() => broker.connectedClients.includes('renewed'), { timeoutMs: 10_000 });
    await fixture.configure('renewed', await settings('new'));
    await waitFor(() => broker.connections.length === 2, { timeoutMs: 10_000 });
    expect(broker.connections.map(({ tls }) => tls?.commonName)).toEqual(['old', 'new']);
  });
});

describe.skipIf(mosquittoOrSkip() === undefined)('mosquitto', () => {
  /** Delivers through it and looks as a subscriber. */
  async function deliver(
    gateway: string,
    options: MosquittoOptions,
    mqtt: IntegrationSettings,
    client: NonNullable<Parameters<typeof MqttCollector.start>[0]['client']> = {},
  ): Promise<void> {
    await using broker = await Mosquitto.start(options);
    await fixture.configure(gateway, { host: broker.host, port: broker.port, ...mqtt });
    await using subscriber = await MqttCollector.start({
      url: broker.url,
      filters: [`Aranet/${gateway}/sensors/#`],
      client: { ca: ca.certificate, ...client },
    });
    await fixture.emit(gateway, 10);
    await subscriber.waitForCount(10, { timeoutMs: 15_000 });
    expect(subscriber.messages.map(({ payload }) => Number(payload))).toEqual(upTo(10));
    await fixture.waitForStatus(gateway, 'MQTT_INFO_NO_ERR');
    await fixture.configure(gateway, { enabled: false, host: broker.host });
    await fixture.waitForStatus(gateway, 'MQTT_INFO_DISABLED_BY_USER');
  }

  describe.each(['3.1.1', '5'] as const)('MQTT %s', (protocolVersion) => {
    const version = protocolVersion.replaceAll('.', '');

    test.each([0, 1, 2] as const)('plain, QoS %i', async (qos) => {
      await deliver(`mosquitto-${version}-plain-${qos}`, {}, { protocolVersion, qos });
    });

    test('password', async () => {
      const gateway = `mosquitto-${version}-password`;
      const password = await fixture.sealer.seal(gateway, 'password', 'secret');
      await deliver(
        gateway,
        { users: { alice: 'secret' } },
        { protocolVersion, username: 'alice', sealed: { password } },
        { username: 'alice', password: 'secret' },
      );
    });

    test('TLS', async () => {
      const { certificate, key } = await ca.issueServer();
      const tls = { ca: ca.certificate, certificate, key };
      await deliver(`mosquitto-${version}-tls`, { tls }, { protocolVersion, tls: trusted() });
    });

    test('mutual TLS', async () => {
      const gateway = `mosquitto-${version}-mutual`;
      const server = await ca.issueServer();
      const own = await ca.issueClient({ commonName: gateway });
      await deliver(
        gateway,
        { tls: { ca: ca.certificate, ...server, requireClientCertificate: true } },
        {
          protocolVersion,
          tls: trusted({ clientCertificate: own.certificate }),
          sealed: { 'tls.clientKey': await fixture.sealer.seal(gateway, 'tls.clientKey', own.key) },
        },
        { cert: own.certificate, key: own.key },
      );
    });
  });
});
