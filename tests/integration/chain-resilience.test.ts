import { type GatewayClient, LocalStack } from '@gatecast/local-stack';
import { FaultableBroker, TcpProxy, waitFor } from '@gatecast/shared/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { firstSeen } from './support/delivered.ts';
import { readingTimes, Traffic } from './support/traffic.ts';

let stack: LocalStack;
let broker: FaultableBroker;
let round = 0;

beforeAll(async () => {
  stack = await LocalStack.start({
    partitions: 8,
    env: {
      'mqtt-publisher': { GATECAST_BACKOFF_BASE_MS: '100', GATECAST_BACKOFF_MAX_MS: '1000', GATECAST_AWAY_MS: '1000' },
    },
  });
});

afterAll(async () => {
  const { violations } = stack.nats;
  await stack.stop();
  expect(violations).toEqual([]);
});

beforeEach(async () => {
  broker = await FaultableBroker.start();
  round += 1;
});

afterEach(() => broker.stop());

/** Gateways of their own for every test, connected. */
async function gatewaysAt(host: string, port: number, count = 3): Promise<GatewayClient[]> {
  const gateways: GatewayClient[] = [];
  for (let index = 0; index < count; index += 1) {
    gateways.push(await stack.registerGateway({ gatewayId: `gw-${round}-${index}`, mqtt: { host, port } }));
  }
  await waitFor(
    async () => {
      const codes = await Promise.all(gateways.map(async (gateway) => (await gateway.status()).code));
      return codes.every((code) => code === 'MQTT_INFO_NO_ERR');
    },
    { timeoutMs: 20_000, describe: 'all gateways connected' },
  );
  return gateways;
}

/** Everything accepted arrives, in order. Returns how many were repeated, by gateway. */
async function expectAllDelivered(
  traffic: Traffic,
  gateways: readonly GatewayClient[],
  messages: () => readonly (typeof broker.messages)[number][] = () => broker.messages,
): Promise<number[]> {
  const repeats: number[] = [];
  for (const { gatewayId } of gateways) {
    const accepted = traffic.accepted(gatewayId);
    const delivered = () => readingTimes(messages(), gatewayId);
    await waitFor(() => firstSeen(delivered()).length >= accepted.length, {
      timeoutMs: 60_000,
      describe: () => `${accepted.length} readings of ${gatewayId}, got ${firstSeen(delivered()).length}`,
    });
    expect(firstSeen(delivered())).toEqual(accepted);
    repeats.push(delivered().length - accepted.length);
  }
  return repeats;
}

const moreThan = (traffic: Traffic, readings: number) =>
  waitFor(() => traffic.acceptedCount > readings, { timeoutMs: 60_000, describe: () => `${readings} accepted` });

describe('nothing accepted is lost, and order is kept', () => {
  test('when a broker is down for 30 s under load', async () => {
    const proxy = await TcpProxy.start({ target: { port: broker.port } });
    const gateways = await gatewaysAt(proxy.host, proxy.port);
    const traffic = new Traffic(gateways, { intervalMs: 50 }).start();
    await moreThan(traffic, 100);
    await proxy.refuse();
    proxy.resetAll();
    const until = performance.now() + 30_000;
    await waitFor(() => performance.now() >= until, { timeoutMs: 40_000, intervalMs: 250 });
    const away = await gateways[0]!.status();
    expect(away.code).toBe('MQTT_ERROR_CONN_REFUSED');
    expect(away.backlog.messages).toBeGreaterThan(500);
    await proxy.restore();
    await moreThan(traffic, traffic.acceptedCount + 100);
    await traffic.stop();
    const repeats = await expectAllDelivered(traffic, gateways);
    for (const count of repeats) expect(count).toBeLessThanOrEqual(20);
    await waitFor(async () => (await gateways[0]!.status()).backlog.messages === 0, { timeoutMs: 10_000 });
    expect((await gateways[0]!.status()).backlog.lost).toBe(0);
    await proxy.stop();
  });

  test('when publisher and encoder are killed in mid-flow and started again', async () => {
    const gateways = await gatewaysAt(broker.host, broker.port);
    const traffic = new Traffic(gateways).start();
    await moreThan(traffic, 300);
    await stack.services['mqtt-publisher'].kill('SIGKILL');
    await stack.services.encoder.kill('SIGKILL');
    await moreThan(traffic, traffic.acceptedCount + 300);
    await stack.services['mqtt-publisher'].restart();
    await stack.services.encoder.restart();
    await moreThan(traffic, traffic.acceptedCount + 300);
    await stack.services.encoder.kill('SIGKILL');
    await stack.services.encoder.restart();
    await moreThan(traffic, traffic.acceptedCount + 300);
    await traffic.stop();
    const repeats = await expectAllDelivered(traffic, gateways);
    // What may be sent beyond the record (4 windows of 20) and one window in flight.
    for (const count of repeats) expect(count).toBeLessThanOrEqual(5 * 20);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)('when NATS is restarted by %s in mid-flow', async (signal) => {
    const gateways = await gatewaysAt(broker.host, broker.port);
    const traffic = new Traffic(gateways).start();
    await moreThan(traffic, 300);
    await stack.nats.restart({ signal });
    await moreThan(traffic, traffic.acceptedCount + 300);
    await traffic.stop();
    await expectAllDelivered(traffic, gateways);
    await waitFor(async () => (await gateways[0]!.status()).code === 'MQTT_INFO_NO_ERR', { timeoutMs: 15_000 });
  });

  test('when settings change in mid-flow: QoS, then format and back, then another broker', async () => {
    const gateways = await gatewaysAt(broker.host, broker.port);
    const second = await FaultableBroker.start();
    const traffic = new Traffic(gateways).start();
    await moreThan(traffic, 200);
    for (const gateway of gateways) await gateway.patch({ qos: 0 });
    await moreThan(traffic, traffic.acceptedCount + 100);
    for (const gateway of gateways) await gateway.patch({ qos: 2, keepAliveSeconds: 30 });
    await moreThan(traffic, traffic.acceptedCount + 100);
    for (const gateway of gateways) await gateway.patch({ port: second.port, qos: 1 });
    await moreThan(traffic, traffic.acceptedCount + 200);
    await traffic.stop();
    await expectAllDelivered(traffic, gateways, () => [...broker.messages, ...second.messages]);
    expect(second.messages.length).toBeGreaterThan(0);
    await second.stop();
  });
});

test('nothing of a deleted gateway reaches the broker of its successor', async () => {
  const gatewayId = `gw-${round}-recreated`;
  const first = await stack.registerGateway({ gatewayId, mqtt: { host: '127.0.0.1', port: 1 } });
  const traffic = new Traffic([first]).start();
  await moreThan(traffic, 200);
  await traffic.stop();
  await first.delete();
  const second = await stack.registerGateway({ gatewayId, mqtt: { host: broker.host, port: broker.port } });
  const after = new Traffic([second]).start();
  await moreThan(after, 100);
  await after.stop();
  await expectAllDelivered(after, [second]);
  const own = new Set(after.accepted(gatewayId));
  expect(readingTimes(broker.messages, gatewayId).filter((time) => !own.has(time))).toEqual([]);
  expect((await first.send([{ sensorId: 'S', time: Math.floor(Date.now() / 1000), values: { co2: 1 } }])).status).toBe(
    401,
  );
});
