import { createLogger } from '@gatecast/shared/logging';
import type {
  EncoderCheckpoint,
  FleetRecord,
  GatewayRecord,
  PublisherCheckpoint,
  SensorsRecord,
  StatusRecord,
  WorkspaceRecord,
} from '@gatecast/shared/model';
import type { LeaseRecord } from '@gatecast/shared/ownership';
import { createOpener, createSealer, generateSealingKeys, type Opener } from '@gatecast/shared/secrets';
import { InMemoryKv, ManualClock } from '@gatecast/shared/testing';
import { Registry } from '@prometheus-io/client';
import type { FastifyInstance } from 'fastify';
import { onTestFinished } from 'vitest';
import { buildServer } from '../src/adapters/http/server.ts';
import { ApiKeys } from '../src/application/api-keys.ts';
import { Authenticator } from '../src/application/authenticator.ts';
import { DeadLetters } from '../src/application/dead-letters.ts';
import { Fleets } from '../src/application/fleets.ts';
import { Gateways } from '../src/application/gateways.ts';
import { Integrations } from '../src/application/integrations.ts';
import { KeyedLock } from '../src/application/keyed-lock.ts';
import { MoveProgress } from '../src/application/move-progress.ts';
import type { StatusEvent } from '../src/application/ports.ts';
import { Records } from '../src/application/records.ts';
import { Sensors } from '../src/application/sensors.ts';
import { StatusReader } from '../src/application/status-reader.ts';
import { Workspaces } from '../src/application/workspaces.ts';
import type { ApiKeyRecord } from '../src/domain/access/api-key.ts';
import { FakeDeadLetters } from './fake-dead-letters.ts';

export const ADMIN_KEY = 'admin-key-for-tests-0123456789-0123456789';
export const PARTITIONS = 4;
export const LEASE_TTL_MS = 12_000;

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | number | undefined>;
  /** Parsed; undefined without a body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  body: any;
  text: string;
  etag: string;
}

export interface RequestOptions {
  /** Default: the admin key. null: none. */
  key?: string | null;
  body?: unknown;
  ifMatch?: string;
  contentType?: string;
  headers?: Record<string, string>;
}

export type Harness = Awaited<ReturnType<typeof createHarness>>;

/** The whole service but its NATS adapters: HTTP by `inject()`, buckets in memory, time by hand. */
export async function createHarness(options: { authFailuresPerMinute?: number; declaredFleets?: string[] } = {}) {
  const clock = new ManualClock();
  const logLines: string[] = [];
  const log = createLogger(
    { service: 'config-api', instance: 'test', level: 'trace' },
    { write: (line: string) => void logLines.push(line) },
  );
  const buckets = {
    workspaces: new InMemoryKv<WorkspaceRecord>(),
    fleets: new InMemoryKv<FleetRecord>(),
    apiKeys: new InMemoryKv<ApiKeyRecord>(),
    gateways: new InMemoryKv<GatewayRecord>(),
    sensors: new InMemoryKv<SensorsRecord>(),
    status: new InMemoryKv<StatusRecord>(),
    leases: new InMemoryKv<LeaseRecord>(),
    checkpoints: new InMemoryKv<EncoderCheckpoint | PublisherCheckpoint>(),
  };
  const recordsOf = <T>(kv: InMemoryKv<T>) => new Records<T>({ store: kv, view: kv.view }, clock);
  const workspaces = recordsOf(buckets.workspaces);
  const fleets = recordsOf(buckets.fleets);
  const apiKeys = recordsOf(buckets.apiKeys);
  const gateways = recordsOf(buckets.gateways);
  const sensors = recordsOf(buckets.sensors);

  const announced: GatewayRecord[] = [];
  const announcer = { announce: async (gateway: GatewayRecord) => void announced.push(gateway) };
  const streams = new FleetStreamsFake();
  const moves = new MoveProgress({ checkpoints: buckets.checkpoints.view, partitions: PARTITIONS });
  const fleetLock = new KeyedLock();
  const oldestUnencoded = new Map<number, number>();
  const waiting = { oldest: undefined as number | undefined, failure: undefined as Error | undefined };
  const events: StatusEvent[] = [];
  const deadLetters = new FakeDeadLetters();
  const done: [action: string, letters: number][] = [];
  const keys = await generateSealingKeys('test');
  const opener: Opener = await createOpener(keys.privateJwks);
  const randomness = countingRandomness();
  const app = await buildServer({
    authenticator: new Authenticator({
      apiKeys: buckets.apiKeys.view,
      workspaces: buckets.workspaces.view,
      bootstrapApiKey: ADMIN_KEY,
      clock,
    }),
    workspaces: new Workspaces({ workspaces, gateways, apiKeys, clock }),
    fleets: new Fleets({
      ...{ fleets, gateways, streams, moves, fleetLock, clock },
      declared: options.declaredFleets ?? [],
    }),
    apiKeys: new ApiKeys({ apiKeys, workspaces, randomness, clock }),
    gateways: new Gateways({
      ...{ gateways, workspaces, fleets, sensors, moves, fleetLock },
      ...{ announcer, randomness, clock, log },
    }),
    integrations: new Integrations({ gateways, sealer: await createSealer(keys.publicJwks), announcer }),
    sensors: new Sensors({ gateways, sensors, announcer }),
    deadLetters: new DeadLetters({
      gateways,
      letters: deadLetters,
      onDone: (action, letters) => void done.push([action, letters]),
      log,
    }),
    events: { last: async (_gateway, limit) => events.slice(0, limit) },
    reader: new StatusReader({
      status: buckets.status.view,
      leases: buckets.leases.view,
      checkpoints: buckets.checkpoints.view,
      sensors: buckets.sensors.view,
      oldestUnencodedAt: (partition) => oldestUnencoded.get(partition),
      moves,
      waitingRooms: {
        async oldestAfter() {
          if (waiting.failure) throw waiting.failure;
          return waiting.oldest;
        },
      },
      partitions: PARTITIONS,
      leaseTtlMs: LEASE_TTL_MS,
      clock,
      log,
    }),
    defaultFleet: 'default',
    authFailuresPerMinute: options.authFailuresPerMinute ?? 1_000,
    trustedProxies: undefined,
    registry: new Registry(),
    log,
  });
  onTestFinished(() => app.close());

  const request = requestOf(app);
  return {
    app,
    request,
    buckets,
    clock,
    announced,
    streams,
    events,
    deadLetters,
    done,
    waiting,
    oldestUnencoded,
    opener,
    logLines,
    /** A workspace and the fleet `default`. */
    async withWorkspace(workspace = 'acme') {
      const createdAt = new Date(clock.now()).toISOString();
      if (!buckets.fleets.view.get('default')) await buckets.fleets.create('default', { fleet: 'default', createdAt });
      await buckets.workspaces.create(workspace, { workspace, createdAt });
    },
    /** An API key with one scope. */
    async keyWith(scope: string): Promise<string> {
      const workspace = scope.split(':')[1] ?? '';
      const body = { name: scope, scopes: [scope] };
      return (await request('POST', `/v1/workspaces/${workspace}/api-keys`, { body })).body.key;
    },
    /** Registers a gateway and returns the path of its resource and its ETag. */
    async withGateway(gatewayId = 'gw-1', workspace = 'acme'): Promise<{ url: string; etag: string; token: string }> {
      const created = await request('POST', `/v1/workspaces/${workspace}/gateways`, { body: { gatewayId } });
      if (created.status !== 201) throw new Error(`could not create ${gatewayId}: ${created.text}`);
      return {
        url: `/v1/workspaces/${workspace}/gateways/${gatewayId}`,
        etag: created.etag,
        token: created.body.ingestToken,
      };
    },
  };
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';

function requestOf(app: FastifyInstance) {
  return async (method: Method, url: string, options: RequestOptions = {}): Promise<Answer> => {
    const { key = ADMIN_KEY, body, ifMatch, contentType = 'application/json', headers = {} } = options;
    const response = await app.inject({
      method,
      url,
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        ...(body === undefined ? {} : { 'content-type': contentType }),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      body: response.body === '' ? undefined : parseJson(response.body),
      text: response.body,
      etag: String(response.headers.etag),
    };
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Secrets that tests can predict and never mistake for each other. */
function countingRandomness() {
  let count = 0;
  return {
    token: () => {
      count += 1;
      return `token-${count}-${'x'.repeat(32)}`;
    },
    id: () => {
      count += 1;
      return `id-${count}`;
    },
  };
}

class FleetStreamsFake {
  readonly existing = new Set<string>();
  failure: Error | undefined;

  async ensure(fleet: string): Promise<void> {
    if (this.failure) throw this.failure;
    this.existing.add(fleet);
  }

  async remove(fleet: string): Promise<void> {
    if (this.failure) throw this.failure;
    this.existing.delete(fleet);
  }
}
