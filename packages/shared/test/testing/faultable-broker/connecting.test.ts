import { describe, expect, it, vi } from 'vitest';
import { expired, TestCertificateAuthority } from '../../../src/testing/certificates.ts';
import { fromClient } from '../../../src/testing/faultable-broker/faults.ts';
import { waitFor } from '../../../src/testing/wait-for.ts';
import { closed, connectClient, connectError, createClient } from '../mqtt-js.ts';
import { RawMqttClient } from '../raw-mqtt-client.ts';
import { startBroker } from './start-broker.ts';

describe.each([4, 5] as const)('connecting, protocol level %i', (protocolVersion) => {
  it('can be left without CONNACK', async () => {
    const broker = await startBroker();
    broker.faults.withholdConnack = fromClient('hung');
    const error = connectError(broker.url, { clientId: 'hung', protocolVersion, connectTimeout: 50 });
    await connectClient(broker.url, { clientId: 'fine', protocolVersion });
    expect((await error).message).toMatch(/connack timeout/);
    expect(broker.connects.map(({ clientId }) => clientId)).toEqual(['hung', 'fine']);
  });

  it.each(protocolVersion === 4 ? [1, 2, 3, 4, 5] : [0x80, 0x84, 0x86, 0x87, 0x88, 0x97, 0x9f])(
    'can be refused with CONNACK %i',
    async (code) => {
      const broker = await startBroker();
      broker.faults.connackCode = ({ clientId }) => (clientId === 'refused' ? code : undefined);
      expect((await connectError(broker.url, { clientId: 'refused', protocolVersion })).code).toBe(code);
      await waitFor(() => broker.connections[0]?.closedAt !== undefined);
      await connectClient(broker.url, { clientId: 'fine', protocolVersion });
      expect(broker.connectedClients).toEqual(['fine']);
    },
  );

  it('can depend on credentials', async () => {
    const broker = await startBroker({
      authenticate: ({ packet }) => (packet.username === 'banned' ? 5 : packet.password?.toString() === 'secret'),
    });
    await connectClient(broker.url, { protocolVersion, username: 'gw', password: 'secret' });
    const wrong = await connectError(broker.url, { protocolVersion, username: 'gw', password: 'wrong' });
    expect(wrong.code).toBe(protocolVersion === 5 ? 0x86 : 4);
    expect((await connectError(broker.url, { protocolVersion, username: 'banned', password: 'x' })).code).toBe(5);
  });

  it('ends for the former connection when the client id connects again', async () => {
    const broker = await startBroker();
    const first = await connectClient(broker.url, { clientId: 'same', protocolVersion });
    const end = closed(first.client);
    await connectClient(broker.url, { clientId: 'same', protocolVersion });
    expect(await end).toBe(protocolVersion === 5 ? 0x8e : undefined);
    expect(broker.connections.map(({ closeReason }) => closeReason)).toEqual(['taken over', undefined]);
  });

  it('ends when the broker wants it to, with its reason in MQTT 5', async () => {
    const broker = await startBroker();
    const one = await connectClient(broker.url, { clientId: 'one', protocolVersion });
    await connectClient(broker.url, { clientId: 'two', protocolVersion });
    const end = closed(one.client);
    broker.disconnect(0x98, ({ clientId }) => clientId === 'one');
    expect(await end).toBe(protocolVersion === 5 ? 0x98 : undefined);
    expect(broker.connectedClients).toEqual(['two']);
  });

  it('without a client id is possible for a clean session', async () => {
    const broker = await startBroker();
    const anonymous = { clientId: '', protocolVersion, clean: true } as const;
    const { client, connack } = await RawMqttClient.connect(broker.port, anonymous);
    const [assigned] = broker.connectedClients;
    expect(assigned).toMatch(/^\S{20,}$/);
    if (protocolVersion === 5) expect(connack.properties?.assignedClientIdentifier).toBe(assigned);
    client.drop();
  });

  it('gets through after a restart, with or without the session', async () => {
    const broker = await startBroker();
    const { port } = broker;
    const session = { clientId: 'gw', protocolVersion, clean: false, properties: { sessionExpiryInterval: 60 } };
    const options = protocolVersion === 5 ? session : { ...session, properties: {} };
    const first = await connectClient(broker.url, options);
    const end = closed(first.client);
    await broker.restart();
    await end;
    expect(broker.port).toBe(port);
    const second = await connectClient(broker.url, options);
    expect(second.connack.sessionPresent).toBe(true);
    await broker.restart({ keepSessions: false });
    const third = await connectClient(broker.url, options);
    expect(third.connack.sessionPresent).toBe(false);
  });
});

describe('a client id', () => {
  it('is needed for an MQTT 3.1.1 session that is kept', async () => {
    const broker = await startBroker();
    const client = await RawMqttClient.open(broker.port, 4);
    client.sendBytes(Buffer.from('\x10\x0c\x00\x04MQTT\x04\x00\x00\x00\x00\x00')); // MQTT.js knows better
    expect((await client.next('connack')).returnCode).toBe(2);
    await client.waitForClose();
  });

  it('can be assigned', async () => {
    const broker = await startBroker({ capabilities: { assignedClientIdentifier: 'assigned-1' } });
    const { client, connack } = await RawMqttClient.connect(broker.port, { clientId: '', protocolVersion: 5 });
    expect(connack.properties?.assignedClientIdentifier).toBe('assigned-1');
    expect(broker.connectedClients).toEqual(['assigned-1']);
    client.drop();
  });
});

describe('an MQTT 5 session', () => {
  it('ends with its connection unless it has an expiry, and when that is over', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const broker = await startBroker();
      const options = { clientId: 'gw', protocolVersion: 5, clean: false } as const;
      const present = async (sessionExpiryInterval: number) => {
        const { client, connack } = await connectClient(broker.url, {
          ...options,
          properties: { sessionExpiryInterval },
        });
        await client.endAsync();
        await waitFor(() => broker.connectedClients.length === 0);
        return connack.sessionPresent;
      };
      expect(await present(0)).toBe(false);
      expect(await present(100)).toBe(false);
      expect(await present(100)).toBe(true);
      vi.advanceTimersByTime(101_000);
      expect(await present(100)).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('TLS', () => {
  it('shows what the client asked for and who it is', async () => {
    const ca = await TestCertificateAuthority.create();
    const server = await ca.issueServer({ dnsNames: ['broker.test'] });
    const broker = await startBroker({
      tls: {
        cert: server.certificate,
        key: server.key,
        ca: ca.certificate,
        requestCert: true,
        rejectUnauthorized: true,
      },
    });
    const { certificate: cert, key } = await ca.issueClient({ commonName: 'gw-1' });
    expect(broker.url).toMatch(/^mqtts:/);
    await connectClient(broker.url, { ca: ca.certificate, cert, key, servername: 'broker.test' });
    expect(broker.connections[0]?.tls).toEqual({ serverName: 'broker.test', commonName: 'gw-1' });
    await connectError(broker.url, { ca: ca.certificate, servername: 'broker.test' });
    await waitFor(() => broker.tlsErrors.length === 1);
    expect(broker.connects).toHaveLength(1);
  });

  it('fails with a certificate that has expired', async () => {
    const ca = await TestCertificateAuthority.create();
    const server = await ca.issueServer(expired());
    const broker = await startBroker({ tls: { cert: server.certificate, key: server.key } });
    expect((await connectError(broker.url, { ca: ca.certificate })).code).toBe('CERT_HAS_EXPIRED');
    await waitFor(() => broker.tlsErrors.length === 1);
  });
});

describe('stopping', () => {
  it('ends in time, with clients connected, hung and in mid-handshake, and publishes no will', async () => {
    const ca = await TestCertificateAuthority.create();
    const server = await ca.issueServer();
    const broker = await startBroker({ tls: { cert: server.certificate, key: server.key } });
    const will = { topic: 'status', payload: Buffer.from('offline') };
    const { client } = await connectClient(broker.url, { ca: ca.certificate, will });
    broker.faults.withholdConnack = true;
    createClient(broker.url, { ca: ca.certificate });
    await broker.waitForConnect((connect) => connect.connection === 2);
    const handshaking = await RawMqttClient.open(broker.port, 4);
    const start = performance.now();
    await broker.stop();
    expect(performance.now() - start).toBeLessThan(1_000);
    await handshaking.waitForClose();
    await waitFor(() => !client.connected);
    expect(broker.messages).toEqual([]);
    expect((await connectError(broker.url)).code).toBe('ECONNREFUSED');
    await broker.stop();
  });
});
