import { type GatewayClient, LocalStack } from '@gatecast/local-stack';
import { AedesBroker, MqttCollector, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let stack: LocalStack;
let broker: AedesBroker;
let everything: MqttCollector;

beforeAll(async () => {
  [stack, broker] = await Promise.all([LocalStack.start({ partitions: 8 }), AedesBroker.start()]);
  everything = await MqttCollector.start({ url: broker.url });
});

afterAll(async () => {
  const { violations } = stack.nats;
  await everything.stop();
  await stack.stop();
  await broker.stop();
  expect(violations).toEqual([]);
});

const target = () => ({ host: broker.host, port: broker.port });
const now = () => Math.floor(Date.now() / 1000);

/** What came on the gateway's topics, below `<root>/<gatewayId>/`, without its birth message. */
function received({ gatewayId }: GatewayClient, collector = everything): [topic: string, payload: string][] {
  return collector.messages
    .map(({ topic, payload }) => [topic, payload] as [string, string])
    .filter(([topic]) => topic.split('/')[1] === gatewayId && !topic.endsWith('/status'));
}

async function accepted(gateway: GatewayClient, body: Parameters<GatewayClient['send']>[0]) {
  const answer = await gateway.send(body);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 202 });
  return answer.body;
}

describe('topics and payloads', () => {
  const time = now();
  const reading = {
    sensorId: '3002FA',
    time,
    values: { co2: '452', atmosphericpressure: '102560', battery: 0.92, temperature: '22.800', rssi: -69 },
  };

  test('json: one flat object of strings', async () => {
    const gateway = await stack.registerGateway({ gatewayId: '394260700001', mqtt: target() });
    await accepted(gateway, [reading, { ...reading, sensorId: '3002FB' }]);
    await waitFor(() => received(gateway).length === 2);
    const payload = `{"time":"${time}","co2":"452","atmosphericpressure":"102560","battery":"0.92","temperature":"22.800","rssi":"-69.000000"}`;
    expect(received(gateway)).toEqual([
      ['Aranet/394260700001/sensors/3002FA/json/measurements', payload],
      ['Aranet/394260700001/sensors/3002FB/json/measurements', payload],
    ]);
  });

  test('raw: one bare value a topic', async () => {
    const mqtt = { ...target(), format: 'raw', rootTopic: 'site/Ärzte' } as const;
    const gateway = await stack.registerGateway({ gatewayId: '394260700002', mqtt });
    await accepted(gateway, [reading]);
    const base = 'site/Ärzte/394260700002/sensors/3002FA/measurements';
    const raw = () => everything.messages.filter(({ topic }) => topic.startsWith(base));
    await waitFor(() => raw().length === 6);
    expect(raw().map(({ topic, payload, retain }) => [topic, payload, retain])).toEqual([
      [`${base}/time`, String(time), false],
      [`${base}/co2`, '452', false],
      [`${base}/atmosphericpressure`, '102560', false],
      [`${base}/battery`, '0.92', false],
      [`${base}/temperature`, '22.800', false],
      [`${base}/rssi`, '-69.000000', false],
    ]);
  });

  test('azure: one flat object of numbers, with ids and ISO time', async () => {
    const gateway = await stack.registerGateway({
      gatewayId: '394260700003',
      mqtt: { ...target(), format: 'azure' },
    });
    await accepted(gateway, [reading]);
    await waitFor(() => received(gateway).length === 1);
    const iso = `${new Date(time * 1000).toISOString().slice(0, 19)}Z`;
    expect(received(gateway)).toEqual([
      [
        'Aranet/394260700003/sensors/3002FA/json/measurements',
        `{"gatewayId":"394260700003","sensorId":"3002FA","timestamp":"${iso}","time":${time},"co2":452,"atmosphericpressure":102560,"battery":0.92,"temperature":22.8,"rssi":-69}`,
      ],
    ]);
  });

  test('subscribers filter them by wildcards, and by letter case', async () => {
    const gateways = ['394260700004', '394260700005'] as const;
    const filters = [
      'Aranet/+/sensors/+/json/measurements',
      'Aranet/394260700004/#',
      '+/+/sensors/3002fa/#',
      'aranet/#',
    ];
    const collectors = await Promise.all(
      filters.map((filter) => MqttCollector.start({ url: broker.url, filters: [filter] })),
    );
    const [first, second] = await Promise.all(
      gateways.map((gatewayId) => stack.registerGateway({ gatewayId, mqtt: target() })),
    );
    await accepted(first!, [reading]);
    await accepted(second!, [reading, { ...reading, sensorId: '3002fa' }]);
    await waitFor(() => received(first!).length === 1 && received(second!).length === 2);
    const topic = (gateway: string, sensor: string) => `Aranet/${gateway}/sensors/${sensor}/json/measurements`;
    const expected = [
      [topic(gateways[0], '3002FA'), topic(gateways[1], '3002FA'), topic(gateways[1], '3002fa')],
      [topic(gateways[0], '3002FA')],
      [topic(gateways[1], '3002fa')],
      [],
    ];
    const ofThese = (collector: MqttCollector) =>
      gateways.flatMap((gatewayId) =>
        collector.matching(`Aranet/${gatewayId}/sensors/#`).map((message) => message.topic),
      );
    await waitFor(() => expected.every((topics, index) => ofThese(collectors[index]!).length >= topics.length));
    expect(collectors.map(ofThese)).toEqual(expected);
    expect(collectors[3]!.messages).toEqual([]);
    await Promise.all(collectors.map((collector) => collector.stop()));
  });
});

test('what is known of a gateway and its sensors is retained: a late subscriber sees it', async () => {
  const mqtt = target();
  const gateway = await stack.registerGateway({ gatewayId: '394260700011', name: 'North wing', mqtt });
  await accepted(gateway, {
    measurements: [{ sensorId: '3002FA', time: now(), values: { temperature: '21.0' } }],
    firmwareVersion: '4.5.6',
    sensors: [{ sensorId: '3002FA', name: 'Meeting room', group: 'Office', groupId: '7', productNumber: 'SIM-AIR' }],
  });
  const measurements = 'Aranet/394260700011/sensors/3002FA/json/measurements';
  await waitFor(() => received(gateway).some(([topic]) => topic === measurements));
  const late = async () => {
    const collector = await MqttCollector.start({ url: broker.url, filters: ['Aranet/394260700011/#'] });
    await waitFor(() => collector.messages.length >= 6);
    await collector.stop();
    expect(collector.messages.every(({ retain }) => retain)).toBe(true);
    return collector.messages.map(({ topic, payload }) => `${topic.slice('Aranet/394260700011/'.length)} = ${payload}`);
  };
  expect((await late()).sort()).toEqual([
    'name = North wing',
    'sensors/3002FA/group = Office',
    'sensors/3002FA/groupId = 7',
    'sensors/3002FA/name = Meeting room',
    'sensors/3002FA/productNumber = SIM-AIR',
    'status = online',
  ]);
  await waitFor(async () => {
    const { value } = await stack.api.getGateway('394260700011');
    return value.online && value.firmwareVersion === '4.5.6';
  });

  everything.clear();
  await stack.api.patchSensor('394260700011', '3002FA', { name: 'Kitchen', groupId: null });
  await stack.api.putSensor('394260700011', '3002FB', { name: 'Cellar' });
  await waitFor(() => received(gateway).length === 3, { timeoutMs: 10_000 });
  expect((await late()).sort()).toEqual([
    'name = North wing',
    'sensors/3002FA/group = Office',
    'sensors/3002FA/name = Kitchen',
    'sensors/3002FA/productNumber = SIM-AIR',
    'sensors/3002FB/name = Cellar',
    'status = online',
  ]);
});

test('the same body sent twice is delivered once, from two gateways twice', async () => {
  const [one, other] = await Promise.all(
    ['394260700021', '394260700022'].map((gatewayId) => stack.registerGateway({ gatewayId, mqtt: target() })),
  );
  const time = now();
  const body = JSON.stringify({ measurements: [{ sensorId: 'A', time, values: { co2: 500 } }] });
  for (const gateway of [one!, one!, other!, one!, other!])
    expect(await accepted(gateway, body)).toMatchObject({ accepted: 1 });
  for (const gateway of [one!, other!]) await accepted(gateway, [{ sensorId: 'Z', time, values: { co2: 1 } }]);
  await waitFor(() => received(one!).length >= 2 && received(other!).length >= 2);
  const payload = (co2: string) => `{"time":"${time}","co2":"${co2}"}`;
  for (const gateway of [one!, other!]) {
    expect(received(gateway).map(([, text]) => text)).toEqual([payload('500'), payload('1')]);
  }
});

test('status and details tell what is true', async () => {
  const gateway = await stack.registerGateway({ gatewayId: '394260700031' });
  expect(await gateway.status()).toMatchObject({ code: 'MQTT_INFO_DISABLED_BY_USER', class: 'off', delivered: 0 });
  await gateway.configure({ ...target(), username: 'north', password: 'secret', keepAliveSeconds: 30 });
  await accepted(
    gateway,
    [1, 2, 3].map((n) => ({ sensorId: `S${n}`, time: now(), values: { co2: 400 } })),
  );
  const status = await waitFor(async () => {
    const seen = await gateway.status();
    return seen.delivered >= 3 && seen.code === 'MQTT_INFO_NO_ERR' ? seen : undefined;
  });
  expect(status).toMatchObject({
    class: 'ok',
    reason: 'delivering',
    active: true,
    host: broker.host,
    attempt: 0,
    delivered: 3,
    backlog: { messages: 0, lost: 0 },
    owner: { instance: 'mqtt-publisher-1' },
  });
  expect(Date.now() - Date.parse(status.lastDeliveredAt!)).toBeLessThan(60_000);

  const { rows, values } = await gateway.details();
  const panel = Object.fromEntries(rows.map(({ label, text }) => [label, text]));
  expect(panel).toMatchObject({ Host: '127.0.0.1', 'Root topic': 'Aranet' });
  expect(values.status).toMatchObject({ code: 'MQTT_INFO_NO_ERR', active: true, indicator: 'green' });
  expect(JSON.stringify([rows, values])).not.toContain('secret');

  await gateway.patch({ enabled: false });
  await waitFor(async () => (await gateway.status()).code === 'MQTT_INFO_DISABLED_BY_USER');
  expect((await gateway.details()).values.status).toMatchObject({ active: false, indicator: 'grey' });
  const codes = (await stack.api.history('394260700031')).map(({ code }) => code);
  expect(codes[0]).toBe('MQTT_INFO_DISABLED_BY_USER');
  expect(codes).toContain('MQTT_INFO_NO_ERR');
});

test('the measurement interval reaches the gateway with the next answer', async () => {
  const gateway = await stack.registerGateway({ gatewayId: '394260700041', mqtt: target() });
  let sensor = 0;
  const answered = async () => {
    sensor += 1;
    const body = await accepted(gateway, [{ sensorId: `S${sensor}`, time: now(), values: { co2: 400 } }]);
    return body.measurementIntervalSeconds;
  };
  expect(await answered()).toBe(60);
  await gateway.patch({ measurementIntervalSeconds: 300 });
  await waitFor(async () => (await answered()) === 300);
  await gateway.patch({ measurementIntervalSeconds: null });
  await waitFor(async () => (await answered()) === 60);
});

test('a stale ETag is refused', async () => {
  await stack.registerGateway({ gatewayId: '394260700051', mqtt: target() });
  const { etag } = await stack.api.getIntegration('394260700051');
  await stack.api.patchIntegration('394260700051', { qos: 0 }, { ifMatch: etag });
  await expect(stack.api.patchIntegration('394260700051', { qos: 2 }, { ifMatch: etag })).rejects.toMatchObject({
    name: 'ApiError',
    status: 412,
    code: 'stale_revision',
  });
});
