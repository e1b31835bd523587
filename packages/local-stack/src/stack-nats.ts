import { NatsCluster, NatsServer, type NatsServerOptions } from '@gatecast/shared/testing';

export interface StackNatsOptions {
  /** A server that runs already; it is left running. Default: one is started. */
  natsUrl?: string;
  /** Of the servers that are started. */
  nats?: NatsServerOptions;
  /** How many are started, as one cluster. Default 1. Every stream and bucket has as many replicas. */
  natsServers?: number;
}

/** The NATS of a stack: one server, a cluster, or somebody else's. */
export interface StackNats {
  url: string;
  server: NatsServer | undefined;
  cluster: NatsCluster | undefined;
  stop(): Promise<void>;
}

export async function startNats(
  { natsUrl, nats, natsServers = 1 }: StackNatsOptions,
  onLine: (server: string, line: string) => void,
): Promise<StackNats> {
  if (natsUrl !== undefined) {
    return { url: natsUrl, server: undefined, cluster: undefined, stop: async () => undefined };
  }
  if (natsServers === 1) {
    const server = await NatsServer.start({ ...nats, onLine: (line) => onLine('nats-server', line) });
    return { url: server.url, server, cluster: undefined, stop: () => server.stop() };
  }
  const cluster = await NatsCluster.start({ size: natsServers, ...(nats && { server: nats }), onLine });
  return { url: cluster.url, server: undefined, cluster, stop: () => cluster.stop() };
}
