import { Driver, type GatewaySetup } from '@gatecast/e2e-driver';
import { partitionOf } from '@gatecast/shared/model';
import { FaultableBroker, MqttCollector, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Compose } from './support/compose.ts';
import { forwardFrom } from './support/forward.ts';

/* docker/compose.yaml, used as docs/docker.md says. */

const SERVICES = ['config-api', 'encoder', 'mosquitto', 'mqtt-publisher', 'nats', 'sensor-ingest', 'simulator'];
const MEASUREMENTS = 'Aranet/+/sensors/+/json/measurements';
const CRASHES = 2;
/** So many that three publishers own some each, whatever their names: of 16, one in 200 would own none. */
const PARTITIONS = 64;

let compose: Compose;
const driver = new Driver();

beforeAll(async () => {
  compose = await Compose.create('gatecast-test', { GATECAST_PARTITIONS: String(PARTITIONS) });
  await compose.remove();
  await compose.up();
}, 600_000);

afterAll(async () => {
  await driver.close();
  if (process.env.GATECAST_TEST_KEEP !== '1') await compose.remove();
}, 120_000);

test('nothing is amiss with the file, with no variable set', async () => {
  expect(await compose.warnings()).toBe('');
});

test('one command, and readings flow; everything is healthy', async () => {
  await using collector = await MqttCollector.start({ url: compose.brokerUrl, filters: [MEASUREMENTS] });
  await collector.waitForCount(3, { timeoutMs: 60_000 });
  const api = await compose.api();
  const gateways = await api.listGateways();
  expect(gateways).toHaveLength(2);
  await waitFor(async () => (await api.status(gateways[0]!.gatewayId)).code === 'MQTT_INFO_NO_ERR', {
    timeoutMs: 30_000,
    describe: 'a status of NO_ERR',
  });
  const unhealthy = async () => Object.entries(await compose.health()).filter(([, health]) => health !== 'healthy');
  await waitFor(async () => (await unhealthy()).length === 0, {
    timeoutMs: 60_000,
    intervalMs: 1_000,
    describe: 'all services to be healthy',
  });
  expect(Object.keys(await compose.health()).sort()).toEqual(SERVICES);
});

test('killed all at once under load and up again: nothing accepted is lost', async () => {
  // The broker is not among what is killed: what it has acknowledged is its own affair.
  await using broker = await FaultableBroker.start();
  const host = await compose.brokersGateway();
  const outside = await forwardFrom(host, broker.port);
  onTestFinished(() => outside.stop());
  const gateway = (index: number): GatewaySetup => {
    const qos = index % 2 === 0 ? 1 : 2;
    const mqtt = { host, port: outside.port, protocolVersion: '5', qos } as const;
    return { gatewayId: `judged-${index}`, group: 'all', mqtt, qos, pace: { perRequest: 5, intervalMs: 200 } };
  };
  await driver.open({
    apiUrl: compose.apiUrl,
    ingestUrl: compose.ingestUrl,
    apiKey: await compose.apiKey(),
    seed: 1,
    brokers: { main: { url: broker.url } },
  });
  await driver.register({ gateways: Array.from({ length: 10 }, (_, index) => gateway(index)), timeoutMs: 60_000 });
  await driver.start({});
  await driver.flowing({ more: 100, timeoutMs: 60_000 });
  for (let times = 0; times < CRASHES; times += 1) {
    await compose.run('kill');
    await compose.up();
    await driver.flowing({ more: 100, timeoutMs: 90_000 });
  }
  await driver.stop({});
  await driver.allArrived({ timeoutMs: 60_000 });
  const duplicates = { window: 20, windowsBeyondRecord: 4, crashes: CRASHES, sessionLosses: 0, brokerForgot: 0 };
  const { totals, broken, refusals } = await driver.verdict({ duplicates, promises: {} });
  console.info({ ...totals, refusals });
  expect(broken).toEqual([]);
  expect(totals.accepted).toBeGreaterThan(2_000);
  expect(broker.violations).toEqual([]);
  await driver.unregister();
  await driver.close();
}, 400_000);

test('a session reaches no address of the system itself', async () => {
  const api = await compose.api();
  await api.createGateway({ gatewayId: 'curious' });
  await api.putIntegration('curious', { host: 'nats', port: 4222 });
  const status = await waitFor(
    async () => {
      const seen = await api.status('curious');
      return seen.code !== 'MQTT_WARNING_CONNECTING' && seen.code !== 'MQTT_INFO_DISABLED_BY_USER' && seen;
    },
    { timeoutMs: 30_000, describe: 'an outcome' },
  );
  expect(status).toMatchObject({ code: 'MQTT_ERROR_HOST_UNREACHABLE', class: 'user', reason: 'address_denied' });
  await api.deleteGateway('curious');
});

test('secrets are kept when it is taken down and brought up', async () => {
  const before = await compose.apiKey();
  await compose.run('down', '--timeout', '40');
  await compose.up();
  expect(await compose.apiKey()).toBe(before);
  expect(await (await compose.api()).listGateways()).toHaveLength(2);
}, 200_000);

test('with the profile fleet: three publishers share one fleet, another has its own', async () => {
  await compose.up('--profile', 'fleet');
  const api = await compose.api();
  const statusesOf = async (fleet: string) => {
    const gateways = await api.listGateways({ fleet });
    return await Promise.all(gateways.map(({ gatewayId }) => api.status(gatewayId)));
  };
  await waitFor(async () => (await api.listGateways({ fleet: 'south' })).length === 2, {
    timeoutMs: 60_000,
    describe: 'gateways of the fleet south',
  });
  // Who owns which partition follows from the names of the containers: with a gateway in each, nobody can own none of them.
  for (const gatewayId of onePerPartition()) {
    await api.createGateway({ gatewayId });
    await api.putIntegration(gatewayId, { host: 'mosquitto' });
  }
  const owners = async (fleet: string) => {
    const served = (await statusesOf(fleet)).filter(({ class: of }) => of === 'ok');
    return new Set(served.map(({ owner }) => owner?.instance));
  };
  const areShared = async () => {
    const [ofDefault, ofSouth] = [await owners('default'), await owners('south')];
    return ofDefault.size === 3 && ofSouth.size === 1 && ofDefault.isDisjointFrom(ofSouth);
  };
  await waitFor(areShared, {
    timeoutMs: 90_000,
    intervalMs: 500,
    describe: 'three owners of the default fleet, and another of the fleet south',
  });
  await waitFor(
    async () =>
      (await statusesOf('south')).every(({ code, delivered }) => code === 'MQTT_INFO_NO_ERR' && delivered > 0),
    { timeoutMs: 60_000, describe: 'deliveries of the fleet south' },
  );
}, 300_000);

function onePerPartition(): Iterable<string> {
  const ids = new Map<number, string>();
  for (let n = 0; ids.size < PARTITIONS; n += 1) ids.set(partitionOf(`shared-${n}`, PARTITIONS), `shared-${n}`);
  return ids.values();
}
