import { readFile } from 'node:fs/promises';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { TestingError } from './errors.ts';
import { freePort, LOOPBACK, retryWhilePortTaken } from './listen.ts';
import { NatsServer, type NatsServerOptions } from './nats-server.ts';
import type { NatsUsers } from './nats-users.ts';
import { waitFor } from './wait-for.ts';

export interface NatsClusterOptions {
  /** Default 3. */
  readonly size?: number;
  /** Of each server. `port` cannot be given. */
  readonly server?: Omit<NatsServerOptions, 'port' | 'onLine' | 'users'> & { readonly users?: NatsUsers };
  /** Gets every line of every server's log as it comes; servers are named `nats-1` and so on. */
  readonly onLine?: (server: string, line: string) => void;
}

const ELECTION_TIMEOUT_MS = 20_000;

/** Several nats-servers that are one JetStream: streams with as many replicas survive the loss of a minority. */
export class NatsCluster {
  readonly servers: readonly NatsServer[];

  private constructor(servers: readonly NatsServer[]) {
    this.servers = servers;
  }

  /**
   * Resolves once JetStream answers.
   * @throws {TestingError} as {@link NatsServer.start}
   */
  static async start(options: NatsClusterOptions = {}): Promise<NatsCluster> {
    const servers = await retryWhilePortTaken(() => startServers(options));
    const cluster = new NatsCluster(servers);
    try {
      await cluster.ready();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** Of all servers, comma-separated. */
  get url(): string {
    return this.servers.map(({ url }) => url).join(',');
  }

  /** Resolves when JetStream answers: a majority is there and has elected. @throws {TestingError} `WAIT_TIMEOUT` */
  async ready(): Promise<void> {
    await waitFor(() => this.#ask(async (manager) => (await manager.getAccountInfo()) !== undefined), {
      timeoutMs: ELECTION_TIMEOUT_MS,
      intervalMs: 100,
      describe: 'the cluster to answer',
    });
  }

  /**
   * The server that leads a stream now.
   * @throws {TestingError} `WAIT_TIMEOUT` when there is no such stream, or nobody leads it for 20 s.
   */
  async leaderOf(stream: string): Promise<NatsServer> {
    const leader = await waitFor(
      () => this.#ask(async (manager) => (await manager.streams.info(stream)).cluster?.leader),
      { timeoutMs: ELECTION_TIMEOUT_MS, intervalMs: 100, describe: `a leader of ${stream}` },
    );
    const server = this.servers[serverNames(this.servers.length).indexOf(leader)];
    if (!server) throw new TestingError('WAIT_TIMEOUT', `${stream} is led by ${leader}, which is none of ours`);
    return server;
  }

  /** Ends all servers and removes their data. */
  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #ask<T>(question: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const admin = this.servers[0]?.users?.credentials('admin');
    const connection = await connect({
      servers: this.url.split(','),
      ...(admin && { user: admin.natsUser, pass: (await readFile(admin.natsPasswordFile, 'utf8')).trim() }),
      reconnect: false,
      timeout: 2_000,
    });
    try {
      return await question(await jetstreamManager(connection, { timeout: 2_000 }));
    } finally {
      await connection.close();
    }
  }
}

function serverNames(size: number): string[] {
  return Array.from({ length: size }, (_, index) => `nats-${index + 1}`);
}

async function startServers({ size = 3, server, onLine }: NatsClusterOptions): Promise<NatsServer[]> {
  const names = serverNames(size);
  const ports = await Promise.all(names.map(() => freePort()));
  const routes = ports.map((port) => `"nats://${LOOPBACK}:${port}"`).join(', ');
  const starting = names.map((name, index) =>
    NatsServer.start({
      ...server,
      config: [
        server?.config ?? '',
        `server_name: ${name}`,
        // Clients keep to the addresses that they were given, which may be those of proxies.
        `cluster: { name: test, listen: "${LOOPBACK}:${ports[index]}", routes: [${routes}], no_advertise: true }`,
      ].join('\n'),
      ...(onLine && { onLine: (line: string) => onLine(name, line) }),
    }),
  );
  const outcomes = await Promise.allSettled(starting);
  const started = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((one) => one.stop()));
  throw failed.reason;
}
