import { createHash, randomUUID } from 'node:crypto';
import { ServiceProcess } from '@gatecast/local-stack';
import { createLogger } from '@gatecast/shared/logging';
import {
  type EncoderCheckpoint,
  type GatewayRecord,
  type IntegrationSettings,
  type MeasurementRequest,
  partitionOf,
  type SensorsRecord,
} from '@gatecast/shared/model';
import {
  ALL_FLEETS,
  type BatchHeaders,
  connectNats,
  DEADLETTER_STREAM,
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
  readBatchHeaders,
  readingsHeaders,
  readingsStreamOf,
  type StorageLimits,
  subjects,
} from '@gatecast/shared/nats';
import { decodeBatch } from '@gatecast/shared/outbox';
import { NatsServer, waitFor } from '@gatecast/shared/testing';
import type { JsMsg } from '@nats-io/jetstream';
import { onTestFinished } from 'vitest';
import { stopLoyal } from './stop-loyal.ts';

export const FLEET = 'default';
export const PARTITIONS = 4;
const LEASE_TTL_MS = 3_000;

export interface OutboxMessage {
  readonly sequence: number;
  readonly headers: BatchHeaders;
  readonly messages: readonly { topic: string; text: string; retain: boolean }[];
}

export interface DeadLetterMessage {
  readonly subject: string;
  readonly reason: string;
  readonly body: string;
}

/** A NATS server with Gatecast's streams and buckets, and encoder processes that can be killed. */
export class EncoderHarness {
  readonly server: NatsServer;
  readonly nats: Nats;
  readonly integrations: KvStore<GatewayRecord>;
  readonly sensors: KvStore<SensorsRecord>;
  readonly checkpoints: KvStore<EncoderCheckpoint>;
  readonly limits: StorageLimits;
  readonly #encoders = new Set<ServiceProcess>();

  private constructor(
    server: NatsServer,
    nats: Nats,
    limits: StorageLimits,
    stores: Pick<EncoderHarness, 'integrations' | 'sensors' | 'checkpoints'>,
  ) {
    this.server = server;
    this.nats = nats;
    this.limits = limits;
    this.integrations = stores.integrations;
    this.sensors = stores.sensors;
    this.checkpoints = stores.checkpoints;
  }

  static async start(limits: Partial<StorageLimits> = {}): Promise<EncoderHarness> {
    const server = await NatsServer.start({ users: 'shipped' });
    const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
    const nats = await connectNats({ ...server.access(), name: 'test' }, log);
    const all = { ...DEFAULT_STORAGE_LIMITS, ...limits };
    await ensureCommonStreams(nats, all);
    await ensureFleetStreams(nats, FLEET, all);
    await ensureBuckets(nats, { replicas: 1, leaseTtlMs: LEASE_TTL_MS });
    return new EncoderHarness(server, nats, all, {
      integrations: await KvStore.open(nats, 'integrations'),
      sensors: await KvStore.open(nats, 'sensors'),
      checkpoints: await KvStore.open(nats, 'checkpoints'),
    });
  }

  async stop(): Promise<void> {
    await Promise.all(Array.from(this.#encoders, (encoder) => encoder.stop()));
    await this.nats.close();
    await stopLoyal(this.server);
  }

  /** Starts an encoder; it takes its partitions once the lease of one that was killed has expired. */
  async startEncoder(settings: Record<string, string> = {}): Promise<ServiceProcess> {
    const encoder = await ServiceProcess.start({
      name: 'encoder',
      env: {
        ...this.server.envOf('encoder'),
        GATECAST_PARTITIONS: String(PARTITIONS),
        GATECAST_INSTANCE: `encoder-${randomUUID().slice(0, 8)}`,
        GATECAST_ADMIN_HOST: '127.0.0.1',
        GATECAST_ADMIN_PORT: '0',
        GATECAST_RECORD_INTERVAL_MS: '50',
        ...settings,
      },
    });
    this.#encoders.add(encoder);
    return encoder;
  }

  /** The value of a metric, all labels added up. */
  async metric(encoder: ServiceProcess, name: string): Promise<number> {
    const text = await (await fetch(`${encoder.adminUrl}/metrics`)).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:{[^}]*})? (.+)$`, 'gm'))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Registers a gateway, or registers it anew. Resolves to its incarnation. */
  async register(gatewayId: string, mqtt: IntegrationSettings = {}, name?: string): Promise<string> {
    const incarnation = randomUUID();
    const record: GatewayRecord = {
      gatewayId,
      workspace: 'ws',
      fleet: FLEET,
      incarnation,
      ...(name === undefined ? {} : { name }),
      createdAt: new Date().toISOString(),
      ingestTokenHash: '',
      mqtt: { host: 'broker.example', ...mqtt },
    };
    const found = await this.integrations.get(gatewayId);
    if (found) await this.integrations.delete(gatewayId);
    await this.integrations.create(gatewayId, record);
    return incarnation;
  }

  /** Changes settings, as config-api does. Resolves to the revision. */
  async configure(gatewayId: string, change: (record: GatewayRecord) => GatewayRecord): Promise<number> {
    const found = await this.integrations.get(gatewayId);
    if (!found) throw new Error(`${gatewayId} is not registered`);
    return await this.integrations.update(gatewayId, change(found.value), found.revision);
  }

  /** Stores a batch in READINGS, as the ingest does. Resolves to its sequence. */
  async send(gatewayId: string, incarnation: string, request: MeasurementRequest | string): Promise<number> {
    const body = typeof request === 'string' ? request : JSON.stringify(request);
    const msgId = createHash('sha256').update(gatewayId).update(body).digest('hex');
    const headers = readingsHeaders(incarnation, msgId);
    return (await this.publish(gatewayId, body, headers)).sequence;
  }

  async publish(gatewayId: string, body: string, headers: ReturnType<typeof readingsHeaders>) {
    const subject = subjects.readings(partitionOf(gatewayId, PARTITIONS), gatewayId);
    return await publishToStream(this.nats, subject, Buffer.from(body), { headers });
  }

  /** What the outbox holds of a gateway now. */
  async outbox(gatewayId: string): Promise<OutboxMessage[]> {
    const subject = subjects.outbox(FLEET, partitionOf(gatewayId, PARTITIONS), gatewayId);
    const stored = await this.#read(outboxStreamOf(FLEET, 0), subject);
    return stored.map(({ seq, headers, data }) => ({
      sequence: seq,
      headers: readBatchHeaders(headers),
      messages: decodeBatch(data).map(({ topic, payload, retain }) => ({
        topic,
        text: Buffer.from(payload).toString(),
        retain,
      })),
    }));
  }

  async deadLetters(gatewayId: string): Promise<DeadLetterMessage[]> {
    const stored = await this.#read(DEADLETTER_STREAM, `deadletter.*.${gatewayId}`);
    return stored.map(({ subject, headers, data }) => ({
      subject,
      reason: headers?.get(HEADER.reason) ?? '',
      body: Buffer.from(data).toString(),
    }));
  }

  async purgeOutbox(gatewayId: string): Promise<void> {
    const filter = subjects.outbox(FLEET, partitionOf(gatewayId, PARTITIONS), gatewayId);
    await this.nats.jsm.streams.purge(outboxStreamOf(FLEET, 0), { filter });
  }

  async record(gatewayId: string): Promise<EncoderCheckpoint | undefined> {
    const key = keys.checkpoint('encoder', ALL_FLEETS, partitionOf(gatewayId, PARTITIONS));
    return (await this.checkpoints.get(key))?.value;
  }

  /** Waits until the record says that all up to `sequence` is done. */
  async passed(gatewayId: string, sequence: number, timeoutMs = 20_000): Promise<EncoderCheckpoint> {
    return await waitFor(
      async () => {
        const record = await this.record(gatewayId);
        return record && record.seq >= sequence && record;
      },
      { timeoutMs, describe: `the encoder to pass READINGS ${sequence}` },
    );
  }

  async readingsState() {
    return (await this.nats.jsm.streams.info(readingsStreamOf(0))).state;
  }

  async #read(stream: string, subject: string): Promise<JsMsg[]> {
    const consumer = await this.nats.js.consumers.get(stream, { filter_subjects: subject });
    const { num_pending: count } = await consumer.info(true);
    const found: JsMsg[] = [];
    if (count === 0) return found;
    for await (const message of await consumer.fetch({ max_messages: count, expires: 5_000 })) found.push(message);
    await consumer.delete();
    return found;
  }
}

/** A harness that is taken down when the test has ended. */
export async function startHarness(limits: Partial<StorageLimits> = {}): Promise<EncoderHarness> {
  const harness = await EncoderHarness.start(limits);
  onTestFinished(() => harness.stop());
  return harness;
}

/** The texts of one metric, in the order in which they are in the outbox. */
export function valuesOf(outbox: readonly OutboxMessage[], metric: string): string[] {
  return outbox
    .flatMap(({ messages }) => messages)
    .filter(({ topic }) => topic.endsWith('/json/measurements'))
    .map(({ text }) => (JSON.parse(text) as Record<string, string>)[metric] ?? '');
}

/** Why `outbox` is no line of counters from `first` on without gap or repeat; undefined when it is one. */
export function counterFault(outbox: readonly OutboxMessage[], first = 1): string | undefined {
  let next = first;
  for (const { headers, messages } of outbox) {
    if (headers.first !== next) return `${headers.first} where ${next} was due`;
    if (headers.count !== messages.length) return `${headers.count} counted, ${messages.length} there`;
    next += headers.count;
  }
  return undefined;
}

export { readingsHeaders };
