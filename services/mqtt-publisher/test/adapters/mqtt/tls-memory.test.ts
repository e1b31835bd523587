import { TestCertificateAuthority } from '@gatecast/shared/testing';
import { beforeAll, expect, test } from 'vitest';
import { TlsMemory } from '../../../src/adapters/mqtt/tls-memory.ts';

let ca: TestCertificateAuthority;
let client: { certificate: string; key: string };

beforeAll(async () => {
  ca = await TestCertificateAuthority.create();
  client = await ca.issueClient();
});

test('one context for one credential, another for any difference', () => {
  const memory = new TlsMemory();
  const both = { caCertificate: ca.certificate, clientCertificate: client.certificate, clientKey: client.key };
  const trusting = { caCertificate: ca.certificate, clientCertificate: undefined, clientKey: undefined };
  expect(memory.contextOf(both).context).toBe(memory.contextOf({ ...both }).context);
  expect(memory.contextOf(trusting).context).not.toBe(memory.contextOf(both).context);
  expect(memory.contextOf({ ...trusting, caCertificate: undefined }).id).not.toBe(memory.contextOf(trusting).id);
});

test('credentials that cannot be used are not remembered as if they could', () => {
  const memory = new TlsMemory();
  const bad = { caCertificate: 'not a certificate', clientCertificate: undefined, clientKey: undefined };
  expect(() => memory.contextOf(bad)).toThrow();
  expect(() => memory.contextOf(bad)).toThrow();
});

test('a session belongs to credential, host, port and name', () => {
  const memory = new TlsMemory();
  const key = memory.sessionKey('credential', 'broker', 8883, 'broker');
  memory.keepSession(key, Buffer.from('session'));
  expect(memory.sessionOf(memory.sessionKey('credential', 'broker', 8883, 'broker'))?.toString()).toBe('session');
  for (const other of [
    memory.sessionKey('another', 'broker', 8883, 'broker'),
    memory.sessionKey('credential', 'broker2', 8883, 'broker'),
    memory.sessionKey('credential', 'broker', 8884, 'broker'),
    memory.sessionKey('credential', 'broker', 8883, 'other'),
  ]) {
    expect(memory.sessionOf(other)).toBeUndefined();
  }
  memory.forgetSession(key);
  expect(memory.sessionOf(key)).toBeUndefined();
});
