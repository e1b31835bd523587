import { generateKeyPairSync } from 'node:crypto';
import { expired, type IssuedCertificate, TestCertificateAuthority } from '@gatecast/shared/testing';

export interface Credentials {
  ca: string;
  otherCa: string;
  client: IssuedCertificate;
  otherClient: IssuedCertificate;
  expiredClient: IssuedCertificate;
  /** PKCS #1 with a passphrase. */
  protectedKey: string;
}

/** Certificates and keys for the tests of one file. */
export async function issueCredentials(): Promise<Credentials> {
  const ca = await TestCertificateAuthority.create('Test CA');
  const otherCa = await TestCertificateAuthority.create('Other CA');
  const { privateKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' },
  });
  return {
    ca: ca.certificate,
    otherCa: otherCa.certificate,
    client: await ca.issueClient({ commonName: 'gateway one' }),
    otherClient: await ca.issueClient({ commonName: 'gateway two' }),
    expiredClient: await ca.issueClient({ commonName: 'gateway old', ...expired() }),
    protectedKey: privateKey,
  };
}
