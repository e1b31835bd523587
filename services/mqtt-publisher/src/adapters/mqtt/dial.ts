import { X509Certificate } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { CLOSED_UNANSWERED, type Failure, REFUSED_WITHOUT_CERTIFICATE, TIMED_OUT } from '../../domain/failure.ts';
import type { SessionSettings } from '../../domain/session-settings.ts';
import type { AddressPolicy } from './address-policy.ts';

/** Why a connection could not be had; caught by the connector, never seen outside. */
export class DialError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure, cause?: unknown) {
    super(`${failure.phase} failed`, { cause });
    this.failure = failure;
  }
}

export interface DialTimeouts {
  /** For resolving and for each address, ms. */
  connectMs: number;
  tlsMs: number;
}

/**
 * A connected socket to the broker, TLS included when asked for. The address connected to is the one that the policy
 * was asked about, at every attempt, so that a changing DNS answer cannot lead elsewhere.
 * @throws {DialError}
 */
export async function dial(
  settings: SessionSettings,
  clientKey: string | undefined,
  policy: AddressPolicy,
  timeouts: DialTimeouts,
  signal: AbortSignal,
): Promise<Socket> {
  // Credentials that cannot be used are found before anybody is bothered.
  const secureContext = settings.tls.enabled ? secureContextOf(settings, clientKey) : undefined;
  const addresses = await resolve(settings.host, timeouts.connectMs, signal);
  const permitted = addresses.filter((address) => policy.permits(address));
  if (permitted.length === 0) throw new DialError({ phase: 'policy', address: addresses[0] ?? settings.host });
  let last: unknown;
  for (const address of permitted) {
    if (signal.aborted) break;
    try {
      const socket = await openTcp(address, settings.port, timeouts.connectMs, signal);
      return secureContext ? await openTls(socket, settings, secureContext, timeouts.tlsMs, signal) : socket;
    } catch (error) {
      last = error;
      // TLS failures are about the broker, not the address: another address will not help.
      if (error instanceof DialError && error.failure.phase !== 'tcp') break;
    }
  }
  throw last ?? new DialError({ phase: 'tcp', code: 'ABORTED' });
}

/** A resolver that hangs cannot be called off, only waited for no longer. */
async function resolve(host: string, timeoutMs: number, signal: AbortSignal): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const interrupted = new Promise<never>((_resolve, reject) => {
    const onOver = () => reject(new DialError({ phase: 'resolve', code: signal.aborted ? 'ABORTED' : TIMED_OUT }));
    over.addEventListener('abort', onOver, { once: true });
    if (over.aborted) onOver();
  });
  try {
    const addresses = await Promise.race([lookup(host, { all: true }), interrupted]);
    return addresses.map(({ address }) => address);
  } catch (error) {
    throw error instanceof DialError ? error : new DialError({ phase: 'resolve', code: codeOf(error) }, error);
  }
}

function openTcp(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host, port, noDelay: true, keepAlive: true });
  return settle(socket, 'connect', timeoutMs, signal, (code) => ({ phase: 'tcp', code }));
}

function openTls(
  socket: Socket,
  settings: SessionSettings,
  secureContext: SecureContext,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const name = settings.tls.serverName ?? settings.host;
  const secured = connectTls({
    socket,
    secureContext,
    // RFC 6066 section 3: no address literals in SNI; the certificate is checked against `host` all the same.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    host: name,
  });
  return settle(secured, 'secureConnect', timeoutMs, signal, (code, detail) => ({
    phase: 'tls',
    code: finerCode(code, socket.bytesRead, settings),
    detail,
  }));
}

/** An alert in answer to the client's greeting: record header, level, description. */
const LONE_ALERT_BYTES = 7;

/** What an error code of OpenSSL or the socket means, given how much of the handshake there was. */
function finerCode(code: string, bytesRead: number, { tls }: SessionSettings): string {
  if (code === 'ECONNRESET' && bytesRead === 0) return CLOSED_UNANSWERED;
  // TLS 1.2 has no alert for it: the peer shows its own certificate, gets none, and says "handshake failure".
  const isLate = code.endsWith('ALERT_HANDSHAKE_FAILURE') && bytesRead > LONE_ALERT_BYTES;
  return isLate && tls.clientCertificate === undefined ? REFUSED_WITHOUT_CERTIFICATE : code;
}

/** Resolves at `event`; rejects at an error, an early close, the deadline or an abort, and then destroys the socket. */
function settle<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  timeoutMs: number,
  signal: AbortSignal,
  failure: (code: string, detail: string) => Failure,
): Promise<S> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail(TIMED_OUT, 'timed out'), timeoutMs);
    const cleanUp = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off(event, onDone).off('error', onError).off('close', onClose);
    };
    const fail = (code: string, detail: string, cause?: unknown) => {
      cleanUp();
      // A destroyed socket may still report why: nobody is interested any more.
      socket.on('error', () => {});
      socket.destroy();
      reject(new DialError(failure(code, detail), cause));
    };
    const onDone = () => {
      cleanUp();
      resolve(socket);
    };
    const onError = (error: Error) => fail(codeOf(error), error.message, error);
    const onClose = () => fail('ECONNRESET', 'closed');
    const onAbort = () => fail('ABORTED', 'aborted');
    socket.on(event, onDone).on('error', onError).on('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function secureContextOf({ tls }: SessionSettings, clientKey: string | undefined): SecureContext {
  try {
    // Node takes any text for a CA, and then trusts nobody.
    if (tls.caCertificate !== undefined) new X509Certificate(tls.caCertificate);
    return createSecureContext({
      ...(tls.caCertificate === undefined ? {} : { ca: tls.caCertificate }),
      ...(tls.clientCertificate === undefined ? {} : { cert: tls.clientCertificate }),
      ...(clientKey === undefined ? {} : { key: clientKey }),
      minVersion: 'TLSv1.2',
    });
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new DialError({ phase: 'settings', kind: 'credentials_invalid', detail }, error);
  }
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}
