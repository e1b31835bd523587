import { ApiClient, LocalStack } from '@gatecast/local-stack';
import { FaultableBroker, waitFor } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';

const declaring = (...fleets: string[]) => ({ 'config-api': { GATECAST_FLEETS: fleets.join(',') } });
const temperature = (value: string) => [
  { sensorId: '3002FA', time: Math.floor(Date.now() / 1000), values: { temperature: value } },
];

test('fleets that the deployment names are created at start; those it names no more are kept, with what they hold', async () => {
  await using broker = await FaultableBroker.start();
  await using stack = await LocalStack.start({ partitions: 4, env: declaring('default', 'west') });
  await stack.addInstance('mqtt-publisher', { fleet: 'west' });
  const mqtt = { host: broker.host, port: broker.port };
  const gateway = await stack.registerGateway({ gatewayId: 'gw-1', fleet: 'west', mqtt });
  expect((await gateway.send(temperature('21.5'))).status).toBe(202);
  await waitFor(() => broker.messages.some(({ topic }) => topic.includes('gw-1')), { timeoutMs: 30_000 });

  const later = await stack.addInstance('config-api', { env: declaring('default')['config-api'] });
  const api = new ApiClient({ baseUrl: later.process.httpUrl, apiKey: stack.apiKey });
  const { items } = (await api.request<{ items: { fleet: string; declared: boolean }[] }>('GET', '/v1/fleets')).value;
  expect(items.map(({ fleet, declared }) => [fleet, declared])).toEqual([
    ['default', true],
    ['west', false],
  ]);
  await expect(api.request('DELETE', '/v1/fleets/west')).rejects.toMatchObject({ code: 'fleet_not_empty' });
  await expect(api.request('DELETE', '/v1/fleets/default')).rejects.toMatchObject({ code: 'fleet_declared' });
});
