import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';

export interface CertificateFacts {
  /** SHA-256 over the DER, hex. */
  sha256: string;
  subject: string;
  /** ISO 8601. */
  notAfter: string;
}

export interface ParsedCertificate extends CertificateFacts {
  /** SHA-256 over the SPKI of its key, hex: equal to that of the private key that it was issued for. */
  keySha256: string;
}

/** What PEM text holds, or why it cannot be used: a sentence that never quotes the text. */
export type PemResult<T> = { ok: true; value: T } | { ok: false; problem: string };

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/** Every certificate of `pem`, in order: one, a chain, or a set of CAs. */
export function parseCertificates(pem: string): PemResult<[ParsedCertificate, ...ParsedCertificate[]]> {
  const blocks = [...pem.matchAll(PEM_BLOCK)];
  if (blocks.some(([, label]) => label?.includes('PRIVATE KEY'))) {
    // What stands here is shown to everybody who may read the settings.
    return refused('holds a private key, which belongs into tls.clientKey alone');
  }
  const parsed: ParsedCertificate[] = [];
  for (const [index, [block, label]] of blocks.entries()) {
    if (label !== 'CERTIFICATE') return refused(`holds a ${label} where a CERTIFICATE is expected`);
    const certificate = readCertificate(block);
    if (!certificate) return refused(`has a certificate that cannot be read (number ${index + 1})`);
    parsed.push(certificate);
  }
  const [first, ...others] = parsed;
  return first ? { ok: true, value: [first, ...others] } : refused('holds no certificate in PEM form');
}

/** The SHA-256, hex, over the SPKI of the private key in `pem`. */
export function fingerprintOfPrivateKey(pem: string): PemResult<string> {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    return refused('is protected by a passphrase: store it without one, it is sealed here');
  }
  if (!/-----BEGIN ([A-Z0-9]+ )?PRIVATE KEY-----/.test(pem)) return refused('holds no private key in PEM form');
  try {
    return { ok: true, value: fingerprintOfKey(createPublicKey(createPrivateKey(pem))) };
  } catch {
    // The library's message is left out: whatever it says is about a secret.
    return refused('cannot be read as a private key');
  }
}

export function factsOf({ sha256, subject, notAfter }: ParsedCertificate): CertificateFacts {
  return { sha256, subject, notAfter };
}

function readCertificate(pem: string): ParsedCertificate | undefined {
  try {
    const certificate = new X509Certificate(pem);
    return {
      sha256: createHash('sha256').update(certificate.raw).digest('hex'),
      // One attribute a line in the library's form.
      subject: (certificate.subject ?? '').split('\n').join(', '),
      notAfter: certificate.validToDate.toISOString(),
      keySha256: fingerprintOfKey(certificate.publicKey),
    };
  } catch {
    return undefined;
  }
}

function fingerprintOfKey(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

function refused(problem: string): { ok: false; problem: string } {
  return { ok: false, problem };
}
