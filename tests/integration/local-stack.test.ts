import { ApiError, LocalStack } from '@gatecast/local-stack';
import { AedesBroker, NatsServer, testProvider, waitFor } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { descendantsOf } from './support/process-tree.ts';

const now = () => Math.floor(Date.now() / 1000);
const services = () => descendantsOf(process.pid).filter(({ command }) => command.includes('/services/'));
const PROCESSES = testProvider() === 'containers' ? 0 : 4;

test('restarts keep addresses, and a proxy stands between services and NATS', async () => {
  await using broker = await AedesBroker.start();
  const lines = new Set<string>();
  await using stack = await LocalStack.start({
    partitions: 4,
    proxied: true,
    nodeFlags: { encoder: ['--no-warnings'] },
    onLine: (name) => lines.add(name),
  });
  expect(services()).toHaveLength(PROCESSES);
  const gateway = await stack.registerGateway({ gatewayId: 'gw', mqtt: { host: broker.host, port: broker.port } });
  const delivered = () => broker.messages.filter(({ topic }) => topic.includes('/measurements')).length;
  const send = async (n: number) =>
    (await gateway.send([{ sensorId: `S${n}`, time: now(), values: { co2: n } }])).status;

  expect(await send(1)).toBe(202);
  await waitFor(() => delivered() === 1);
  const urls = Object.values(stack.services).map(({ adminUrl }) => adminUrl);
  await Promise.all(Object.values(stack.services).map((service) => service.restart()));
  expect(Object.values(stack.services).map(({ adminUrl }) => adminUrl)).toEqual(urls);
  await waitFor(async () => (await send(2)) === 202, { timeoutMs: 20_000 });
  await waitFor(() => delivered() >= 2, { timeoutMs: 20_000 });

  for (const { natsProxy } of stack.instances) natsProxy.resetAll();
  await waitFor(async () => (await send(3)) === 202, { timeoutMs: 20_000 });
  await waitFor(() => delivered() >= 3, { timeoutMs: 20_000 });
  const exits = await stack.stop();
  expect([...exits.values()]).toEqual(Array.from({ length: 4 }, () => ({ code: 0, signal: null })));
  expect(services()).toEqual([]);
  expect([...lines].sort()).toEqual(['config-api', 'encoder', 'mqtt-publisher', 'nats-server', 'sensor-ingest']);
});

test('a service that does not start fails the start, with what it said, and nothing goes on running', async () => {
  const starting = LocalStack.start({ env: { encoder: { GATECAST_NO_SUCH_SETTING: '1' } } });
  await expect(starting).rejects.toMatchObject({ code: 'PROCESS_EXITED' });
  await expect(starting).rejects.toThrow('GATECAST_NO_SUCH_SETTING: unknown setting');
  expect(services()).toEqual([]);
});

test('a start can be given up', async () => {
  const abort = new AbortController();
  const starting = LocalStack.start({ signal: abort.signal });
  const outcome = expect(starting).rejects.toThrow();
  await waitFor(() => services().length > 0 || PROCESSES === 0, { timeoutMs: 20_000 });
  abort.abort();
  await outcome;
  expect(services()).toEqual([]);
});

test('with a NATS server of somebody else’s: it is left running, and refusals carry their problem', async () => {
  await using nats = await NatsServer.start();
  const stack = await LocalStack.start({ natsUrl: nats.url, partitions: 4 });
  expect(() => stack.nats).toThrow(TypeError);
  expect(() => stack.instances[0]!.natsProxy).toThrow(TypeError);
  await stack.registerGateway({ gatewayId: 'gw' });
  const refused = await stack.api.putIntegration('gw', { host: 'broker', port: 0 }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(ApiError);
  expect(refused).toMatchObject({
    status: 422,
    code: 'validation_failed',
    problem: { errors: [{ pointer: '/port' }] },
  });
  await expect(stack.registerGateway({ gatewayId: 'gw' })).rejects.toMatchObject({ code: 'gateway_exists' });
  await expect(stack.api.as('wrong').status('gw')).rejects.toMatchObject({ status: 401 });
  await stack.api.createWorkspace('acme');
  const acme = stack.api.in('acme');
  await acme.createGateway({ gatewayId: 'other' });
  expect((await acme.listGateways()).map(({ gatewayId }) => gatewayId)).toEqual(['other']);
  await expect(acme.status('gw')).rejects.toMatchObject({ status: 404 });
  await stack.stop();
  await nats.restart();
});

test('several processes of a service: added, hung, cut off and stopped one by one', async () => {
  await using stack = await LocalStack.start({
    partitions: 4,
    proxied: true,
    instances: { 'mqtt-publisher': 2, 'sensor-ingest': 2 },
  });
  expect(stack.instances.map(({ instance }) => instance).sort()).toEqual([
    'config-api-1',
    'encoder-1',
    'mqtt-publisher-1',
    'mqtt-publisher-2',
    'sensor-ingest-1',
    'sensor-ingest-2',
  ]);
  expect(new Set(stack.instances.map(({ process: { adminUrl } }) => adminUrl)).size).toBe(6);
  const isReady = async (url: string) => (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(500) })).ok;

  const third = await stack.addInstance('sensor-ingest');
  expect(third.instance).toBe('sensor-ingest-3');
  await third.process.pause();
  await expect(isReady(third.process.adminUrl)).rejects.toThrow();
  third.process.resume();
  await waitFor(() => isReady(third.process.adminUrl));
  await third.natsProxy.refuse();
  third.natsProxy.resetAll();
  await waitFor(async () => !(await isReady(third.process.adminUrl)));
  expect(await isReady(stack.services['sensor-ingest'].adminUrl)).toBe(true);
  expect(await stack.removeInstance(third)).toEqual({ code: 0, signal: null });
  expect(stack.instancesOf('sensor-ingest')).toHaveLength(2);

  await stack.api.createFleet('other');
  const other = await stack.addInstance('mqtt-publisher', { fleet: 'other' });
  expect(other.process.log.some((line) => line.includes('"fleet":"other"'))).toBe(true);
});

test('on a cluster of three NATS servers', async () => {
  await using broker = await AedesBroker.start();
  await using stack = await LocalStack.start({ partitions: 4, natsServers: 3 });
  expect(() => stack.nats).toThrow(TypeError);
  const gateway = await stack.registerGateway({ gatewayId: 'gw', mqtt: { host: broker.host, port: broker.port } });
  const leader = await stack.natsCluster.leaderOf('READINGS');
  await leader.kill('SIGKILL');
  const send = async () => (await gateway.send([{ sensorId: 'S', time: now(), values: { co2: 1 } }])).status;
  await waitFor(async () => (await send()) === 202, { timeoutMs: 30_000 });
  await waitFor(() => broker.messages.some(({ topic }) => topic.includes('/measurements')), { timeoutMs: 30_000 });
});
