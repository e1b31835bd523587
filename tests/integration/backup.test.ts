import { type GatewayClient, LocalStack } from '@gatecast/local-stack';
import { createLogger } from '@gatecast/shared/logging';
import {
  BUCKETS,
  type Bucket,
  backlogStreamOf,
  connectNats,
  DEADLETTER_STREAM,
  outboxStreamOf,
  readingsStreamOf,
  STATUS_EVENTS_STREAM,
} from '@gatecast/shared/nats';
import {
  backUpStream,
  FaultableBroker,
  NatsServer,
  restoreStream,
  type StreamBackup,
  TcpProxy,
  waitFor,
} from '@gatecast/shared/testing';
import { expect, onTestFinished, test } from 'vitest';
import { firstSeen } from './support/delivered.ts';
import { readingTimes, Traffic } from './support/traffic.ts';

const PARTITIONS = 4;
const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });

const bucketStream = (bucket: Bucket) => `KV_${bucket}`;
/** Positions: what is stored after them is done again. */
const POSITIONS: Bucket[] = ['checkpoints', 'announced'];
/** What gateways belong to: later than they, or a backup might have a gateway without its fleet. */
const OWNERS: Bucket[] = ['fleets', 'workspaces'];
/** Positions, then what they are positions in, against the way of a reading, then all the rest. */
const ORDER = [
  ...POSITIONS.map(bucketStream),
  outboxStreamOf('default', 0),
  backlogStreamOf('default'),
  readingsStreamOf(0),
  DEADLETTER_STREAM,
  STATUS_EVENTS_STREAM,
  ...BUCKETS.filter((bucket) => !POSITIONS.includes(bucket) && !OWNERS.includes(bucket)).map(bucketStream),
  ...OWNERS.map(bucketStream),
];

async function backUp(stack: LocalStack): Promise<StreamBackup[]> {
  const { connection } = await connectNats({ ...stack.natsAccess, name: 'backup' }, log);
  try {
    const backups: StreamBackup[] = [];
    for (const stream of ORDER) backups.push(await backUpStream(connection, stream));
    return backups;
  } finally {
    await connection.close();
  }
}

/** An empty server with the streams of a backup. */
async function restore(backups: readonly StreamBackup[]): Promise<NatsServer> {
  const server = await NatsServer.start();
  onTestFinished(() => server.stop());
  const { connection } = await connectNats({ natsUrl: server.url, name: 'restore' }, log);
  for (const backup of backups) await restoreStream(connection, backup);
  await connection.close();
  return server;
}

const more = (traffic: Traffic, readings: number) => {
  const enough = traffic.acceptedCount + readings;
  return waitFor(() => traffic.acceptedCount >= enough, { timeoutMs: 60_000, describe: `${readings} more readings` });
};

const settings = {
  partitions: PARTITIONS,
  env: {
    'mqtt-publisher': { GATECAST_BACKOFF_MAX_MS: '1000', GATECAST_AWAY_MS: '500', GATECAST_PURGE_INTERVAL_MS: '500' },
  },
};

test.each([
  ['all of it is running', async () => {}],
  [
    'its parts have failed one after the other, and something waits at every place',
    async (stack: LocalStack, traffic: Traffic) => {
      await stack.services['mqtt-publisher'].kill();
      await more(traffic, 100);
      await stack.services.encoder.kill();
      await more(traffic, 100);
    },
  ],
] as const)('a backup is taken while %s; restored, it delivers everything accepted before it', async (_, prepare) => {
  await using broker = await FaultableBroker.start();
  const proxy = await TcpProxy.start({ target: { port: broker.port } });
  onTestFinished(() => proxy.stop());
  await using first = await LocalStack.start(settings);
  const near = await first.registerGateway({ gatewayId: 'near', mqtt: { host: broker.host, port: broker.port } });
  const away = await first.registerGateway({ gatewayId: 'away', mqtt: { host: proxy.host, port: proxy.port } });
  const traffic = new Traffic([near, away]).start();
  await more(traffic, 100);
  await proxy.refuse();
  proxy.resetAll();
  await waitFor(async () => (await away.status()).backlog.messages > 100, { timeoutMs: 30_000 });
  await prepare(first, traffic);

  const accepted = new Map([near, away].map(({ gatewayId }) => [gatewayId, [...traffic.accepted(gatewayId)]]));
  const backups = await backUp(first);
  await more(traffic, 100);
  await traffic.stop();
  for (const { process } of first.instances) await process.kill();
  await first.stop();

  const server = await restore(backups);
  await using second = await LocalStack.start({ ...settings, natsUrl: server.url });
  await proxy.restore();
  for (const [gatewayId, times] of accepted) {
    const delivered = () => {
      const wanted = new Set(times);
      return firstSeen(readingTimes(broker.messages, gatewayId)).filter((time) => wanted.has(time));
    };
    await waitFor(() => delivered().length === times.length, {
      timeoutMs: 60_000,
      describe: () => `${times.length} readings of ${gatewayId}, got ${delivered().length}`,
    });
    expect(delivered()).toEqual(times);
  }
  await goesOn(second, [near, away], broker);
});

/** Gateways, tokens and settings are as they were. */
async function goesOn(stack: LocalStack, gateways: readonly GatewayClient[], broker: FaultableBroker): Promise<void> {
  const time = Math.floor(Date.now() / 1000);
  for (const { gatewayId, token } of gateways) {
    const body = { measurements: [{ sensorId: '3002FA', time, values: { co2: '1' } }] };
    expect(await stack.ingest.send({ gatewayId, token, body })).toMatchObject({ status: 202 });
    await waitFor(() => readingTimes(broker.messages, gatewayId).includes(time), { timeoutMs: 30_000 });
    // Written a moment later than it is true.
    await waitFor(async () => (await stack.api.status(gatewayId)).code === 'MQTT_INFO_NO_ERR', { timeoutMs: 30_000 });
  }
}
