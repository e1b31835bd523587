import { createHash, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';

/** What a TLS client shows, and whom it trusts. All PEM. */
export interface TlsCredentials {
  caCertificate: string | undefined;
  clientCertificate: string | undefined;
  clientKey: string | undefined;
}

/** Contexts and sessions kept. A context with a client's key takes some 30 KiB. */
const MAX_CONTEXTS = 1_000;
const MAX_SESSIONS = 10_000;
/** A resumed session skips the check of the broker's certificate: it is not to do so for long. */
const SESSION_TTL_MS = 3_600_000;

/**
 * TLS contexts by credential, since parsing certificates costs milliseconds and many gateways share theirs; and the
 * sessions that brokers have given out, by which a reconnect saves most of a handshake. Both go by a hash of everything
 * that they depend on, so a changed credential or name never meets what was kept for another.
 */
export class TlsMemory {
  readonly #contexts = new LRUCache<string, SecureContext>({ max: MAX_CONTEXTS });
  readonly #sessions = new LRUCache<string, Buffer>({ max: MAX_SESSIONS, ttl: SESSION_TTL_MS });

  /** @throws what OpenSSL says of credentials that cannot be used */
  contextOf({ caCertificate, clientCertificate, clientKey }: TlsCredentials): { context: SecureContext; id: string } {
    const id = hashOf([caCertificate, clientCertificate, clientKey]);
    const known = this.#contexts.get(id);
    if (known) return { context: known, id };
    // Node takes any text for a CA, and then trusts nobody.
    if (caCertificate !== undefined) new X509Certificate(caCertificate);
    const context = createSecureContext({
      ...(caCertificate === undefined ? {} : { ca: caCertificate }),
      ...(clientCertificate === undefined ? {} : { cert: clientCertificate }),
      ...(clientKey === undefined ? {} : { key: clientKey }),
      minVersion: 'TLSv1.2',
    });
    this.#contexts.set(id, context);
    return { context, id };
  }

  /** Identifies the peer that a session may be resumed with. */
  sessionKey(credentials: string, host: string, port: number, serverName: string): string {
    return hashOf([credentials, host, String(port), serverName]);
  }

  sessionOf(key: string): Buffer | undefined {
    return this.#sessions.get(key);
  }

  keepSession(key: string, session: Buffer): void {
    this.#sessions.set(key, session);
  }

  forgetSession(key: string): void {
    this.#sessions.delete(key);
  }
}

/** Of texts and their absence; lengths keep their borders apart. */
function hashOf(parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part === undefined ? '-' : `${part.length}:${part}`);
  return hash.digest('base64');
}
