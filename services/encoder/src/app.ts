import type { EncoderCheckpoint, GatewayRecord, SensorsRecord } from '@gatecast/shared/model';
import {
  ALL_FLEETS,
  DEADLETTER_STREAM,
  KvStore,
  KvView,
  type Nats,
  readingsStreamOf,
  waitForTopology,
} from '@gatecast/shared/nats';
import { openOwnership } from '@gatecast/shared/ownership';
import { connectService, type ServiceContext } from '@gatecast/shared/service';
import { Registry } from '@prometheus-io/client';
import { NatsDeadLetters } from './adapters/nats/dead-letters.ts';
import { KvGatewayDirectory, KvSensorDirectory } from './adapters/nats/directories.ts';
import { NatsOutbox } from './adapters/nats/outbox.ts';
import { NatsReadings } from './adapters/nats/readings.ts';
import { BatchTracer } from './adapters/telemetry/batch-tracer.ts';
import { EncoderMetrics } from './adapters/telemetry/encoder-metrics.ts';
import { registerPartitionGauges } from './adapters/telemetry/partition-gauges.ts';
import { Housekeeping } from './application/housekeeping.ts';
import type { EncoderLimits, EncoderPorts } from './application/partition.ts';
import { Partitions } from './application/partitions.ts';
import { ReadingsPurge } from './application/readings-purge.ts';
import type { EncoderConfig } from './config.ts';
import type { AnnouncedRecord } from './domain/metadata.ts';

type Context = ServiceContext<EncoderConfig>;

const ROLE = 'encoder';
const STREAMS = [readingsStreamOf(0), DEADLETTER_STREAM];
const BUCKETS = ['integrations', 'sensors', 'announced', 'members', 'leases', 'checkpoints'] as const;
const DRAIN_MS = 15_000;

/** Starts the encoder on what `context` gives; everything that is started is registered there to be stopped. */
export async function startApp(context: Context): Promise<void> {
  const { log, clock, lifecycle } = context;
  const registry = new Registry();
  const starting = new AbortController();
  const { nats, adminPort } = await connectService(context, ROLE, registry);
  lifecycle.onStop('start', 1_000, async () => starting.abort());
  await waitForTopology(nats, { streams: STREAMS, buckets: BUCKETS }, log, clock, starting.signal);
  if (starting.signal.aborted) return;
  await startEncoding(context, nats, registry);
  log.info({ adminPort }, 'ready');
}

async function startEncoding(context: Context, nats: Nats, registry: Registry): Promise<void> {
  const { config, log, clock, lifecycle } = context;
  const observer = new EncoderMetrics(registry);
  const readings = new NatsReadings(nats, clock, Math.random, log);
  const checkpoints = await KvStore.open<EncoderCheckpoint>(nats, 'checkpoints');
  const ports: EncoderPorts = {
    ...(await openDirectories(context, nats)),
    announced: await KvStore.open<AnnouncedRecord>(nats, 'announced'),
    outbox: new NatsOutbox(nats),
    deadLetters: new NatsDeadLetters(nats),
    tracer: new BatchTracer(readingsStreamOf(0)),
    random: Math.random,
    ...{ readings, checkpoints, observer, clock, log },
  };
  const limits = limitsOf(config);
  const partitions = new Partitions(ports, limits);
  registerPartitionGauges(registry, partitions, clock);
  const { instance, handoversPerSecond } = config;
  const share = { role: ROLE, fleet: ALL_FLEETS, instance, partitions: config.partitions, handoversPerSecond } as const;
  const ownership = await openOwnership(nats, share, context, registry);
  const purge = new ReadingsPurge({
    ...{ readings, checkpoints, observer, log },
    partitions: config.partitions,
    lookBackMs: limits.lookBackMs,
  });
  const housekeeping = new Housekeeping({
    ...{ partitions, readings, purge, clock, log },
    gateways: ports.gateways,
    partitionCount: config.partitions,
    intervalMs: config.housekeepingIntervalSeconds * 1000,
    isPurger: () => ownership.owns(0) && partitions.get(0)?.isServed === true,
  });
  ownership.start(partitions);
  lifecycle.onStop('partitions', DRAIN_MS, () => ownership.stop());
  housekeeping.start();
  lifecycle.onStop('housekeeping', 6_000, () => housekeeping.stop());
}

async function openDirectories({ log, clock, lifecycle }: Context, nats: Nats) {
  const gatewayView = await KvView.open<GatewayRecord>(nats, 'integrations', log, clock);
  lifecycle.onStop('view of integrations', 1_000, async () => gatewayView.stop());
  const sensorView = await KvView.open<SensorsRecord>(nats, 'sensors', log, clock);
  lifecycle.onStop('view of sensors', 1_000, async () => sensorView.stop());
  const gatewayStore = await KvStore.open<GatewayRecord>(nats, 'integrations');
  const sensorStore = await KvStore.open<SensorsRecord>(nats, 'sensors');
  return {
    gateways: new KvGatewayDirectory(gatewayView, gatewayStore),
    sensors: new KvSensorDirectory(sensorView, sensorStore),
  };
}

function limitsOf(config: EncoderConfig): EncoderLimits {
  return {
    batch: { maxBytes: config.batchMaxBytes, maxMessages: config.batchMaxMessages },
    readAheadBytes: config.readAheadBytes,
    recordIntervalMs: config.recordIntervalMs,
    lookBackMs: config.lookBackSeconds * 1000,
    maxReplayMessages: config.maxReplayMessages,
    maxSensors: config.maxSensorsPerPartition,
  };
}
