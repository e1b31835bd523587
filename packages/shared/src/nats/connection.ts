import { readFileSync } from 'node:fs';
import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { GatecastError } from '../errors/index.ts';
import type { Logger } from '../logging/index.ts';
import { StreamPublisher } from './stream-publisher.ts';

/** Older servers silently ignore the TTLs that ownership is built on. */
const OLDEST_SERVER = [2, 12] as const;
const REQUEST_TIMEOUT_MS = 5_000;

export interface NatsOptions {
  /** Comma-separated server URLs. */
  natsUrl: string;
  natsUser?: string | undefined;
  natsPassword?: string | undefined;
  natsCaFile?: string | undefined;
  /** Shown in the server's connection list. */
  name: string;
}

/** A connection to NATS that comes back by itself, for as long as the process lives. */
export interface Nats {
  readonly connection: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
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
 * Connects, waiting as long as it takes for a server to appear.
 * @throws {GatecastError} `NATS_TOO_OLD`
 */
export async function connectNats(options: NatsOptions, log: Logger): Promise<Nats> {
  const { natsUrl, natsUser, natsPassword, natsCaFile, name } = options;
  const connection = await connect({
    servers: natsUrl.split(',').map((server) => server.trim()),
    name,
    ...(natsUser === undefined ? {} : { user: natsUser }),
    ...(natsPassword === undefined ? {} : { pass: natsPassword }),
    ...(natsCaFile === undefined ? {} : { tls: { ca: readFileSync(natsCaFile, 'utf8') } }),
    waitOnFirstConnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 10_000,
    maxPingOut: 2,
    timeout: REQUEST_TIMEOUT_MS,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true, // a stack trace taken with every request costs as much as the rest of a publish
  });
  requireVersion(connection);
  const listeners = new Set<() => void>();
  const cuts = new Set<() => void>();
  const state = { connected: true };
  const publisher = new StreamPublisher(connection, REQUEST_TIMEOUT_MS);
  cuts.add(() => publisher.cut());
  void followStatus(connection, log, state, listeners, cuts, publisher);
  return {
    connection,
    js: jetstream(connection, { timeout: REQUEST_TIMEOUT_MS }),
    jsm: await jetstreamManager(connection, { timeout: REQUEST_TIMEOUT_MS, checkAPI: false }),
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

async function followStatus(
  connection: NatsConnection,
  log: Logger,
  state: { connected: boolean },
  listeners: ReadonlySet<() => void>,
  cuts: ReadonlySet<() => void>,
  publisher: StreamPublisher,
): Promise<void> {
  for await (const status of connection.status()) {
    switch (status.type) {
      case 'disconnect':
        state.connected = false;
        log.warn({ server: status.server }, 'nats disconnected');
        for (const cut of [...cuts]) cut();
        break;
      case 'reconnect':
        state.connected = true;
        log.info({ server: status.server }, 'nats reconnected');
        // What was asked while disconnected is dropped by the client at each attempt to connect.
        for (const cut of [...cuts]) cut();
        for (const listener of [...listeners]) listener();
        break;
      case 'close':
        state.connected = false;
        for (const cut of [...cuts]) cut();
        break;
      case 'error':
        publisher.refused(status.error);
        log.error({ err: status.error }, 'nats reported an error');
        break;
      default:
        log.debug({ status: status.type }, 'nats');
    }
  }
}
