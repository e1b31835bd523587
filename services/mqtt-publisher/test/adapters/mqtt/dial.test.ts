import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { systemClock } from '@gatecast/shared/lifecycle';
import { TestCertificateAuthority } from '@gatecast/shared/testing';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AddressPolicy } from '../../../src/adapters/mqtt/address-policy.ts';
import { DialError, type DialMeans, dial } from '../../../src/adapters/mqtt/dial.ts';
import { TlsMemory } from '../../../src/adapters/mqtt/tls-memory.ts';
import { BrokerNames } from '../../../src/application/broker-names.ts';
import { Slots } from '../../../src/application/slots.ts';
import { desiredSession, type SessionSettings } from '../../../src/domain/session-settings.ts';

const { signal: never } = new AbortController();
const noNames = { lookup: async () => ['127.0.0.1'], query: async () => ['127.0.0.1'] };

let ca: TestCertificateAuthority;
const open: { close(): void }[] = [];

beforeAll(async () => {
  ca = await TestCertificateAuthority.create();
});

afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function means(handshakes = 8, allowed = '127.0.0.0/8'): DialMeans {
  const names = { maxLookups: 2, cacheMs: 5_000, patienceMs: 1_000, clock: systemClock };
  return {
    policy: new AddressPolicy(allowed),
    names: new BrokerNames(noNames, names),
    tls: new TlsMemory(),
    handshakes: new Slots(handshakes),
    timeouts: { connectMs: 5_000, tlsMs: 5_000 },
  };
}

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return (server.address() as AddressInfo).port;
}

async function tlsBroker(): Promise<number> {
  const { certificate, key } = await ca.issueServer();
  return listen(createTlsServer({ cert: certificate, key }, (socket) => void socket.write('x')));
}

function settings(port: number, host = '127.0.0.1'): SessionSettings {
  const mqtt = { host, port, tls: { enabled: true, caCertificate: ca.certificate } };
  const common = { workspace: 'acme', fleet: 'default', incarnation: 'i', createdAt: '', ingestTokenHash: '' };
  const { settings: found } = desiredSession({ gatewayId: 'gw-1', ...common, mqtt }, 1);
  if (!found) throw new Error('no session');
  return found;
}

async function connect(port: number, all: DialMeans): Promise<TLSSocket> {
  const socket = (await dial(settings(port), undefined, all, never)) as TLSSocket;
  open.push({ close: () => socket.destroy() });
  // TLS 1.3 hands the session out after the handshake.
  await new Promise((resolve) => socket.once('data', resolve));
  return socket;
}

describe('TLS', () => {
  test('a second connection resumes the session of the first, where everything is the same', async () => {
    const port = await tlsBroker();
    const all = means();
    expect((await connect(port, all)).isSessionReused()).toBe(false);
    expect((await connect(port, all)).isSessionReused()).toBe(true);
    expect((await connect(port, means())).isSessionReused()).toBe(false);
  });

  test('brokers that do not answer the handshake keep nobody from theirs', async () => {
    const mute = await listen(createServer());
    const port = await tlsBroker();
    const all = means(1);
    const over = new AbortController();
    const hung = dial(settings(mute), undefined, all, over.signal).catch((error: unknown) => error);
    const socket = await connect(port, all);
    expect(socket.encrypted).toBe(true);
    over.abort();
    expect(await hung).toBeInstanceOf(DialError);
    expect(all.handshakes.waiting).toBe(0);
  });
});

test('the policy is asked about the address that a name leads to, also when that is remembered', async () => {
  const port = await listen(createServer());
  const all = means(8, '');
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const error = await dial(settings(port, 'broker.example'), undefined, all, never).catch((cause: unknown) => cause);
    expect((error as DialError).failure).toEqual({ phase: 'policy', address: '127.0.0.1' });
  }
});

test('a name that the operator trusts may lead to a private address, and no other name to the same', async () => {
  const port = await tlsBroker();
  const trusting = { ...means(8, ''), policy: new AddressPolicy('', 'broker.brokers.svc') };
  // The certificate is for another name: whoever says so has been connected to.
  const seen = async (host: string) => {
    const error = await dial(settings(port, host), undefined, trusting, never).catch((cause: unknown) => cause);
    return (error as DialError).failure.phase;
  };
  expect(await seen('Broker.brokers.svc')).toBe('tls');
  expect(await seen('other.brokers.svc')).toBe('policy');
});
