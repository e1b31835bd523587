import { type ApiClient, ApiError, type GatewayClient, LocalStack } from '@gatecast/local-stack';
import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

interface Letter {
  id: number;
  reason: string;
  kind: string;
  topic?: string;
  preview?: string;
}

let stack: LocalStack;
let broker: FaultableBroker;

beforeAll(async () => {
  [stack, broker] = await Promise.all([LocalStack.start({ partitions: 8 }), FaultableBroker.start()]);
});

afterAll(async () => {
  await stack.stop();
  await broker.stop();
});

const now = () => Math.floor(Date.now() / 1000);
const lettersPath = (api: ApiClient, { gatewayId }: GatewayClient) =>
  `/v1/workspaces/${api.workspace}/gateways/${gatewayId}/dead-letters`;

async function letters(gateway: GatewayClient): Promise<Letter[]> {
  const path = `${lettersPath(stack.api, gateway)}?order=oldest`;
  return (await stack.api.request<{ items: Letter[] }>('GET', path)).value.items;
}

/** Values that came to the broker, without those that it refused. */
function arrived({ gatewayId }: GatewayClient): number[] {
  const own = broker.messages.filter(({ topic }) => topic.split('/')[1] === gatewayId && topic.includes('/json/'));
  return own.map(({ payload }) => Number(JSON.parse(payload.toString()).co2));
}

test('what an MQTT 5 broker refuses is listed, re-queued when the broker is mended, and discarded', async () => {
  const mqtt = { host: broker.host, port: broker.port, protocolVersion: '5' } as const;
  const gateway = await stack.registerGateway({ gatewayId: 'refused', mqtt });
  const send = async (...values: number[]) => {
    const readings = values.map((co2) => ({ sensorId: '3002FA', time: now() - 1_000 + co2, values: { co2 } }));
    expect((await gateway.send(readings)).status).toBe(202);
  };
  const refused = new Set([2, 4, 6]);
  broker.faults.pubackCode = ({ clientId, packet }) => {
    if (clientId !== 'refused' || !packet.topic.includes('/json/')) return undefined;
    return refused.has(Number(JSON.parse(packet.payload.toString()).co2)) ? 0x87 : undefined;
  };
  await send(1, 2, 3, 4, 5, 6);
  await waitFor(async () => (await letters(gateway)).length === 3, { timeoutMs: 30_000 });
  expect(arrived(gateway)).toEqual([1, 3, 5]);
  const [first, second, third] = await letters(gateway);
  expect(first).toMatchObject({
    reason: 'not_authorized',
    kind: 'messages',
    topic: 'Aranet/refused/sensors/3002FA/json/measurements',
    preview: expect.stringContaining('"co2":"2"'),
  });
  expect(third!.preview).toContain('"co2":"6"');

  const path = lettersPath(stack.api, gateway);
  await stack.api.request('DELETE', `${path}/${second!.id}`);
  broker.faults.clear();
  await stack.api.request('POST', `${path}/${first!.id}/requeue`);
  await waitFor(() => arrived(gateway).length === 4, { timeoutMs: 30_000 });
  await send(7);
  const { value } = await stack.api.request('POST', `${path}:requeue?reason=not_authorized`);
  expect(value).toEqual({ requeued: 1, skipped: 0, more: false });
  await waitFor(() => arrived(gateway).length === 6, { timeoutMs: 30_000 });
  expect(arrived(gateway)).toEqual([1, 3, 5, 2, 7, 6]);
  expect(await letters(gateway)).toEqual([]);
});

test('what a broker closes the connection at is listed as poison, and re-queued when the broker is mended', async () => {
  const gateway = await stack.registerGateway({
    gatewayId: 'poisoned',
    mqtt: { host: broker.host, port: broker.port },
  });
  broker.faults.cutOnPublish = ({ clientId, packet }) =>
    clientId === 'poisoned' && packet.topic.includes('/json/') && packet.payload.toString().includes('"co2":"2"');
  const readings = [1, 2, 3].map((co2) => ({ sensorId: '3002FA', time: now() - 1_000 + co2, values: { co2 } }));
  expect((await gateway.send(readings)).status).toBe(202);
  await waitFor(async () => (await letters(gateway)).length === 1, { timeoutMs: 30_000 });
  await waitFor(() => arrived(gateway).includes(3), { timeoutMs: 30_000 });
  expect(new Set(arrived(gateway))).toEqual(new Set([1, 3]));
  const [letter] = await letters(gateway);
  expect(letter).toMatchObject({ reason: 'poison', kind: 'messages', preview: expect.stringContaining('"co2":"2"') });

  broker.faults.clear();
  await stack.api.request('POST', `${lettersPath(stack.api, gateway)}:requeue?reason=poison`);
  await waitFor(() => arrived(gateway).includes(2), { timeoutMs: 30_000 });
  expect(await letters(gateway)).toEqual([]);
});

test('readings that cannot be encoded are re-queued when the settings are mended, and are no repeats', async () => {
  const rootTopic = 'x'.repeat(230);
  const { host, port } = broker;
  const mqtt = { host, port, rootTopic, profile: 'aws-iot-core', tls: { enabled: true } } as const;
  const gateway = await stack.registerGateway({ gatewayId: 'toolong', mqtt });
  await gateway.send([{ sensorId: '3002FA', time: now(), values: { co2: 1 } }]);
  await waitFor(async () => (await letters(gateway)).length === 1, { timeoutMs: 30_000 });
  expect((await letters(gateway))[0]).toMatchObject({ reason: 'topic_too_long', kind: 'measurements' });

  const path = lettersPath(stack.api, gateway);
  await stack.api.patchIntegration('toolong', { enabled: false });
  const disabled = stack.api.request('POST', `${path}:requeue`);
  await expect(disabled).rejects.toThrow(ApiError);
  await expect(disabled).rejects.toMatchObject({ code: 'integration_disabled' });
  const mended = { enabled: true, rootTopic: 'short', profile: 'generic', tls: { enabled: false } } as const;
  await stack.api.patchIntegration('toolong', mended);
  expect((await stack.api.request('POST', `${path}:requeue`)).value).toMatchObject({ requeued: 1 });
  await waitFor(() => arrived(gateway).length === 1, { timeoutMs: 30_000 });
  expect(await letters(gateway)).toEqual([]);
});
