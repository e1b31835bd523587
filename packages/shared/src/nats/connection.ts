import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { GatecastError } from '../errors/index.ts';
import { delay, systemClock } from '../lifecycle/index.ts';
import type { Logger } from '../logging/index.ts';
import { translateNatsError } from './errors.ts';
import { RotatingPassword } from './rotating-password.ts';
import { StreamPublisher } from './stream-publisher.ts';

/** Older servers silently ignore the TTLs that ownership is built on. */
const OLDEST_SERVER = [2, 12] as const;
const REQUEST_TIMEOUT_MS = 5_000;
const RECONNECT_MS = 250;
/** Of attempts that fail alike, every so many are logged. */
const LOG_EVERY = 40;

export interface NatsOptions {
  /** Comma-separated server URLs; with `tls://` for any of them, or a CA, a server without TLS is refused. */
  natsUrl: string;
  /** Its inboxes begin with `_INBOX.<user>`, so that a server can keep them from other users. */
  natsUser?: string | undefined;
  /** File that holds the password; read at each attempt to connect. */
  natsPasswordFile?: string | undefined;
  /** PEM file of the CA that servers are trusted by; read at each attempt to connect. */
  natsCaFile?: string | undefined;
  /** Shown in the server's connection list. */
  name: string;
  /** Called each time the server refuses the connection (`NATS_AUTH_FAILED`), or a subject (`NATS_PERMISSION`). */
  onRefused?: (error: GatecastError) => void;
}

/** A connection to NATS that comes back by itself, for as long as the process lives. */
export interface Nats {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** What inboxes of this user begin with. */
  readonly inboxPrefix: string;
  /** For `publishToStream`, which translates its errors. */
  readonly publisher: Pick<StreamPublisher, 'publish'>;
  isConnected(): boolean;
  /**
   * The outcome of `request`, or a rejection as soon as the connection is cut, or is back if it was made meanwhile: its
   * answer never comes, and nobody should wait for its timeout.
   * @throws {GatecastError} `OUTCOME_UNKNOWN`
   */
  untilCut<T>(request: Promise<T>): Promise<T>;
  /** Calls `listener` after each reconnect; returns how to stop that. */
  onReconnect(listener: () => void): () => void;
  /** Sends what is buffered, ends subscriptions, closes. */
  close(): Promise<void>;
}

/**
 * Connects, waiting as long as it takes for a server to appear, and to let us in, or until `signal` aborts.
 * @throws {GatecastError} `NATS_TOO_OLD`; what it waited for, once the signal has aborted
 */
export async function connectNats(options: NatsOptions, log: Logger, signal?: AbortSignal): Promise<Nats> {
  const { natsUrl, natsUser, natsPasswordFile, natsCaFile, name, onRefused = () => {} } = options;
  const password = natsPasswordFile === undefined ? undefined : new RotatingPassword(natsPasswordFile, log);
  const servers = natsUrl.split(',').map((server) => server.trim());
  // The client library takes what a server offers, and pays no heed to the scheme.
  const mustBeTls = natsCaFile !== undefined || servers.some((server) => server.startsWith('tls://'));
  const inboxPrefix = natsUser === undefined ? '_INBOX' : `_INBOX.${natsUser}`;
  const connection = await connectFirst(
    {
      servers,
      name,
      inboxPrefix,
      ...(natsUser === undefined
        ? {}
        : { authenticator: () => ({ user: natsUser, ...(password && { pass: password.offer() }) }) }),
      ...(mustBeTls && { tls: natsCaFile === undefined ? {} : { caFile: natsCaFile } }),
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: RECONNECT_MS,
      reconnectJitterTLS: RECONNECT_MS,
      pingInterval: 10_000,
      maxPingOut: 2,
      timeout: REQUEST_TIMEOUT_MS,
      ignoreAuthErrorAbort: true,
      noAsyncTraces: true, // a stack trace taken with every request costs as much as the rest of a publish
    },
    { log, onRefused, signal },
  );
  password?.accepted();
  requireVersion(connection);
  const listeners = new Set<() => void>();
  const cuts = new Set<() => void>();
  const state = { connected: true };
  const publisher = new StreamPublisher(connection, REQUEST_TIMEOUT_MS, { inboxPrefix });
  cuts.add(() => publisher.cut());
  listeners.add(() => password?.accepted());
  void followStatus(connection, { log, state, listeners, cuts, publisher, onRefused });
  const api = { timeout: REQUEST_TIMEOUT_MS, checkAPI: false };
  return {
    connection,
    js: jetstream(connection, api),
    jsm: await jetstreamManager(connection, api),
    inboxPrefix,
    publisher,
    isConnected: () => state.connected,
    untilCut: (request) => untilCut(request, cuts),
    onReconnect(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      if (connection.isClosed()) return;
      if (state.connected) await connection.drain();
      else await connection.close();
    },
  };
}

function untilCut<T>(request: Promise<T>, cuts: Set<() => void>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onCut = () =>
      reject(new GatecastError('OUTCOME_UNKNOWN', 'the connection to NATS was cut', { retryable: true }));
    cuts.add(onCut);
    request.then(resolve, reject).finally(() => cuts.delete(onCut));
  });
}

function requireVersion(connection: NatsConnection): void {
  const version = connection.info?.version ?? '0';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && minor >= OLDEST_SERVER[1])) return;
  void connection.close();
  throw new GatecastError(
    'NATS_TOO_OLD',
    `NATS server ${version} is too old: ${OLDEST_SERVER.join('.')} or newer is needed, because older servers ignore key TTLs`,
  );
}

/** The client library's own waiting would not say what it waits for. */
async function connectFirst(
  options: NodeConnectionOptions & { servers: string[] },
  { log, onRefused, signal }: Pick<Followed, 'log' | 'onRefused'> & { signal: AbortSignal | undefined },
): Promise<NatsConnection> {
  for (let failures = 0; ; failures += 1) {
    try {
      return knowingAll(await connect(options), options.servers);
    } catch (error) {
      const translated = translateConnectError(error);
      if (translated.code === 'NATS_AUTH_FAILED') onRefused(translated);
      if (failures % LOG_EVERY === 0) log.warn({ err: translated }, 'no connection to NATS, trying again');
      await delay(RECONNECT_MS, systemClock, signal);
      if (signal?.aborted) throw translated;
    }
  }
}

/** The client library forgets servers that were not there when it connected first. */
function knowingAll(connection: NatsConnection, servers: string[]): NatsConnection {
  const known = connection.getServers();
  if (known.filter(({ gossiped }) => !gossiped).length === servers.length) return connection;
  connection.setServers(servers);
  const configured = connection.getServers().map(({ listen }) => listen);
  const gossiped = known.map(({ listen }) => listen).filter((listen) => !configured.includes(listen));
  connection.setServers([...configured, ...gossiped]);
  return connection;
}

function translateConnectError(error: unknown): GatecastError {
  const translated = translateNatsError(error, 'connecting to NATS');
  if (translated.code !== 'OUTCOME_UNKNOWN') return translated;
  return new GatecastError('NATS_UNAVAILABLE', translated.message, { cause: error, retryable: true });
}

interface Followed {
  log: Logger;
  state: { connected: boolean };
  listeners: ReadonlySet<() => void>;
  cuts: ReadonlySet<() => void>;
  publisher: StreamPublisher;
  onRefused: (error: GatecastError) => void;
}

async function followStatus(
  connection: NatsConnection,
  { log, state, listeners, cuts, publisher, onRefused }: Followed,
): Promise<void> {
  /** Of the connection, since it was there last. */
  let refusals = 0;
  for await (const status of connection.status()) {
    switch (status.type) {
      case 'disconnect':
        if (state.connected) log.warn({ server: status.server }, 'nats disconnected');
        state.connected = false;
        for (const cut of [...cuts]) cut();
        break;
      case 'reconnect':
        state.connected = true;
        refusals = 0;
        log.info({ server: status.server }, 'nats reconnected');
        // What was asked while disconnected is dropped by the client at each attempt to connect.
        for (const cut of [...cuts]) cut();
        for (const listener of [...listeners]) listener();
        break;
      case 'close':
        state.connected = false;
        for (const cut of [...cuts]) cut();
        break;
      case 'error': {
        publisher.refused(status.error);
        const error = translateNatsError(status.error, 'NATS reported an error');
        if (error.code === 'NATS_AUTH_FAILED' || error.code === 'NATS_PERMISSION') onRefused(error);
        if (error.code !== 'NATS_AUTH_FAILED') log.error({ err: error }, 'nats reported an error');
        else {
          if (refusals % LOG_EVERY === 0) log.error({ err: error }, 'nats refuses the connection, trying again');
          refusals += 1;
        }
        break;
      }
      default:
        log.debug({ status: status.type }, 'nats');
    }
  }
}
