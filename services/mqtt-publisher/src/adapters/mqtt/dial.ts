import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls';
import type { BrokerNames } from '../../application/broker-names.ts';
import type { Slots } from '../../application/slots.ts';
import { CLOSED_UNANSWERED, type Failure, REFUSED_WITHOUT_CERTIFICATE, TIMED_OUT } from '../../domain/failure.ts';
import type { SessionSettings } from '../../domain/session-settings.ts';
import type { AddressPolicy } from './address-policy.ts';
import type { TlsMemory } from './tls-memory.ts';

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

/** What all attempts of the process share. */
export interface DialMeans {
  policy: AddressPolicy;
  names: BrokerNames;
  tls: TlsMemory;
  /** TLS handshakes at a time. */
  handshakes: Slots;
  timeouts: DialTimeouts;
}

/**
 * A handshake that takes longer waits for its peer, which costs no CPU: its place goes to the next, so that brokers that
 * do not answer keep nobody else from theirs.
 */
const HANDSHAKE_PLACE_MS = 1_000;

/** TLS as one attempt needs it. */
interface TlsPlan {
  context: SecureContext;
  /** Name that the certificate is checked for. */
  name: string;
  sessionKey: string;
}

/**
 * A connected socket to the broker, TLS included when asked for. The address connected to is the one that the policy
 * was asked about, at every attempt, so that a changing DNS answer cannot lead elsewhere.
 * @throws {DialError}
 */
export async function dial(
  settings: SessionSettings,
  clientKey: string | undefined,
  means: DialMeans,
  signal: AbortSignal,
): Promise<Socket> {
  const { policy, names, timeouts } = means;
  // Credentials that cannot be used are found before anybody is bothered.
  const plan = settings.tls.enabled ? tlsPlan(settings, clientKey, means.tls) : undefined;
  const addresses = await resolve(names, settings.host, timeouts.connectMs, signal);
  const permitted = addresses.filter((address) => policy.permits(address, settings.host));
  if (permitted.length === 0) throw new DialError({ phase: 'policy', address: addresses[0] ?? settings.host });
  let last: unknown;
  for (const address of permitted) {
    if (signal.aborted) break;
    try {
      const socket = await openTcp(address, settings.port, timeouts.connectMs, signal);
      return plan ? await secure(socket, settings, plan, means, signal) : socket;
    } catch (error) {
      last = error;
      // TLS failures are about the broker, not the address: another address will not help.
      if (error instanceof DialError && error.failure.phase !== 'tcp') break;
    }
  }
  throw last ?? new DialError({ phase: 'tcp', code: 'ABORTED' });
}

/** A resolver that hangs cannot be called off, only waited for no longer. */
async function resolve(names: BrokerNames, host: string, timeoutMs: number, signal: AbortSignal): Promise<string[]> {
  if (isIP(host) !== 0) return [host];
  const over = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const interrupted = new Promise<never>((_resolve, reject) => {
    const onOver = () => reject(new DialError({ phase: 'resolve', code: signal.aborted ? 'ABORTED' : TIMED_OUT }));
    over.addEventListener('abort', onOver, { once: true });
    if (over.aborted) onOver();
  });
  try {
    return await Promise.race([names.resolve(host), interrupted]);
  } catch (error) {
    throw error instanceof DialError ? error : new DialError({ phase: 'resolve', code: codeOf(error) }, error);
  }
}

function openTcp(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host, port, noDelay: true, keepAlive: true });
  return settle(socket, 'connect', timeoutMs, signal, (code) => ({ phase: 'tcp', code }));
}

/** Waits for a place among the handshakes and secures the connection. */
async function secure(
  socket: Socket,
  settings: SessionSettings,
  plan: TlsPlan,
  { handshakes, tls, timeouts }: DialMeans,
  signal: AbortSignal,
): Promise<TLSSocket> {
  // While it waits nobody else listens: what goes wrong meanwhile is seen by the handshake.
  const ignore = () => undefined;
  socket.on('error', ignore);
  const leave = await handshakes.enter(`${settings.host}:${settings.port}`, signal);
  const place = leave && setTimeout(leave, HANDSHAKE_PLACE_MS);
  try {
    if (socket.destroyed) throw new DialError({ phase: 'tls', code: 'ECONNRESET', detail: 'closed' });
    return await openTls(socket, settings, plan, tls, timeouts.tlsMs, signal);
  } catch (error) {
    tls.forgetSession(plan.sessionKey);
    throw error;
  } finally {
    clearTimeout(place);
    leave?.();
    socket.off('error', ignore);
  }
}

function openTls(
  socket: Socket,
  settings: SessionSettings,
  { context, name, sessionKey }: TlsPlan,
  memory: TlsMemory,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const session = memory.sessionOf(sessionKey);
  const secured = connectTls({
    socket,
    secureContext: context,
    ...(session === undefined ? {} : { session }),
    // RFC 6066 section 3: no address literals in SNI; the certificate is checked against `host` all the same.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    host: name,
  });
  secured.on('session', (given: Buffer) => memory.keepSession(sessionKey, given));
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

function tlsPlan({ host, port, tls }: SessionSettings, clientKey: string | undefined, memory: TlsMemory): TlsPlan {
  const { caCertificate, clientCertificate } = tls;
  const name = tls.serverName ?? host;
  try {
    const { context, id } = memory.contextOf({ caCertificate, clientCertificate, clientKey });
    return { context, name, sessionKey: memory.sessionKey(id, host, port, name) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new DialError({ phase: 'settings', kind: 'credentials_invalid', detail }, error);
  }
}

export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}
