import { readFile } from 'node:fs/promises';
import { GatecastError } from '@gatecast/shared/errors';
import { ensureBuckets, ensureCommonStreams, type Nats } from '@gatecast/shared/nats';
import { createSealer, type Sealer } from '@gatecast/shared/secrets';
import { connectService, type ServiceContext } from '@gatecast/shared/service';
import { Registry } from '@prometheus-io/client';
import type { FastifyInstance } from 'fastify';
import { buildServer } from './adapters/http/server.ts';
import { serviceMetrics } from './adapters/metrics.ts';
import { natsAnnouncer } from './adapters/nats/announcer.ts';
import { type Buckets, openBuckets } from './adapters/nats/buckets.ts';
import { NatsDeadLetters } from './adapters/nats/dead-letters.ts';
import { natsFleetStreams } from './adapters/nats/fleet-streams.ts';
import { untilDone } from './adapters/nats/provision.ts';
import { natsReadingsLine } from './adapters/nats/readings-line.ts';
import { natsStatusEvents } from './adapters/nats/status-events.ts';
import { natsWaitingRooms } from './adapters/nats/waiting-rooms.ts';
import { systemRandomness } from './adapters/randomness.ts';
import { ApiKeys } from './application/api-keys.ts';
import { Authenticator } from './application/authenticator.ts';
import { DeadLetters } from './application/dead-letters.ts';
import { createDefaults } from './application/defaults.ts';
import { EncoderLag } from './application/encoder-lag.ts';
import { Fleets } from './application/fleets.ts';
import { Gateways } from './application/gateways.ts';
import { Integrations } from './application/integrations.ts';
import { KeyedLock } from './application/keyed-lock.ts';
import { MoveProgress } from './application/move-progress.ts';
import { Records } from './application/records.ts';
import { Sensors } from './application/sensors.ts';
import { encodedUpTo, StatusReader } from './application/status-reader.ts';
import { Workspaces } from './application/workspaces.ts';
import type { ApiConfig } from './config.ts';

const HTTP_STOP_MS = 10_000;
const STOP_MS = 5_000;

/** Puts the service together and starts it; resolves when it answers requests. */
export async function startApp(context: ServiceContext<ApiConfig>): Promise<void> {
  const { config, log, clock, lifecycle } = context;
  const sealer = await readSealer(config.sealingPublicKeysFile);
  const registry = new Registry();
  const { nats, adminPort } = await connectService(context, 'config-api', registry);
  const provision = { lifecycle, random: Math.random, clock, log };
  await untilDone('creating buckets', () => ensureBuckets(nats, config), provision);
  await untilDone('creating streams', () => ensureCommonStreams(nats, config), provision);
  const buckets = await untilDone('opening buckets', () => openBuckets(nats, log, clock), provision);
  lifecycle.onStop('views', STOP_MS, async () => buckets.stop());

  const app = compose(context, { nats, buckets, sealer, registry });
  const { defaultWorkspace, defaultFleet } = config;
  const { workspaces, fleets } = app;
  const declaredFleets = declaredIn(config);
  const defaults = { workspaces, fleets, defaultWorkspace, defaultFleet, declaredFleets, log };
  await untilDone('creating the default fleet and workspace', () => createDefaults(defaults), provision);
  await untilDone('creating the streams of fleets', () => fleets.ensureStreams(), provision);
  app.lag.start();
  lifecycle.onStop('encoder lag', STOP_MS, () => app.lag.stop());

  const { authFailuresPerMinute, trustedProxies } = config;
  const server = await buildServer({ ...app, defaultFleet, authFailuresPerMinute, trustedProxies, registry, log });
  lifecycle.onStop('http server', HTTP_STOP_MS, () => server.close());
  await server.listen({ host: config.httpHost, port: config.httpPort });
  if (config.bootstrapApiKey === undefined) log.warn('no bootstrap API key is set: only stored keys open the API');
  log.info({ adminPort, httpPort: portOf(server) }, 'ready');
}

interface Dependencies {
  nats: Nats;
  buckets: Buckets;
  sealer: Sealer;
  registry: Registry;
}

/** The application, wired to its adapters. */
function compose({ config, log, clock }: ServiceContext<ApiConfig>, { nats, buckets, sealer, registry }: Dependencies) {
  const { partitions, bootstrapApiKey } = config;
  const { status, leases, checkpoints, leaseTtlMs } = buckets;
  const lag = new EncoderLag({
    line: natsReadingsLine(nats),
    partitions,
    encodedUpTo: encodedUpTo(checkpoints),
    intervalMs: config.encoderLagIntervalMs,
    clock,
    log,
  });
  const metrics = serviceMetrics({ registry, gateways: buckets.gateways.view, lag });
  const announcer = natsAnnouncer({ nats, partitions, onAnnounced: metrics.countAnnouncement, log });
  const streams = natsFleetStreams(nats, config);
  const moves = new MoveProgress({ checkpoints, partitions });
  const fleetLock = new KeyedLock();

  const workspaces = new Records(buckets.workspaces, clock);
  const fleets = new Records(buckets.fleets, clock);
  const apiKeys = new Records(buckets.apiKeys, clock);
  const gateways = new Records(buckets.gateways, clock);
  const sensors = new Records(buckets.sensors, clock);
  const randomness = systemRandomness;
  return {
    lag,
    authenticator: new Authenticator({
      apiKeys: buckets.apiKeys.view,
      workspaces: buckets.workspaces.view,
      bootstrapApiKey,
      clock,
    }),
    workspaces: new Workspaces({ workspaces, gateways, apiKeys, clock }),
    fleets: new Fleets({ fleets, gateways, streams, moves, fleetLock, declared: declaredIn(config), clock }),
    apiKeys: new ApiKeys({ apiKeys, workspaces, randomness, clock }),
    gateways: new Gateways({
      ...{ gateways, workspaces, fleets, sensors, moves, fleetLock },
      ...{ announcer, randomness, clock, log },
    }),
    integrations: new Integrations({ gateways, sealer, announcer }),
    sensors: new Sensors({ gateways, sensors, announcer }),
    deadLetters: new DeadLetters({
      gateways,
      letters: new NatsDeadLetters({ nats, partitions, clock }),
      onDone: metrics.countDeadLetters,
      log,
    }),
    events: natsStatusEvents(nats, clock, log),
    reader: new StatusReader({
      status,
      leases,
      checkpoints,
      sensors: buckets.sensors.view,
      oldestUnencodedAt: (partition) => lag.oldestUnencodedAt(partition),
      waitingRooms: natsWaitingRooms(nats),
      moves,
      partitions,
      leaseTtlMs,
      clock,
      log,
    }),
  };
}

async function readSealer(path: string): Promise<Sealer> {
  let jwks: string;
  try {
    jwks = await readFile(path, 'utf8');
  } catch (error) {
    throw new GatecastError('CONFIG_INVALID', `the sealing keys cannot be read from ${path}`, { cause: error });
  }
  return createSealer(jwks);
}

function declaredIn({ fleets }: ApiConfig): string[] {
  return fleets === '' ? [] : fleets.split(',');
}

function portOf(server: FastifyInstance): number {
  const address = server.server.address();
  if (address === null || typeof address === 'string') throw new TypeError('the server has no TCP address');
  return address.port;
}
