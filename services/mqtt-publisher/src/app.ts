import type { Clock } from '@gatecast/shared/lifecycle';
import {
  type EncoderCheckpoint,
  type GatewayRecord,
  type PublisherCheckpoint,
  STATUS_CODES,
  type StatusRecord,
} from '@gatecast/shared/model';
import {
  backlogStreamOf,
  DEADLETTER_STREAM,
  KvStore,
  KvView,
  keys,
  outboxStreamOf,
  STATUS_EVENTS_STREAM,
  waitForTopology,
} from '@gatecast/shared/nats';
import { openOwnership, VacantLeases } from '@gatecast/shared/ownership';
import { createOpener } from '@gatecast/shared/secrets';
import { connectService, type ServiceContext } from '@gatecast/shared/service';
import { Gauge, Registry } from '@prometheus-io/client';
import { createDeliveryObserver } from './adapters/delivery-metrics.ts';
import { AddressPolicy } from './adapters/mqtt/address-policy.ts';
import type { DialMeans } from './adapters/mqtt/dial.ts';
import { MqttJsConnector } from './adapters/mqtt/mqtt-js-connector.ts';
import { SystemNames } from './adapters/mqtt/system-names.ts';
import { TlsMemory } from './adapters/mqtt/tls-memory.ts';
import { DrainedRooms } from './adapters/nats/drained-rooms.ts';
import { followWrites } from './adapters/nats/follow-writes.ts';
import { IntegrationDirectory } from './adapters/nats/integration-directory.ts';
import { NatsBacklogStore } from './adapters/nats/nats-backlog-store.ts';
import { NatsCheckpointStore } from './adapters/nats/nats-checkpoint-store.ts';
import { NatsDeadLetters } from './adapters/nats/nats-dead-letters.ts';
import { NatsLineReader } from './adapters/nats/nats-line-reader.ts';
import { NatsOutboxReader } from './adapters/nats/nats-outbox-reader.ts';
import { NatsUpstream } from './adapters/nats/nats-upstream.ts';
import { Purger } from './adapters/nats/purger.ts';
import { StatusWriter } from './adapters/nats/status-writer.ts';
import { UnreadableBatches } from './adapters/nats/unreadable-batches.ts';
import { BrokerNames } from './application/broker-names.ts';
import { ConnectTurns } from './application/connect-turns.ts';
import { FleetPublisher } from './application/fleet-publisher.ts';
import type { PartitionDependencies } from './application/partition-dependencies.ts';
import { Slots } from './application/slots.ts';
import type { PublisherConfig } from './config.ts';

const BUCKETS = ['integrations', 'status', 'members', 'leases', 'checkpoints'] as const;
/** A system lookup of a name that takes longer is helped out by a DNS query, ms. */
const DNS_PATIENCE_MS = 1_000;

/** Wires the publisher of one fleet together and starts it; registers how everything stops. */
export async function startApp(context: ServiceContext<PublisherConfig>): Promise<void> {
  const { config, log, clock, lifecycle } = context;
  const { fleet, partitions } = config;
  const registry = new Registry();
  const connecting = connectingMeans(config, clock);
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
  const directory = new IntegrationDirectory(integrations, integrationStore, fleet, partitions);
  const checkpoints = await KvStore.open<PublisherCheckpoint>(nats, 'checkpoints');
  const encoderCheckpoints = await KvStore.open<EncoderCheckpoint>(nats, 'checkpoints');
  const unreadableOf = (name: string) =>
    new UnreadableBatches(nats, name, log, () => observer.deadLettered('unreadable'));
  const unreadable = unreadableOf(fleet);
  const dependencies: PartitionDependencies = {
    fleet,
    outbox: new NatsOutboxReader(
      { nats, clock, random: Math.random, log },
      { fleet, readAhead: config.readAhead, unreadable },
    ),
    backlog: new NatsBacklogStore(nats, fleet, unreadable, log),
    line: new NatsLineReader(nats, fleet, unreadable),
    checkpoints: new NatsCheckpointStore(checkpoints, fleet),
    formerFleet: (name) => ({
      checkpoints: new NatsCheckpointStore(checkpoints, name),
      backlog: new NatsBacklogStore(nats, name, unreadableOf(name), log),
      line: new NatsLineReader(nats, name, unreadableOf(name)),
      follow(partition, onWrite, signal) {
        const key = { bucket: 'checkpoints', name: keys.checkpoint('publisher', name, partition) } as const;
        void followWrites(nats, key, onWrite, signal, log);
      },
    }),
    vacantLeases: await VacantLeases.open(nats, { role: 'publisher', instance: config.instance }, { clock, log }),
    deadLetters: new NatsDeadLetters(nats, fleet),
    directory,
    status,
    connector: new MqttJsConnector(
      connecting.dial,
      opener,
      {
        connackMs: config.connackTimeoutMs,
        disconnectMs: config.disconnectTimeoutMs,
        identifySessions: config.identifySessions,
        sessionExpirySeconds: config.sessionExpirySeconds,
        willDelaySeconds: config.willDelaySeconds,
      },
      clock,
      log,
    ),
    connectQueue: connecting.turns,
    upstream: new NatsUpstream(nats, fleet),
    limits: config,
    observer,
    clock,
    random: Math.random,
    log,
  };
  const publisher = new FleetPublisher({ dependencies, integrations, partitions, clock });
  lifecycle.onStop('fleet publisher', 1_000, async () => publisher.stop());

  const { instance, handoversPerSecond } = config;
  const share = { role: 'publisher', fleet, instance, partitions, handoversPerSecond } as const;
  const ownership = await openOwnership(nats, share, context, registry);
  lifecycle.onStop('ownership', 10_000, () => ownership.stop());
  registerGauges(registry, publisher);
  registerConnectGauges(registry, connecting);
  ownership.start(publisher);
  const purger = new Purger({
    ...{ nats, unreadable, clock, log },
    records: { fleet, partitions, checkpoints, encoderCheckpoints, directory },
    intervalMs: config.purgeIntervalMs,
    isPurger: () => ownership.owns(0),
    onRun: (result) => observer.purged(result),
  });
  purger.start();
  lifecycle.onStop('purger', 5_000, () => purger.stop());
  const { backlog } = dependencies;
  const rooms = new DrainedRooms({ ...{ backlog, clock, log }, owned: () => publisher.partitions() });
  rooms.start();
  lifecycle.onStop('drained rooms', 5_000, () => rooms.stop());
  log.info({ adminPort, fleet }, 'ready');
}

/** What all sessions of the process share to get connected. */
function connectingMeans(config: PublisherConfig, clock: Clock) {
  const { maxDnsLookups, dnsCacheMs, connectTimeoutMs, tlsTimeoutMs } = config;
  const names = { maxLookups: maxDnsLookups, cacheMs: dnsCacheMs, patienceMs: DNS_PATIENCE_MS, clock };
  const dial: DialMeans = {
    policy: new AddressPolicy(config.brokerAllowedRanges, config.brokerAllowedHosts),
    names: new BrokerNames(new SystemNames(), names),
    tls: new TlsMemory(),
    handshakes: new Slots(config.maxTlsHandshakes),
    timeouts: { connectMs: connectTimeoutMs, tlsMs: tlsTimeoutMs },
  };
  return { dial, turns: new ConnectTurns(config, clock) };
}

function registerConnectGauges(registry: Registry, { dial, turns }: ReturnType<typeof connectingMeans>): void {
  new Gauge({
    name: 'gatecast_publisher_connects_waiting',
    help: 'Attempts to connect that wait: for their turn, for a place among the TLS handshakes, for a name lookup.',
    labelNames: ['for'],
    registers: [registry],
    collect() {
      this.set({ for: 'turn' }, turns.waiting);
      this.set({ for: 'handshake' }, dial.handshakes.waiting);
      this.set({ for: 'lookup' }, dial.names.waiting);
    },
  });
}

function registerGauges(registry: Registry, publisher: FleetPublisher): void {
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
  gauge(
    'gateways_silent',
    'Gateways shown offline at their brokers because they send no readings.',
    () => gateways().filter(({ isSilent }) => isSilent).length,
  );
  gauge(
    'sessions',
    'MQTT sessions that are there now.',
    () => gateways().filter(({ isConnected }) => isConnected).length,
  );
  gauge('connected_lag_messages', 'Messages in memory that wait to be sent, of gateways that are connected.', () =>
    gateways().reduce((sum, { isConnected, line }) => (isConnected ? sum + line.unsent : sum), 0),
  );
  gauge('lane_messages', 'Messages in lanes.', () => gateways().reduce((sum, { line }) => sum + line.lane.size, 0));
}
