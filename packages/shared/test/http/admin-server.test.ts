import { Counter, Registry } from '@prometheus-io/client';
import { expect, onTestFinished, test } from 'vitest';
import { startAdminServer } from '../../src/http/index.ts';

async function start(notReady: () => string | undefined = () => undefined) {
  const registry = new Registry();
  const server = await startAdminServer({ host: '127.0.0.1', port: 0, registry, notReady });
  onTestFinished(() => server.stop());
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  return { registry, server, get };
}

test('is alive whatever readiness says, and says why it is not ready', async () => {
  let reason: string | undefined = 'not connected to NATS';
  const { get } = await start(() => reason);
  expect(await get('/livez')).toMatchObject({ status: 200, text: 'ok\n' });
  expect(await get('/readyz')).toMatchObject({ status: 503, text: 'not connected to NATS\n' });
  reason = undefined;
  expect(await get('/readyz')).toMatchObject({ status: 200, text: 'ok\n' });
});

test('serves the metrics of the registry, those of the process among them', async () => {
  const { registry, get } = await start();
  new Counter({ name: 'gatecast_test_total', help: 'A test.', registers: [registry] }).inc(3);
  const { status, type, text } = await get('/metrics');
  expect(status).toBe(200);
  expect(type).toBe(registry.contentType);
  expect(text).toContain('gatecast_test_total 3');
  expect(text).toContain('process_cpu_seconds_total');
});

test('has nothing else', async () => {
  const { get } = await start();
  expect((await get('/')).status).toBe(404);
});

test('stops although a client keeps its connection open', async () => {
  const { server, get } = await start();
  await get('/livez'); // the client keeps it for later
  await server.stop();
  await expect(get('/livez')).rejects.toThrow();
});
