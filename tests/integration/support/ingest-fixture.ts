import { createHash } from 'node:crypto';
import { ServiceProcess } from '@gatecast/local-stack';
import { createLogger } from '@gatecast/shared/logging';
import { type GatewayRecord, partitionOf } from '@gatecast/shared/model';
import {
  connectNats,
  DEFAULT_STORAGE_LIMITS,
  ensureBuckets,
  ensureCommonStreams,
  KvStore,
  type Nats,
  type NatsOptions,
  readingsStreamOf,
  type StorageLimits,
  type StoredMessage,
  subjects,
} from '@gatecast/shared/nats';
import { NatsServer, waitFor } from '@gatecast/shared/testing';
import { stopLoyal } from './stop-loyal.ts';

const PARTITIONS = 8;

export interface IngestFixtureOptions {
  /** Settings of the ingest, by environment variable. */
  env?: Record<string, string>;
  limits?: Partial<StorageLimits>;
  /** More configuration of the NATS server. */
  natsConfig?: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: { accepted?: number; code?: string };
}

/** A real NATS server and a real sensor-ingest process; the test plays config-api and the gateways. */
export class IngestFixture {
  readonly nats: NatsServer;
  readonly connection: Nats;
  readonly ingest: ServiceProcess;
  readonly #integrations: KvStore<GatewayRecord>;

  private constructor(
    nats: NatsServer,
    connection: Nats,
    ingest: ServiceProcess,
    integrations: KvStore<GatewayRecord>,
  ) {
    this.nats = nats;
    this.connection = connection;
    this.ingest = ingest;
    this.#integrations = integrations;
  }

  static async start({ env = {}, limits = {}, natsConfig }: IngestFixtureOptions = {}): Promise<IngestFixture> {
    const nats = await NatsServer.start({ users: 'shipped', config: natsConfig });
    const connection = await connect(nats);
    await ensureTopology(connection, limits);
    const integrations = await KvStore.open<GatewayRecord>(connection, 'integrations');
    const ingest = await ServiceProcess.start({
      name: 'sensor-ingest',
      env: {
        ...nats.envOf('sensor-ingest'),
        GATECAST_PARTITIONS: String(PARTITIONS),
        GATECAST_ADMIN_HOST: '127.0.0.1',
        GATECAST_ADMIN_PORT: '0',
        GATECAST_HTTP_HOST: '127.0.0.1',
        GATECAST_HTTP_PORT: '0',
        GATECAST_STORAGE_POLL_MS: '50',
        ...env,
      },
    });
    return new IngestFixture(nats, connection, ingest, integrations);
  }

  /** Registers a gateway, as config-api does; its token is `token-<gatewayId>`. */
  async register(gatewayId: string, incarnation = 'first'): Promise<void> {
    await this.#integrations.create(gatewayId, {
      gatewayId,
      workspace: 'acme',
      fleet: 'default',
      incarnation,
      createdAt: new Date().toISOString(),
      ingestTokenHash: createHash('sha256').update(`token-${gatewayId}`).digest('hex'),
      mqtt: { measurementIntervalSeconds: 120 },
    });
  }

  async remove(gatewayId: string): Promise<void> {
    await this.#integrations.delete(gatewayId);
  }

  async post(gatewayId: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(`${this.ingest.httpUrl}/v1/gateways/${gatewayId}/measurements`, {
      method: 'POST',
      headers: { authorization: `Bearer token-${gatewayId}`, 'content-type': 'application/json', ...headers },
      body,
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
  }

  /** What READINGS holds, in order. */
  async stored(): Promise<{ subject: string; body: string; headers: StoredMessage['headers'] }[]> {
    await waitFor(() => this.connection.isConnected(), { timeoutMs: 20_000 });
    const stream = await this.connection.js.streams.get(readingsStreamOf(0));
    const { state } = await stream.info();
    const messages = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq += 1) {
      const message = await stream.getMessage({ seq });
      if (message) messages.push({ subject: message.subject, body: message.string(), headers: message.header });
    }
    return messages;
  }

  /** As the encoder does with what it has passed. */
  async purgeReadings(): Promise<void> {
    await this.connection.jsm.streams.purge(readingsStreamOf(0));
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.ingest.adminUrl}/metrics`)).text();
  }

  async readyz(): Promise<number> {
    return (await fetch(`${this.ingest.adminUrl}/readyz`)).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ingest.stop();
    await this.connection.close();
    await stopLoyal(this.nats);
  }
}

/** Where NATS is, and how to get in as one who may do everything. */
interface Accessible {
  access(): Omit<NatsOptions, 'name'>;
}

const connect = (server: Accessible) =>
  connectNats(
    { ...server.access(), name: 'test' },
    createLogger({ service: 'test', instance: 'test', level: 'silent' }),
  );

async function ensureTopology(connection: Nats, limits: Partial<StorageLimits> = {}): Promise<void> {
  await ensureBuckets(connection, { replicas: 1, leaseTtlMs: 3_000 });
  await ensureCommonStreams(connection, { ...DEFAULT_STORAGE_LIMITS, ...limits });
}

/** As config-api does when it starts. */
export async function createTopology(server: Accessible): Promise<void> {
  const connection = await connect(server);
  await ensureTopology(connection);
  await connection.close();
}

export function subjectOf(gatewayId: string): string {
  return subjects.readings(partitionOf(gatewayId, PARTITIONS), gatewayId);
}

/** A request of one reading that no other call returns. `bytes` pads it. */
export function readingsBody(n: number, bytes = 0): string {
  const time = Math.floor(Date.now() / 1000);
  const measurement = { sensorId: '3002FA', time, values: { temperature: '22.800', co2: n } };
  return JSON.stringify({ measurements: [measurement] }).padEnd(bytes);
}
