import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IntegrationSettings, StatusRecord } from '@gatecast/shared/model';
import {
  expired,
  FaultableBroker,
  type IssuedCertificate,
  Mosquitto,
  mosquittoOrSkip,
  type ServerCertificateOptions,
  TempDir,
  TestCertificateAuthority,
} from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PublisherFixture } from './support/publisher-fixture.ts';

const REFUSED = 'MQTT_ERROR_CONN_REFUSED';
const AUTH = 'MQTT_ERROR_AUTH_FAILED';
const UNREACHABLE = 'MQTT_ERROR_HOST_UNREACHABLE';
const tomorrow = () => ({ notBefore: new Date(Date.now() + 86_400_000), notAfter: new Date(Date.now() + 172_800_000) });

let fixture: PublisherFixture;
let ca: TestCertificateAuthority;
let otherCa: TestCertificateAuthority;

beforeAll(async () => {
  fixture = await PublisherFixture.start();
  ca = await TestCertificateAuthority.create();
  otherCa = await TestCertificateAuthority.create('another CA');
});

afterAll(() => fixture.stop());

async function brokerWith(options: ServerCertificateOptions = {}, issuer = ca): Promise<FaultableBroker> {
  const { certificate, key } = await issuer.issueServer(options);
  return FaultableBroker.start({ tls: { cert: certificate, key } });
}

const at = ({ host, port }: { host: string; port: number }, tls: IntegrationSettings['tls'] = {}) => ({
  host,
  port,
  tls: { enabled: true, caCertificate: ca.certificate, ...tls },
});

async function verdict(
  gateway: string,
  mqtt: IntegrationSettings,
  code: string,
  reason: string,
): Promise<StatusRecord> {
  await fixture.configure(gateway, mqtt);
  return fixture.waitForStatus(gateway, code, reason);
}

describe("the broker's certificate", () => {
  test('of an unknown CA', async () => {
    await using broker = await brokerWith({}, otherCa);
    const status = await verdict('unknown-ca', at(broker), UNREACHABLE, 'tls_untrusted_ca');
    expect(status.class).toBe('user');
    await fixture.configure('unknown-ca', at(broker, { caCertificate: otherCa.certificate }));
    await fixture.waitForStatus('unknown-ca', 'MQTT_INFO_NO_ERR');
  });

  test('of a CA that is not a public one, and none is given', async () => {
    await using broker = await brokerWith();
    const mqtt = { host: broker.host, port: broker.port, tls: { enabled: true } };
    await verdict('public-ca', mqtt, UNREACHABLE, 'tls_untrusted_ca');
  });

  test('for another name', async () => {
    await using broker = await brokerWith({ dnsNames: ['other.example'], ipAddresses: ['10.0.0.1'] });
    const status = await verdict('wrong-name', at(broker), UNREACHABLE, 'tls_wrong_name');
    expect(status.class).toBe('user');
    await verdict('wrong-server-name', at(broker, { serverName: 'third.example' }), UNREACHABLE, 'tls_wrong_name');
  });

  test('expired', async () => {
    await using broker = await brokerWith(expired());
    const status = await verdict('expired', at(broker), UNREACHABLE, 'tls_expired');
    expect(status.class).toBe('remote');
  });

  test('not valid yet', async () => {
    await using broker = await brokerWith(tomorrow());
    await verdict('not-yet', at(broker), UNREACHABLE, 'tls_expired');
  });
});

describe('no TLS in common', () => {
  test('without TLS to a TLS port', async () => {
    await using broker = await brokerWith();
    await fixture.configure('plain-to-tls', { host: broker.host, port: broker.port });
    const { reason } = await fixture.waitForStatus('plain-to-tls', REFUSED);
    expect(['not_mqtt', 'closed_before_connack']).toContain(reason);
  });

  test('a broker that speaks older versions alone', async () => {
    const { certificate, key } = await ca.issueServer();
    await using broker = await FaultableBroker.start({
      tls: { cert: certificate, key, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    });
    const status = await verdict('old-tls', at(broker), UNREACHABLE, 'tls_failed');
    expect(status.class).toBe('remote');
  });
});

describe('credentials that cannot be used', () => {
  async function withKey(gateway: string, { certificate, key }: IssuedCertificate): Promise<IntegrationSettings> {
    const sealed = { 'tls.clientKey': await fixture.sealer.seal(gateway, 'tls.clientKey', key) };
    return { ...at({ host: '127.0.0.1', port: 1 }, { clientCertificate: certificate }), sealed };
  }

  test('a key of another certificate', async () => {
    const [one, other] = [await ca.issueClient(), await ca.issueClient()];
    const mqtt = await withKey('wrong-key', { certificate: one.certificate, key: other.key });
    const status = await verdict('wrong-key', mqtt, AUTH, 'credentials_invalid');
    expect(status.class).toBe('user');
    expect(status.message).not.toContain('PRIVATE');
  });

  test('a certificate that is none', async () => {
    const { key } = await ca.issueClient();
    await verdict('garbage', await withKey('garbage', { certificate: 'garbage', key }), AUTH, 'credentials_invalid');
  });

  test('a CA that is none', async () => {
    const mqtt = at({ host: '127.0.0.1', port: 1 }, { caCertificate: 'garbage' });
    await verdict('garbage-ca', mqtt, AUTH, 'credentials_invalid');
  });
});

describe.skipIf(mosquittoOrSkip() === undefined)('a broker that demands a client certificate', () => {
  let dir: TempDir;

  beforeAll(async () => {
    dir = await TempDir.create('openssl');
  });

  afterAll(() => dir.remove());

  /** mosquitto can only be given a lowest version; its OpenSSL takes a highest one. */
  async function mosquitto(version: string): Promise<Mosquitto> {
    const conf = join(dir.path, `${version}.cnf`);
    await writeFile(
      conf,
      `openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = ${version}\n`,
    );
    const server = await ca.issueServer();
    return Mosquitto.start({
      tls: { ca: ca.certificate, ...server, requireClientCertificate: true },
      env: { OPENSSL_CONF: conf },
    });
  }

  async function withCertificate(gateway: string, own: IssuedCertificate, broker: Mosquitto) {
    const sealed = { 'tls.clientKey': await fixture.sealer.seal(gateway, 'tls.clientKey', own.key) };
    return { ...at(broker, { clientCertificate: own.certificate }), sealed };
  }

  test.each(['TLSv1.2', 'TLSv1.3'])('and gets none, %s', async (version) => {
    await using broker = await mosquitto(version);
    const gateway = `client-none-${version.replace('.', '')}`;
    const status = await verdict(gateway, at(broker), AUTH, 'client_certificate_required');
    expect(status.class).toBe('user');
  });

  test.each(['TLSv1.2', 'TLSv1.3'])('and does not trust its CA, %s', async (version) => {
    await using broker = await mosquitto(version);
    const gateway = `client-ca-${version.replace('.', '')}`;
    const mqtt = await withCertificate(gateway, await otherCa.issueClient(), broker);
    const status = await verdict(gateway, mqtt, AUTH, 'client_certificate_refused');
    expect(status.class).toBe('user');
  });

  test.each(['TLSv1.2', 'TLSv1.3'])('and gets an expired one, %s', async (version) => {
    await using broker = await mosquitto(version);
    const gateway = `client-expired-${version.replace('.', '')}`;
    const mqtt = await withCertificate(gateway, await ca.issueClient(expired()), broker);
    await verdict(gateway, mqtt, AUTH, 'client_certificate_refused');
  });
});
