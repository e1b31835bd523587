import type { IntegrationInput, IntegrationSettings } from '@gatecast/shared/model';
import { beforeAll, describe, expect, it } from 'vitest';
import { fingerprintOfPrivateKey } from '../../../src/domain/integration/certificates.ts';
import { type IntegrationReplacement, replaceIntegration } from '../../../src/domain/integration/change.ts';
import { checkIntegration } from '../../../src/domain/integration/check.ts';
import { type Credentials, issueCredentials } from './credentials.ts';

let credentials: Credentials;

beforeAll(async () => {
  credentials = await issueCredentials();
});

function check(body: IntegrationReplacement, stored: IntegrationSettings = {}) {
  return checkIntegration('gw-1', stored, replaceIntegration(stored, body));
}

function pointers(body: IntegrationReplacement, stored?: IntegrationSettings): string[] {
  return check(body, stored).faults.map(({ pointer }) => pointer);
}

describe('checkIntegration', () => {
  it.each<[string, IntegrationInput]>([
    ['nothing at all', {}],
    ['host alone', { host: 'broker.example' }],
    ['switched off without host', { enabled: false }],
    ['user name without password', { host: 'broker.example', username: 'user' }],
    ['everything plain', { host: '10.0.0.1', port: 1, clientId: 'c', rootTopic: 'a/b', will: { topic: 'x' }, qos: 2 }],
  ])('accepts %s', (_what, body) => {
    expect(check(body).faults).toEqual([]);
  });

  it.each<[string, IntegrationReplacement, string[]]>([
    ['on without host', { enabled: true }, ['/host']],
    ['a host with scheme', { host: 'mqtt://x' }, ['/host']],
    ['a wrong server name', { host: 'x', tls: { enabled: true, serverName: 'a b' } }, ['/tls/serverName']],
    ['a NUL in the user name', { username: 'a\u0000' }, ['/username']],
    ['a NUL in the client id', { clientId: '\u0000' }, ['/clientId']],
    ['wildcards in topics', { rootTopic: 'a/#', will: { topic: '+' } }, ['/rootTopic', '/will/topic']],
    ['a root of the broker’s own', { rootTopic: '$SYS' }, ['/rootTopic']],
    ['a password alone', { password: 'p' }, ['/password']],
    ['a password of too many bytes', { username: 'u', password: 'ä'.repeat(40_000) }, ['/password']],
    ['a CA that is none', { tls: { caCertificate: 'x' } }, ['/tls/caCertificate']],
    ['a key that is none', { tls: { clientKey: 'x' } }, ['/tls/clientCertificate', '/tls/clientKey']],
    [
      'everything at once',
      { host: 'a b', rootTopic: '#', clientId: '\n', enabled: true },
      ['/host', '/clientId', '/rootTopic'],
    ],
  ])('names every fault of %s', (_what, body, expected) => {
    expect(pointers(body).sort()).toEqual([...expected].sort());
  });

  it('accepts a password alone with MQTT 5, and refuses the way back to 3.1.1', () => {
    expect(pointers({ protocolVersion: '5', password: 'p' })).toEqual([]);
    const tokenOnly: IntegrationSettings = { protocolVersion: '5', sealed: { password: 'JWE' } };
    expect(pointers({ protocolVersion: '3.1.1' }, tokenOnly)).toEqual(['/password']);
    expect(pointers({ protocolVersion: '3.1.1', password: null }, tokenOnly)).toEqual([]);
  });

  it('accepts a certificate with its key, and says the key’s fingerprint', () => {
    const { client, ca, otherCa } = credentials;
    const tls = {
      enabled: true,
      caCertificate: ca + otherCa,
      clientCertificate: client.certificate,
      clientKey: client.key,
    };
    const checked = check({ host: 'x', tls });
    expect(checked.faults).toEqual([]);
    expect(fingerprintOfPrivateKey(client.key)).toEqual({ ok: true, value: checked.clientKeyFingerprint });
  });

  it('accepts an expired certificate: the broker decides', () => {
    const { expiredClient } = credentials;
    expect(pointers({ tls: { clientCertificate: expiredClient.certificate, clientKey: expiredClient.key } })).toEqual(
      [],
    );
  });

  it('accepts a chain whose first certificate is the client’s, and no other order', () => {
    const { client, ca } = credentials;
    expect(pointers({ tls: { clientCertificate: client.certificate + ca, clientKey: client.key } })).toEqual([]);
    expect(pointers({ tls: { clientCertificate: ca + client.certificate, clientKey: client.key } })).toEqual([
      '/tls/clientCertificate',
    ]);
  });

  it('wants certificate and key together', () => {
    const { client } = credentials;
    expect(pointers({ tls: { clientCertificate: client.certificate } })).toEqual(['/tls/clientKey']);
    expect(pointers({ tls: { clientKey: client.key } })).toEqual(['/tls/clientCertificate']);
  });

  it('refuses a certificate of another key', () => {
    const { client, otherClient } = credentials;
    const body = { tls: { clientCertificate: client.certificate, clientKey: otherClient.key } };
    expect(pointers(body)).toEqual(['/tls/clientCertificate']);
  });

  it('checks a new certificate against the stored key, which it cannot open', () => {
    const { client, otherClient, expiredClient } = credentials;
    const key = fingerprintOfPrivateKey(client.key);
    const stored: IntegrationSettings = {
      tls: { clientCertificate: client.certificate },
      sealed: { 'tls.clientKey': 'JWE' },
      clientKeyFingerprint: key.ok ? key.value : '',
    };
    expect(check({ tls: { clientCertificate: client.certificate } }, stored)).toEqual({
      faults: [],
      clientKeyFingerprint: stored.clientKeyFingerprint,
    });
    const { faults } = check({ tls: { clientCertificate: otherClient.certificate } }, stored);
    expect(faults).toEqual([{ pointer: '/tls/clientCertificate', message: expect.stringContaining('the stored') }]);
    const renewed = { tls: { clientCertificate: expiredClient.certificate, clientKey: expiredClient.key } };
    expect(pointers(renewed, stored)).toEqual([]);
  });

  it('forgets the fingerprint with the key', () => {
    const stored: IntegrationSettings = { sealed: { 'tls.clientKey': 'JWE' }, clientKeyFingerprint: 'ab' };
    expect(check({ tls: { clientKey: null } }, stored).clientKeyFingerprint).toBeUndefined();
  });
});
