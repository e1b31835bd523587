import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceProcess } from '@gatecast/local-stack';
import { systemClock } from '@gatecast/shared/lifecycle';
import { createLogger } from '@gatecast/shared/logging';
import {
  ALL_PARTS,
  type EncoderCheckpoint,
  type GatewayRecord,
  type IntegrationSettings,
  type PublisherCheckpoint,
  partitionOf,
  type StatusRecord,
} from '@gatecast/shared/model';
import {
  ALL_FLEETS,
  backlogStreamOf,
  batchHeaders,
  connectNats,
  DEFAULT_STORAGE_LIMITS,
  ensureBuckets,
  ensureCommonStreams,
  ensureFleetStreams,
  HEADER,
  KvStore,
  keys,
  type Nats,
  outboxStreamOf,
  publishToStream,
  type StorageLimits,
  subjects,
} from '@gatecast/shared/nats';
import { encodeBatch } from '@gatecast/shared/outbox';
import { createSealer, generateSealingKeys, type Sealer } from '@gatecast/shared/secrets';
import { NatsServer, TempDir, waitFor } from '@gatecast/shared/testing';
import { stopLoyal } from './stop-loyal.ts';

export const LEASE_TTL_MS = 3_000;
const DEFAULT_PARTITIONS = 8;
const FLEET = 'default';

export interface FixtureOptions {
  /** Settings of the publisher, by environment variable. */
  env?: Record<string, string>;
  limits?: Partial<StorageLimits>;
  /** Default 8. */
  partitions?: number;
}

export interface EmitOptions {
  perBatch?: number;
  incarnation?: string;
  /** Revision of the integration that the messages claim to be encoded by. */
  settings?: number;
  /** Retain flag of the messages: the encoder sets it as the integration says. */
  retain?: boolean;
  /** W3C trace context that the batch is published in. */
  traceparent?: string;
}

/** A real NATS server and a real mqtt-publisher process; the test plays the encoder and config-api. */
export class PublisherFixture {
  readonly nats: NatsServer;
  readonly connection: Nats;
  readonly publisher: ServiceProcess;
  readonly sealer: Sealer;
  readonly #integrations: KvStore<GatewayRecord>;
  readonly #status: KvStore<StatusRecord>;
  readonly #checkpoints: KvStore<PublisherCheckpoint>;
  readonly #counters = new Map<string, number>();
  #writes = 0;
  readonly #dir: TempDir;
  readonly #env: Record<string, string>;
  readonly #partitions: number;
  readonly #others: ServiceProcess[] = [];

  private constructor(parts: {
    nats: NatsServer;
    connection: Nats;
    publisher: ServiceProcess;
    sealer: Sealer;
    integrations: KvStore<GatewayRecord>;
    status: KvStore<StatusRecord>;
    checkpoints: KvStore<PublisherCheckpoint>;
    dir: TempDir;
    env: Record<string, string>;
    partitions: number;
  }) {
    this.nats = parts.nats;
    this.connection = parts.connection;
    this.publisher = parts.publisher;
    this.sealer = parts.sealer;
    this.#integrations = parts.integrations;
    this.#status = parts.status;
    this.#checkpoints = parts.checkpoints;
    this.#dir = parts.dir;
    this.#env = parts.env;
    this.#partitions = parts.partitions;
  }

  static async start({
    env = {},
    limits = {},
    partitions = DEFAULT_PARTITIONS,
  }: FixtureOptions = {}): Promise<PublisherFixture> {
    const nats = await NatsServer.start({ users: 'shipped' });
    const dir = await TempDir.create('publisher');
    const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
    const connection = await connectNats({ ...nats.access(), name: 'test' }, log);
    await ensureBuckets(connection, { replicas: 1, leaseTtlMs: LEASE_TTL_MS });
    const storage = { ...DEFAULT_STORAGE_LIMITS, ...limits };
    await ensureCommonStreams(connection, storage);
    await ensureFleetStreams(connection, FLEET, storage);
    const sealing = await generateSealingKeys('test');
    const keyFile = join(dir.path, 'sealing.json');
    await writeFile(keyFile, sealing.privateJwks);
    const settings = {
      ...nats.envOf('mqtt-publisher'),
      GATECAST_PARTITIONS: String(partitions),
      GATECAST_INSTANCE: 'publisher-1',
      GATECAST_ADMIN_PORT: '0',
      GATECAST_ADMIN_HOST: '127.0.0.1',
      GATECAST_SEALING_PRIVATE_KEYS_FILE: keyFile,
      GATECAST_BROKER_ALLOWED_RANGES: '127.0.0.0/8,::1/128',
      GATECAST_BACKOFF_BASE_MS: '100',
      GATECAST_BACKOFF_MAX_MS: '500',
      ...env,
    };
    const publisher = await ServiceProcess.start({ name: 'mqtt-publisher', env: settings });
    return new PublisherFixture({
      nats,
      connection,
      publisher,
      dir,
      env: settings,
      partitions,
      sealer: await createSealer(sealing.publicJwks),
      integrations: await KvStore.open<GatewayRecord>(connection, 'integrations'),
      status: await KvStore.open<StatusRecord>(connection, 'status'),
      checkpoints: await KvStore.open<PublisherCheckpoint>(connection, 'checkpoints'),
    });
  }

  /** One more publisher of the same fleet. */
  async startAnother(instance: string): Promise<ServiceProcess> {
    const env = { ...this.#env, GATECAST_INSTANCE: instance };
    const another = await ServiceProcess.start({ name: 'mqtt-publisher', env });
    this.#others.push(another);
    return another;
  }

  /** Registers a gateway, or changes the settings of one. Returns the revision. */
  async configure(gatewayId: string, mqtt: IntegrationSettings, incarnation = 'first'): Promise<number> {
    const record: GatewayRecord = {
      gatewayId,
      workspace: 'default',
      fleet: FLEET,
      incarnation,
      createdAt: new Date(systemClock.now()).toISOString(),
      ingestTokenHash: '0'.repeat(64),
      mqtt,
    };
    const found = await this.#integrations.get(gatewayId);
    if (found) return this.#integrations.update(gatewayId, record, found.revision);
    return this.#integrations.create(gatewayId, record);
  }

  async remove(gatewayId: string): Promise<void> {
    this.#counters.delete(gatewayId);
    await this.#integrations.delete(gatewayId);
  }

  /** Writes batches into the outbox as the encoder does: message n of a gateway has the payload `n`. */
  async emit(gatewayId: string, batches: number, options: EmitOptions = {}): Promise<void> {
    const { perBatch = 1 } = options;
    for (let batch = 0; batch < batches; batch += 1) {
      const first = (this.#counters.get(gatewayId) ?? 0) + 1;
      await this.#write(gatewayId, first, perBatch, options);
      this.#counters.set(gatewayId, first + perBatch - 1);
    }
  }

  /** Writes messages `from` … `to` once more, as an encoder may after a crash. */
  async emitAgain(gatewayId: string, from: number, to: number): Promise<void> {
    await this.#write(gatewayId, from, to - from + 1, {});
  }

  async #write(gatewayId: string, first: number, count: number, options: EmitOptions): Promise<void> {
    const { incarnation = 'first', settings = 1, retain = false, traceparent } = options;
    const messages = Array.from({ length: count }, (_, index) => ({
      topic: `Aranet/${gatewayId}/sensors/S1/json/measurements`,
      payload: Buffer.from(String(first + index)),
      retain,
    }));
    const source = { sequence: first, part: 2, parts: 2 };
    const headers = batchHeaders({ incarnation, source, settings, first, count });
    const subject = subjects.outbox(FLEET, partitionOf(gatewayId, this.#partitions), gatewayId);
    const body = encodeBatch(messages);
    if (traceparent !== undefined) headers.set('traceparent', traceparent);
    this.#writes += 1;
    headers.set(HEADER.msgId, `write-${this.#writes}`);
    // NATS may be restarting: the same write again is the same message.
    await waitFor(() => publishToStream(this.connection, subject, body, { headers }), {
      timeoutMs: 30_000,
      intervalMs: 50,
    });
  }

  /** Ids of two gateways that share a partition. */
  twoOfOnePartition(): [string, string] {
    const first = 'neighbour-0';
    for (let index = 1; ; index += 1) {
      const second = `neighbour-${index}`;
      if (partitionOf(second, this.#partitions) === partitionOf(first, this.#partitions)) return [first, second];
    }
  }

  status(gatewayId: string): Promise<StatusRecord | undefined> {
    return this.#status.get(gatewayId).then((found) => found?.value);
  }

  /** Waits until the status record says `code` (and `reason`). */
  waitForStatus(gatewayId: string, code: string, reason?: string, timeoutMs = 15_000): Promise<StatusRecord> {
    return waitFor(
      async () => {
        const record = await this.status(gatewayId);
        return record?.code === code && (reason === undefined || record.reason === reason) ? record : undefined;
      },
      { timeoutMs, describe: `status ${code}${reason ? ` (${reason})` : ''} of ${gatewayId}` },
    );
  }

  async checkpoint(gatewayId: string): Promise<PublisherCheckpoint['gateways'][string] | undefined> {
    const key = keys.checkpoint('publisher', FLEET, partitionOf(gatewayId, this.#partitions));
    return (await this.#checkpoints.get(key))?.value.gateways[gatewayId];
  }

  /** Records, as the encoder does, that it has encoded a gateway up to `counter`. */
  async recordAsEncoder(gatewayId: string, counter: number, incarnation = 'first'): Promise<void> {
    const key = keys.checkpoint('encoder', ALL_FLEETS, partitionOf(gatewayId, this.#partitions));
    const store = await KvStore.open<EncoderCheckpoint>(this.connection, 'checkpoints');
    const found = await store.get(key);
    const position = { i: incarnation, c: counter, s: counter, p: ALL_PARTS };
    const record = { epoch: 1, seq: counter, gateways: { ...found?.value.gateways, [gatewayId]: position } };
    if (found) await store.update(key, record, found.revision);
    else await store.create(key, record);
  }

  async outboxMessages(): Promise<number> {
    return (await this.connection.jsm.streams.info(outboxStreamOf(FLEET, 0))).state.messages;
  }

  async backlogMessages(): Promise<number> {
    return (await this.connection.jsm.streams.info(backlogStreamOf(FLEET))).state.messages;
  }

  /** How often the publisher has looked for something to purge. */
  purges(): Promise<number> {
    return this.metric('gatecast_publisher_purge_runs_total');
  }

  /** Value of one of the publisher's metrics; `name` is a pattern, of labels too. */
  async metric(name: string, publisher = this.publisher): Promise<number> {
    const metrics = await (await fetch(`${publisher.adminUrl}/metrics`)).text();
    return Number(new RegExp(`^${name} (.+)$`, 'm').exec(metrics)?.[1]);
  }

  /** Whether the publisher says, by its metrics, that it does not hold a valid lease. */
  async isLeaseOver(): Promise<boolean> {
    return (await this.metric('gatecast_publisher_leases_valid')) === 0;
  }

  async stop(): Promise<void> {
    await Promise.all([this.publisher, ...this.#others].map((publisher) => publisher.stop()));
    await this.connection.close();
    await stopLoyal(this.nats);
    await this.#dir.remove();
  }
}
