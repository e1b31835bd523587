import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type IssuedCertificate, TestCertificateAuthority } from '../../src/testing/certificates.ts';
import { Mosquitto, type MosquittoOptions, mosquittoOrSkip } from '../../src/testing/mosquitto.ts';
import { MqttCollector } from '../../src/testing/mqtt-collector.ts';
import { connectClient, connectError } from './mqtt-js.ts';

const binary = mosquittoOrSkip();

async function start(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const broker = await Mosquitto.start(options);
  onTestFinished(() => broker.stop());
  return broker;
}

async function publish(broker: Mosquitto, topic: string, payload: string): Promise<void> {
  const { client } = await connectClient(broker.url);
  await client.publishAsync(topic, payload, { qos: 1, retain: true });
  await client.endAsync();
}

async function retained(broker: Mosquitto): Promise<string[]> {
  await publish(broker, 'end', 'x');
  await using collector = await MqttCollector.start({ url: broker.url });
  await collector.waitFor(({ topic }) => topic === 'end');
  return collector.messages.map(({ topic }) => topic).filter((topic) => topic !== 'end');
}

describe.skipIf(binary === undefined)('Mosquitto', () => {
  it('lets in named users only', async () => {
    const broker = await start({ users: { 'gw-1': 'secret', 'gw-2': 'other' } });
    await connectClient(broker.url, { username: 'gw-1', password: 'secret' });
    await connectClient(broker.url, { username: 'gw-2', password: 'other' });
    expect((await connectError(broker.url, { username: 'gw-1', password: 'other' })).code).toBe(5);
    expect((await connectError(broker.url)).code).toBe(5);
  });

  it('obeys an ACL', async () => {
    const broker = await start({ acl: 'topic readwrite open/#\n' });
    const { client } = await connectClient(broker.url, { protocolVersion: 5 });
    await client.publishAsync('open/a', 'x', { qos: 1 });
    await expect(client.publishAsync('closed/a', 'x', { qos: 1 })).rejects.toMatchObject({ code: 0x87 });
  });

  it('tells MQTT 5 clients its Receive Maximum', async () => {
    const broker = await start({ maxInflightMessages: 3 });
    const { connack } = await connectClient(broker.url, { protocolVersion: 5 });
    expect(connack.properties?.receiveMaximum).toBe(3);
  });

  it('takes further lines of configuration', async () => {
    const broker = await start({ config: 'max_qos 1' });
    const { connack } = await connectClient(broker.url, { protocolVersion: 5 });
    expect(connack.properties?.maximumQoS).toBe(1);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'forgets everything in a restart by %s without persistence',
    async (signal) => {
      const broker = await start();
      const { port } = broker;
      await publish(broker, 'kept', 'x');
      await broker.restart({ signal });
      expect(broker.port).toBe(port);
      expect(await retained(broker)).toEqual([]);
    },
  );

  it.each(['SIGTERM', 'SIGKILL'] as const)('remembers through a restart by %s with persistence', async (signal) => {
    const broker = await start({ persistence: true });
    await publish(broker, 'kept', 'x');
    await broker.restart({ signal });
    expect(await retained(broker)).toEqual(['kept']);
    await broker.restart({ wipe: true });
    expect(await retained(broker)).toEqual([]);
  });

  it('comes back after it was killed', async () => {
    const broker = await start();
    await broker.kill();
    expect((await connectError(broker.url)).code).toBe('ECONNREFUSED');
    await broker.restart();
    await connectClient(broker.url);
  });

  it('says what mosquitto said when it does not start', async () => {
    await expect(Mosquitto.start({ config: 'no_such_setting 1' })).rejects.toThrow(/no_such_setting/);
  });

  it('stops in time, also when it hangs', async () => {
    const broker = await start();
    await broker.pause();
    const begin = performance.now();
    await broker.stop();
    expect(performance.now() - begin).toBeLessThan(5_000);
    await broker.stop();
  });

  describe('with TLS', () => {
    let ca: TestCertificateAuthority;
    let server: IssuedCertificate;

    beforeAll(async () => {
      ca = await TestCertificateAuthority.create();
      server = await ca.issueServer();
    });

    it('shows its certificate', async () => {
      const broker = await start({ tls: { ca: ca.certificate, ...server } });
      await connectClient(broker.url, { ca: ca.certificate });
      expect((await connectError(broker.url)).code).toBe('SELF_SIGNED_CERT_IN_CHAIN');
    });

    it('asks for a client certificate', async () => {
      const broker = await start({ tls: { ca: ca.certificate, ...server, requireClientCertificate: true } });
      const { certificate: cert, key } = await ca.issueClient();
      await connectClient(broker.url, { ca: ca.certificate, cert, key });
      expect((await connectError(broker.url, { ca: ca.certificate })).code).toMatch(/^(ERR_SSL|ECONNRESET)/);
    });
  });
});

describe('mosquittoOrSkip', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it('says why tests are skipped', () => {
    vi.stubEnv('MOSQUITTO_BIN', '/no/such/mosquitto');
    vi.stubEnv('GATECAST_REQUIRE_BROKERS', '');
    const printed: string[] = [];
    expect(mosquittoOrSkip((reason) => printed.push(reason))).toBeUndefined();
    expect(printed).toEqual([expect.stringContaining('mosquitto is not installed')]);
  });

  it('skips nothing where all brokers are required', () => {
    vi.stubEnv('MOSQUITTO_BIN', '/no/such/mosquitto');
    vi.stubEnv('GATECAST_REQUIRE_BROKERS', '1');
    expect(() => mosquittoOrSkip()).toThrow(expect.objectContaining({ code: 'BINARY_NOT_FOUND' }));
  });
});
