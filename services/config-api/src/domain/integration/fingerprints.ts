import type { IntegrationSettings } from '@gatecast/shared/model';
import { withoutUndefined } from '../without-undefined.ts';
import { type CertificateFacts, factsOf, parseCertificates } from './certificates.ts';

export interface Fingerprints {
  /** The first CA of `tls.caCertificate` … */
  caCertificate?: CertificateFacts;
  /** … and those after it. */
  additionalCaCertificates?: CertificateFacts[];
  clientCertificate?: CertificateFacts;
  /** SHA-256 over the SPKI, hex. */
  clientKey?: { sha256: string };
}

/** What can be shown of certificates and of a key that nobody may read. */
export function fingerprintsOf({ tls, clientKeyFingerprint }: IntegrationSettings): Fingerprints {
  const cas = readAll(tls?.caCertificate);
  const [client] = readAll(tls?.clientCertificate);
  return withoutUndefined({
    caCertificate: cas[0],
    additionalCaCertificates: cas.length > 1 ? cas.slice(1) : undefined,
    clientCertificate: client,
    clientKey: clientKeyFingerprint === undefined ? undefined : { sha256: clientKeyFingerprint },
  });
}

function readAll(pem: string | undefined): CertificateFacts[] {
  if (pem === undefined) return [];
  const parsed = parseCertificates(pem);
  return parsed.ok ? parsed.value.map(factsOf) : [];
}
