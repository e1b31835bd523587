import { NatsCluster, NatsServer, type NatsServerOptions, NatsUsers } from '@gatecast/shared/testing';

export interface StackNatsOptions {
  /** A server that runs already, and lets everybody in; it is left running. Default: one is started. */
  natsUrl?: string;
  /** Of the servers that are started; their users are those that Gatecast is shipped with. */
  nats?: Omit<NatsServerOptions, 'users'>;
  /** How many are started, as one cluster. Default 1. Every stream and bucket has as many replicas. */
  natsServers?: number;
}

/** The NATS of a stack: one server, a cluster, or somebody else's. */
export interface StackNats {
  url: string;
  server: NatsServer | undefined;
  cluster: NatsCluster | undefined;
  /** Undefined: it is somebody else's. */
  users: NatsUsers | undefined;
  stop(): Promise<void>;
}

/** @param dir where the passwords go */
export async function startNats(
  { natsUrl, nats, natsServers = 1 }: StackNatsOptions,
  dir: string,
  onLine: (server: string, line: string) => void,
): Promise<StackNats> {
  if (natsUrl !== undefined) {
    return { url: natsUrl, server: undefined, cluster: undefined, users: undefined, stop: async () => undefined };
  }
  const users = await NatsUsers.create(dir);
  const options = { ...nats, users };
  if (natsServers === 1) {
    const server = await NatsServer.start({ ...options, onLine: (line) => onLine('nats-server', line) });
    return { url: server.url, server, cluster: undefined, users, stop: () => server.stop() };
  }
  const cluster = await NatsCluster.start({ size: natsServers, server: options, onLine });
  return { url: cluster.url, server: undefined, cluster, users, stop: () => cluster.stop() };
}
