import { createHash, createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { fingerprintOfPrivateKey, parseCertificates } from '../../../src/domain/integration/certificates.ts';
import { fingerprintsOf } from '../../../src/domain/integration/fingerprints.ts';
import { type Credentials, issueCredentials } from './credentials.ts';

let credentials: Credentials;

beforeAll(async () => {
  credentials = await issueCredentials();
});

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('parseCertificates', () => {
  it('reads a certificate: fingerprint over its DER, subject, end, and the key that it belongs to', () => {
    const { certificate, key } = credentials.client;
    const parsed = parseCertificates(certificate);
    const x509 = new X509Certificate(certificate);
    expect(parsed).toEqual({
      ok: true,
      value: [
        {
          sha256: sha256(x509.raw),
          subject: 'CN=gateway one',
          notAfter: x509.validToDate.toISOString(),
          keySha256: sha256(createPublicKey(key).export({ type: 'spki', format: 'der' })),
        },
      ],
    });
    expect(x509.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(parsed.ok && parsed.value[0].sha256);
  });

  it('reads several, in order, whatever stands between them', () => {
    const parsed = parseCertificates(`first\n${credentials.ca}\n# and\n${credentials.otherCa}\n`);
    expect(parsed.ok && parsed.value.map(({ subject }) => subject)).toEqual(['CN=Test CA', 'CN=Other CA']);
  });

  it.each([
    ['nothing that is PEM', () => 'hello', /no certificate/],
    ['a broken certificate', () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', /cannot be read/],
    [
      'a broken second one',
      () => `${credentials.ca}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`,
      /number 2/,
    ],
    ['a key beside the certificate', () => credentials.client.certificate + credentials.client.key, /private key/],
    [
      'a certificate request',
      () => '-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----',
      /CERTIFICATE REQUEST where/,
    ],
  ])('refuses %s', (_what, pem, problem) => {
    expect(parseCertificates(pem())).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  });
});

describe('fingerprintOfPrivateKey', () => {
  it.each([
    ['PKCS #8, EC', 'ec', 'pkcs8'],
    ['SEC 1, EC', 'ec', 'sec1'],
    ['PKCS #8, RSA', 'rsa', 'pkcs8'],
    ['PKCS #1, RSA', 'rsa', 'pkcs1'],
  ] as const)('reads %s', (_what, kind, type) => {
    const { publicKey, privateKey } =
      kind === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = privateKey.export({ type, format: 'pem' } as { type: 'pkcs8'; format: 'pem' });
    const expected = sha256(publicKey.export({ type: 'spki', format: 'der' }));
    expect(fingerprintOfPrivateKey(String(pem))).toEqual({ ok: true, value: expected });
  });

  it.each([
    ['one with a passphrase', () => credentials.protectedKey, /passphrase/],
    ['a certificate', () => credentials.client.certificate, /no private key/],
    ['a broken key', () => '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----', /cannot be read/],
  ])('refuses %s, and quotes nothing of it', (_what, pem, problem) => {
    const refused = fingerprintOfPrivateKey(pem());
    expect(refused).toEqual({ ok: false, problem: expect.stringMatching(problem) });
    expect(JSON.stringify(refused)).not.toContain('c2VjcmV0');
  });
});

describe('fingerprintsOf', () => {
  it('shows every CA, the client’s own certificate and the key', () => {
    const { ca, otherCa, client } = credentials;
    const shown = fingerprintsOf({
      tls: { caCertificate: ca + otherCa, clientCertificate: client.certificate + ca },
      clientKeyFingerprint: 'ab12',
    });
    expect(shown.caCertificate?.subject).toBe('CN=Test CA');
    expect(shown.additionalCaCertificates?.map(({ subject }) => subject)).toEqual(['CN=Other CA']);
    expect(shown.clientCertificate).toEqual({
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      subject: 'CN=gateway one',
      notAfter: expect.stringMatching(/Z$/),
    });
    expect(shown.clientKey).toEqual({ sha256: 'ab12' });
  });

  it('is empty without TLS', () => {
    expect(fingerprintsOf({ host: 'broker.example' })).toEqual({});
  });
});
