import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GatewayClient, LocalStack, ServiceProcess } from '@gatecast/local-stack';
import { createLogger } from '@gatecast/shared/logging';
import { backlogStreamOf, connectNats, type Nats, outboxStreamOf } from '@gatecast/shared/nats';
import { generateSealingKeys } from '@gatecast/shared/secrets';
import { FaultableBroker, TcpProxy, TempDir, waitFor } from '@gatecast/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { firstSeen } from './support/delivered.ts';
import { readingTimes, Traffic } from './support/traffic.ts';

/** Four windows of 20, what a crash may repeat for each gateway. */
const REPEATS_OF_A_CRASH = 80;
const PARTITIONS = 4;
const LEASE_TTL_MS = 5_000;
const PUBLISHER = {
  GATECAST_BACKOFF_BASE_MS: '100',
  GATECAST_BACKOFF_MAX_MS: '1000',
  GATECAST_AWAY_MS: '1000',
  GATECAST_PURGE_INTERVAL_MS: '200',
};

let stack: LocalStack;
let nats: Nats;
let dir: TempDir;
let broker: FaultableBroker;
let east: ServiceProcess;
let west: ServiceProcess;
let round = 0;

async function startPublisher(fleet: string): Promise<ServiceProcess> {
  return await ServiceProcess.start({
    name: 'mqtt-publisher',
    env: {
      GATECAST_NATS_URL: stack.natsUrl,
      ...stack.natsUsers?.env('mqtt-publisher'),
      GATECAST_FLEET: fleet,
      GATECAST_INSTANCE: `publisher-${fleet}`,
      GATECAST_PARTITIONS: String(PARTITIONS),
      GATECAST_ADMIN_HOST: '127.0.0.1',
      GATECAST_ADMIN_PORT: '0',
      GATECAST_SEALING_PRIVATE_KEYS_FILE: join(dir.path, 'sealing.json'),
      GATECAST_BROKER_ALLOWED_RANGES: '127.0.0.0/8',
      ...PUBLISHER,
    },
  });
}

beforeAll(async () => {
  stack = await LocalStack.start({
    partitions: PARTITIONS,
    leaseTtlMs: LEASE_TTL_MS,
    env: { 'mqtt-publisher': PUBLISHER },
  });
  const log = createLogger({ service: 'test', instance: 'test', level: 'silent' });
  nats = await connectNats({ ...stack.natsAccess, name: 'test' }, log);
  dir = await TempDir.create('moves');
  await writeFile(join(dir.path, 'sealing.json'), (await generateSealingKeys('test')).privateJwks);
  for (const fleet of ['east', 'west']) await stack.api.createFleet(fleet);
  [east, west] = await Promise.all([startPublisher('east'), startPublisher('west')]);
});

afterAll(async () => {
  const { violations } = stack.nats;
  await Promise.all([east.stop(), west.stop()]);
  await nats.close();
  await stack.stop();
  await dir.remove();
  expect(violations).toEqual([]);
});

beforeEach(async () => {
  broker = await FaultableBroker.start();
  round += 1;
});

afterEach(async () => {
  expect(broker.violations).toEqual([]);
  await broker.stop();
});

/** A connected gateway of fleet east. */
async function gatewayAt(host: string, port: number, qos: 1 | 2 = 1): Promise<GatewayClient> {
  const gateway = await stack.registerGateway({ gatewayId: `gw-${round}`, fleet: 'east', mqtt: { host, port, qos } });
  await isGreen(gateway);
  return gateway;
}

const isGreen = (gateway: GatewayClient) =>
  waitFor(async () => (await gateway.status()).code === 'MQTT_INFO_NO_ERR', {
    timeoutMs: 30_000,
    describe: `${gateway.gatewayId} connected`,
  });

const isServedBy = (instance: string, gateway: GatewayClient) =>
  waitFor(
    async () => {
      const { code, owner } = await gateway.status();
      return code === 'MQTT_INFO_NO_ERR' && owner?.instance === instance;
    },
    { timeoutMs: 30_000, describe: `${gateway.gatewayId} served by ${instance}` },
  );

const moreThan = (traffic: Traffic, readings: number) =>
  waitFor(() => traffic.acceptedCount > readings, { timeoutMs: 60_000, describe: () => `${readings} accepted` });

const hasArrived = (gateway: GatewayClient) =>
  waitFor(async () => (await stack.api.getGateway(gateway.gatewayId)).value.movingFrom === undefined, {
    timeoutMs: 60_000,
    describe: `${gateway.gatewayId} arrived`,
  });

async function moveTo(fleet: string, gateway: GatewayClient): Promise<void> {
  const { value } = await stack.api.patchGateway(gateway.gatewayId, { fleet });
  expect(value.fleet).toBe(fleet);
}

/** Everything accepted came, in order. Returns how many came more than once. */
async function expectAllDelivered(traffic: Traffic, { gatewayId }: GatewayClient): Promise<number> {
  const accepted = traffic.accepted(gatewayId);
  const delivered = () => readingTimes(broker.messages, gatewayId);
  await waitFor(() => firstSeen(delivered()).length >= accepted.length, {
    timeoutMs: 60_000,
    describe: () => `${accepted.length} readings of ${gatewayId}, got ${firstSeen(delivered()).length}`,
  });
  expect(firstSeen(delivered())).toEqual(accepted);
  return delivered().length - accepted.length;
}

/** After a CONNECT nothing comes on an older connection of that client. Returns the number of CONNECTs. */
function expectOneSessionAtATime({ gatewayId }: GatewayClient): number {
  let newest = 0;
  let connects = 0;
  for (const { connection, packet } of broker.packets().filter(({ clientId }) => clientId === gatewayId)) {
    if (packet.cmd === 'connect') {
      newest = connection;
      connects += 1;
    }
    if (packet.cmd === 'publish') expect(connection).toBe(newest);
  }
  return connects;
}

/** Every session but the last was closed by its owner before the next one was opened. */
function expectGoodByes({ gatewayId }: GatewayClient): void {
  const own = broker.packets().filter(({ clientId }) => clientId === gatewayId);
  const words = own.map(({ packet }) => packet.cmd).filter((cmd) => cmd === 'connect' || cmd === 'disconnect');
  const expected = words.map((_, index) => (index % 2 === 0 ? 'connect' : 'disconnect'));
  expect(words).toEqual(expected);
}

/** The longest time from a DISCONNECT to the next owner's CONNECT, ms. */
function longestWithoutSession({ gatewayId }: GatewayClient): number {
  const gaps: number[] = [];
  let disconnectedAt: number | undefined;
  for (const { packet, time } of broker.packets().filter(({ clientId }) => clientId === gatewayId)) {
    if (packet.cmd === 'disconnect') disconnectedAt = time;
    if (packet.cmd === 'connect' && disconnectedAt !== undefined) gaps.push(time - disconnectedAt);
  }
  return Math.max(...gaps);
}

/** Nothing is left in the streams of either fleet: what a move has copied, or left behind, is nobody's any more. */
async function expectAllPurged(): Promise<void> {
  for (const stream of ['east', 'west'].flatMap((fleet) => [outboxStreamOf(fleet, 0), backlogStreamOf(fleet)])) {
    const isEmpty = async () => (await nats.jsm.streams.info(stream)).state.messages === 0;
    await waitFor(isEmpty, { timeoutMs: 30_000, describe: `${stream} purged` });
  }
}

describe('a gateway that is moved to another fleet under load', () => {
  test.each([1, 2] as const)('is given from owner to owner, and back, at QoS %i', async (qos) => {
    const gateway = await gatewayAt(broker.host, broker.port, qos);
    const traffic = new Traffic([gateway], { intervalMs: 20 }).start();
    await moreThan(traffic, 200);
    for (const fleet of ['west', 'east']) {
      await moveTo(fleet, gateway);
      await hasArrived(gateway);
      await isServedBy(`publisher-${fleet}`, gateway);
      await moreThan(traffic, traffic.acceptedCount + 200);
    }
    await traffic.stop();
    expect(await expectAllDelivered(traffic, gateway)).toBe(0);
    expect(expectOneSessionAtATime(gateway)).toBe(3);
    expectGoodByes(gateway);
    // Some 50 ms where there is CPU to spare; a lease that nobody gives back takes its whole time.
    expect(longestWithoutSession(gateway)).toBeLessThan(LEASE_TTL_MS);
    await waitFor(async () => (await gateway.status()).delivered >= traffic.acceptedCount);
    await expectAllPurged();
  });

  test.each([1, 2] as const)('is taken over when the old fleet has no publisher, at QoS %i', async (qos) => {
    const gateway = await gatewayAt(broker.host, broker.port, qos);
    const traffic = new Traffic([gateway], { intervalMs: 20 }).start();
    await moreThan(traffic, 200);
    await east.kill('SIGKILL');
    await moveTo('west', gateway);
    await waitFor(async () => (await gateway.status()).reason === 'moving');
    await hasArrived(gateway);
    await isGreen(gateway);
    await traffic.stop();
    expect(await expectAllDelivered(traffic, gateway)).toBeLessThanOrEqual(qos === 2 ? 0 : REPEATS_OF_A_CRASH);
    expect(expectOneSessionAtATime(gateway)).toBe(2);
    // A later owner of the old fleet finds that the gateway has gone, and works on.
    await east.restart();
    const left = await stack.registerGateway({
      gatewayId: `gw-${round}-left`,
      fleet: 'east',
      mqtt: { host: broker.host, port: broker.port },
    });
    await isGreen(left);
    expect(expectOneSessionAtATime(gateway)).toBe(2);
  });

  test('stays with its new owner when the old one was paused and comes back', async () => {
    const gateway = await gatewayAt(broker.host, broker.port);
    const traffic = new Traffic([gateway], { intervalMs: 20 }).start();
    await moreThan(traffic, 200);
    await east.kill('SIGSTOP');
    try {
      await moveTo('west', gateway);
      await hasArrived(gateway);
      await isGreen(gateway);
    } finally {
      await east.kill('SIGCONT');
    }
    await moreThan(traffic, traffic.acceptedCount + 500);
    await traffic.stop();
    expect(await expectAllDelivered(traffic, gateway)).toBeLessThanOrEqual(REPEATS_OF_A_CRASH);
    expect(expectOneSessionAtATime(gateway)).toBe(2);
    expect((await gateway.status()).owner?.instance).toBe('publisher-west');
    await expectAllPurged();
  });

  test('takes along what waits for its broker, and sends that first', async () => {
    const proxy = await TcpProxy.start({ target: { port: broker.port } });
    const gateway = await gatewayAt(proxy.host, proxy.port);
    const traffic = new Traffic([gateway], { intervalMs: 20 }).start();
    await moreThan(traffic, 100);
    await proxy.refuse();
    proxy.resetAll();
    await waitFor(async () => (await gateway.status()).backlog.messages > 200, { timeoutMs: 30_000 });
    await moveTo('west', gateway);
    await hasArrived(gateway);
    await waitFor(async () => (await gateway.status()).code === 'MQTT_ERROR_CONN_REFUSED', { timeoutMs: 10_000 });
    expect((await gateway.status()).backlog.messages).toBeGreaterThan(200);
    await proxy.restore();
    await isGreen(gateway);
    await traffic.stop();
    expect(await expectAllDelivered(traffic, gateway)).toBeLessThanOrEqual(REPEATS_OF_A_CRASH);
    expect((await gateway.status()).backlog.lost).toBe(0);
    await expectAllPurged();
    await proxy.stop();
  });
});
