import type { AddressInfo } from 'node:net';
import type { Clock } from '@gatecast/shared/lifecycle';
import type { EncoderCheckpoint, GatewayRecord } from '@gatecast/shared/model';
import { KvStore, KvView, type Nats, readingsStreamOf, waitForTopology } from '@gatecast/shared/nats';
import { connectService, type ServiceContext } from '@gatecast/shared/service';
import { Registry } from '@prometheus-io/client';
import type { FastifyInstance } from 'fastify';
import { createIngestServer } from './adapters/http/server.ts';
import { IngestMetrics } from './adapters/metrics/ingest-metrics.ts';
import { KvGatewayDirectory } from './adapters/nats/kv-gateway-directory.ts';
import { LagWatch } from './adapters/nats/lag-watch.ts';
import { NatsReadingsLog } from './adapters/nats/nats-readings-log.ts';
import { StorageWatch, sizeReader } from './adapters/nats/storage-watch.ts';
import type { IngestConfig } from './config.ts';
import { LineLag } from './domain/line-lag.ts';

type Context = ServiceContext<IngestConfig>;

/** Room that a message needs beside its body: subject, content id, incarnation, trace context. */
const MESSAGE_OVERHEAD_BYTES = 2048;

/** Connects to NATS, waits for its streams and buckets, and takes in readings until the lifecycle ends. */
export async function startApp(context: Context): Promise<void> {
  const { config, log, lifecycle } = context;
  const registry = new Registry();
  const metrics = new IngestMetrics(registry);
  const { nats, adminPort } = await connectService(context, 'sensor-ingest', registry);
  const server = await createIngestServer({
    ...(await openNatsSide(context, nats, metrics)),
    config: { ...config, maxBodyBytes: largestBody(context, nats) },
    metrics,
    clock: context.clock,
    log,
    isStopping: () => lifecycle.state === 'draining',
  });
  await server.listen({ host: config.httpHost, port: config.httpPort });
  lifecycle.onStop('http server', config.drainTimeoutMs + 2_000, () =>
    closeServer(server, config.drainTimeoutMs, context.clock),
  );
  log.info({ adminPort, httpPort: (server.server.address() as AddressInfo).port }, 'ready');
}

/** What the HTTP side needs of NATS, following it until the lifecycle ends. */
async function openNatsSide({ config, log, clock, lifecycle }: Context, nats: Nats, metrics: IngestMetrics) {
  const { partitions } = config;
  const streams = [...new Set(Array.from({ length: partitions }, (_, partition) => readingsStreamOf(partition)))];
  const startup = new AbortController();
  lifecycle.onStop('startup', 1_000, async () => startup.abort());
  await waitForTopology(nats, { streams, buckets: ['integrations', 'checkpoints'] }, log, clock, startup.signal);
  startup.signal.throwIfAborted();

  const view = await KvView.open<GatewayRecord>(nats, 'integrations', log, clock);
  lifecycle.onStop('gateway view', 1_000, async () => view.stop());
  const store = await KvStore.open<GatewayRecord>(nats, 'integrations');
  const directory = new KvGatewayDirectory({
    view,
    store,
    lookupsPerSecond: config.tokenLookupsPerSecond,
    metrics,
    clock,
  });

  const storage = new StorageWatch({
    streams,
    readSize: sizeReader(nats),
    highWater: config.storageHighWater,
    pollMs: config.storagePollMs,
    metrics,
    clock,
    log,
  });
  await storage.start();
  lifecycle.onStop('storage watch', 1_000, async () => storage.stop());
  const lag = await watchLag({ config, log, clock, lifecycle }, nats, metrics);
  return { directory, readings: new NatsReadingsLog({ nats, partitions, storage, metrics, clock, log }), lag };
}

type WatchContext = Pick<Context, 'config' | 'log' | 'clock' | 'lifecycle'>;

async function watchLag({ config, log, clock, lifecycle }: WatchContext, nats: Nats, metrics: IngestMetrics) {
  const lag = new LineLag({
    maxGatewayLagMs: config.maxGatewayLagSeconds * 1000,
    maxLineLagMs: config.maxLineLagSeconds * 1000,
    partitions: config.partitions,
    clock,
  });
  const checkpoints = await KvStore.open<EncoderCheckpoint>(nats, 'checkpoints');
  const watch = new LagWatch({ lag, checkpoints, pollMs: config.lagPollMs, metrics, clock, log });
  watch.start();
  lifecycle.onStop('lag watch', 1_000, async () => watch.stop());
  return lag;
}

/** A body that NATS would not carry would be refused with 503 for ever: it is too large, and the sender is told so. */
function largestBody({ config, log }: Context, nats: Nats): number {
  const maxPayloadBytes = nats.connection.info?.max_payload ?? Number.POSITIVE_INFINITY;
  const carried = maxPayloadBytes - MESSAGE_OVERHEAD_BYTES;
  if (config.maxBodyBytes <= carried) return config.maxBodyBytes;
  log.warn({ maxPayloadBytes, maxBodyBytes: carried }, 'the NATS server’s max_payload lowers the largest body');
  return carried;
}

/** Takes no new connections, lets requests under way end, and closes what is left after `drainTimeoutMs`. */
async function closeServer(server: FastifyInstance, drainTimeoutMs: number, clock: Clock): Promise<void> {
  const cut = clock.setTimeout(() => server.server.closeAllConnections(), drainTimeoutMs);
  try {
    await server.close();
  } finally {
    cut.cancel();
  }
}
