import { webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';

export interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface Validity {
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: tomorrow. */
  readonly notAfter?: Date;
}

export interface ServerCertificateOptions extends Validity {
  readonly commonName?: string;
  /** Default `['localhost']`. */
  readonly dnsNames?: readonly string[];
  /** Default `['127.0.0.1']`. */
  readonly ipAddresses?: readonly string[];
}

export interface ClientCertificateOptions extends Validity {
  /** Default `test-client`. */
  readonly commonName?: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** The validity of a certificate that ended yesterday. */
export function expired(): Required<Validity> {
  return { notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) };
}

/** A certificate authority for one test: what another one issues is, to it, from an unknown CA. All keys are P-256. */
export class TestCertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly #root: X509.X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(root: X509.X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#root = root;
    this.#keys = keys;
    this.certificate = root.toString('pem');
  }

  static async create(commonName = 'Gatecast test CA'): Promise<TestCertificateAuthority> {
    const x509 = await loadX509();
    const keys = await generateKeys();
    const root = await x509.X509CertificateGenerator.createSelfSigned({
      name: [{ CN: [commonName] }],
      keys,
      signingAlgorithm: SIGNING_ALGORITHM,
      ...validity({}),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new TestCertificateAuthority(root, keys);
  }

  /** For a broker that is reached under the given names. */
  async issueServer(options: ServerCertificateOptions = {}): Promise<IssuedCertificate> {
    const { commonName = 'test-broker', dnsNames = ['localhost'], ipAddresses = ['127.0.0.1'] } = options;
    const names = [
      ...dnsNames.map((value) => ({ type: 'dns' as const, value })),
      ...ipAddresses.map((value) => ({ type: 'ip' as const, value })),
    ];
    return await this.#issue(commonName, 'serverAuth', options, names);
  }

  /** For a client that proves itself with it (mutual TLS). */
  async issueClient(options: ClientCertificateOptions = {}): Promise<IssuedCertificate> {
    return await this.#issue(options.commonName ?? 'test-client', 'clientAuth', options, []);
  }

  async #issue(
    commonName: string,
    purpose: 'serverAuth' | 'clientAuth',
    period: Validity,
    names: X509.JsonGeneralNames,
  ): Promise<IssuedCertificate> {
    const x509 = await loadX509();
    const keys = await generateKeys();
    const issued = await x509.X509CertificateGenerator.create({
      subject: [{ CN: [commonName] }],
      issuer: this.#root.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: SIGNING_ALGORITHM,
      ...validity(period),
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[purpose]]),
        await x509.AuthorityKeyIdentifierExtension.create(this.#keys.publicKey),
        ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      ],
    });
    const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
    return { certificate: issued.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
  }
}

/** Loaded when first used: it takes a quarter of a second, and most tests need no certificate. */
async function loadX509(): Promise<typeof X509> {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify']);
}

function validity(period: Validity): Required<Validity> {
  return {
    notBefore: period.notBefore ?? new Date(Date.now() - HOUR_MS),
    notAfter: period.notAfter ?? new Date(Date.now() + DAY_MS),
  };
}
