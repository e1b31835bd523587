import { randomUUID } from 'node:crypto';
import {
  type EncoderCheckpoint,
  type GatewayRecord,
  type PublisherCheckpoint,
  STATUS_CODES,
  type StatusRecord,
} from '@gatecast/shared/model';
import {
  BUCKETS,
  backlogStreamOf,
  DEADLETTER_STREAM,
  KvStore,
  KvView,
  outboxStreamOf,
  STATUS_EVENTS_STREAM,
  waitForTopology,
} from '@gatecast/shared/nats';
import { type LeaseRecord, SoleOwnership } from '@gatecast/shared/ownership';
import { createOpener } from '@gatecast/shared/secrets';
import { connectService, type ServiceContext } from '@gatecast/shared/service';
import { Gauge, Registry } from '@prometheus-io/client';
import { createDeliveryObserver } from './adapters/delivery-metrics.ts';
import { AddressPolicy } from './adapters/mqtt/address-policy.ts';
import { MqttJsConnector } from './adapters/mqtt/mqtt-js-connector.ts';
import { IntegrationDirectory } from './adapters/nats/integration-directory.ts';
import { NatsBacklogStore } from './adapters/nats/nats-backlog-store.ts';
import { NatsCheckpointStore } from './adapters/nats/nats-checkpoint-store.ts';
import { NatsDeadLetters } from './adapters/nats/nats-dead-letters.ts';
import { NatsLineReader } from './adapters/nats/nats-line-reader.ts';
import { NatsOutboxReader } from './adapters/nats/nats-outbox-reader.ts';
import { Purger } from './adapters/nats/purger.ts';
import { StatusWriter } from './adapters/nats/status-writer.ts';
import { UnreadableBatches } from './adapters/nats/unreadable-batches.ts';
import { FleetPublisher } from './application/fleet-publisher.ts';
import type { PartitionDependencies } from './application/partition-dependencies.ts';
import type { PublisherConfig } from './config.ts';

/** Wires the publisher of one fleet together and starts it; registers how everything stops. */
export async function startApp(context: ServiceContext<PublisherConfig>): Promise<void> {
  const { config, log, clock, lifecycle } = context;
  const { fleet, partitions } = config;
  const registry = new Registry();
  const policy = new AddressPolicy(config.brokerAllowedRanges);
  const opener = await createOpener(config.sealingPrivateKeys);
  const { nats, adminPort } = await connectService(context, `mqtt-publisher ${fleet}`, registry);
  const streams = [outboxStreamOf(fleet, 0), backlogStreamOf(fleet), DEADLETTER_STREAM, STATUS_EVENTS_STREAM];
  const starting = new AbortController();
  lifecycle.onStop('start', 1_000, async () => starting.abort());
  await waitForTopology(nats, { streams, buckets: BUCKETS }, log, clock, starting.signal);
  if (starting.signal.aborted) return;

  const integrations = await KvView.open<GatewayRecord>(nats, 'integrations', log, clock);
  lifecycle.onStop('integrations view', 1_000, async () => integrations.stop());
  const integrationStore = await KvStore.open<GatewayRecord>(nats, 'integrations');
  const status = new StatusWriter(nats, await KvStore.open<StatusRecord>(nats, 'status'), log, clock);
  lifecycle.onStop('status writer', 5_000, async () => {
    await status.flush();
    status.stop();
  });
  const observer = createDeliveryObserver(registry);
  const unreadableOf = (name: string) =>
    new UnreadableBatches(nats, name, log, () => observer.deadLettered('unreadable'));
  const unreadable = unreadableOf(fleet);
  const checkpoints = await KvStore.open<PublisherCheckpoint>(nats, 'checkpoints');
  const leases = await KvStore.open<LeaseRecord>(nats, 'leases');
  const leaseTtlMs = await leases.ttlMs();
  const nonce = randomUUID();
  const dependencies: PartitionDependencies = {
    fleet,
    outbox: new NatsOutboxReader(nats, { fleet, readAhead: config.readAhead, unreadable }, log, clock),
    backlog: new NatsBacklogStore(nats, fleet, unreadable, log),
    line: new NatsLineReader(nats, fleet, unreadable),
    checkpoints: new NatsCheckpointStore(checkpoints, fleet),
    formerFleet: (name) => ({
      checkpoints: new NatsCheckpointStore(checkpoints, name),
      backlog: new NatsBacklogStore(nats, name, unreadableOf(name), log),
      line: new NatsLineReader(nats, name, unreadableOf(name)),
    }),
    ...{ leases, leaseTtlMs, nonce },
    deadLetters: new NatsDeadLetters(nats, fleet),
    directory: new IntegrationDirectory(integrations, integrationStore, fleet, partitions),
    status,
    connector: new MqttJsConnector(
      policy,
      opener,
      {
        connectMs: config.connectTimeoutMs,
        tlsMs: config.tlsTimeoutMs,
        connackMs: config.connackTimeoutMs,
        disconnectMs: config.disconnectTimeoutMs,
      },
      clock,
      log,
    ),
    limits: config,
    observer,
    clock,
    random: Math.random,
    log,
  };
  const publisher = new FleetPublisher({ dependencies, integrations, partitions, clock });
  lifecycle.onStop('fleet publisher', 1_000, async () => publisher.stop());

  const purger = new Purger({
    nats,
    fleet,
    partitions,
    intervalMs: config.purgeIntervalMs,
    encoderCheckpoints: await KvStore.open<EncoderCheckpoint>(nats, 'checkpoints'),
    owned: () => publisher.partitions(),
    onRun: (result) => observer.purged(result),
    clock,
    log,
  });
  const ownership = new SoleOwnership({
    role: 'publisher',
    fleet,
    instance: config.instance,
    nonce,
    partitions,
    leases,
    ttlMs: leaseTtlMs,
    clock,
    log,
  });
  lifecycle.onStop('ownership', 10_000, () => ownership.stop());
  registerGauges(registry, publisher, ownership);
  ownership.start(publisher);
  purger.start();
  lifecycle.onStop('purger', 5_000, () => purger.stop());
  log.info({ adminPort, fleet }, 'ready');
}

function registerGauges(registry: Registry, publisher: FleetPublisher, ownership: SoleOwnership): void {
  const gateways = () => publisher.partitions().flatMap((partition) => [...partition.gateways()]);
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name: `gatecast_publisher_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  gauge('lease_valid', 'Whether this process may act for its fleet now.', () => (ownership.isOwner() ? 1 : 0));
  gauge('partitions_owned', 'Partitions that this process serves.', () => publisher.partitions().length);
  gauge('gateways', 'Gateways that this process serves.', () => gateways().length);
  new Gauge({
    name: 'gatecast_publisher_gateway_status',
    help: 'Gateways by status code.',
    labelNames: ['code'],
    registers: [registry],
    collect() {
      const counts = new Map<string, number>(STATUS_CODES.map((code) => [code, 0]));
      for (const { statusCode } of gateways()) {
        if (statusCode) counts.set(statusCode, (counts.get(statusCode) ?? 0) + 1);
      }
      for (const [code, count] of counts) this.set({ code }, count);
    },
  });
  gauge(
    'gateways_behind',
    'Gateways fed from the waiting room.',
    () => gateways().filter(({ line }) => line.mode !== 'live').length,
  );
  gauge('lane_messages', 'Messages in lanes.', () => gateways().reduce((sum, { line }) => sum + line.lane.size, 0));
}
