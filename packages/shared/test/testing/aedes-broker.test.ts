import { describe, expect, it, onTestFinished } from 'vitest';
import { AedesBroker, type AedesBrokerOptions } from '../../src/testing/aedes-broker.ts';
import { waitFor } from '../../src/testing/wait-for.ts';
import { connectClient, connectError, createClient } from './mqtt-js.ts';
import { RawMqttClient } from './raw-mqtt-client.ts';

async function start(options: AedesBrokerOptions = {}): Promise<AedesBroker> {
  const broker = await AedesBroker.start(options);
  onTestFinished(() => broker.stop());
  return broker;
}

describe('AedesBroker', () => {
  it('shows what clients connected with and published', async () => {
    const broker = await start();
    const { client } = await connectClient(broker.url, { clientId: 'gw-1', keepalive: 30 });
    await client.publishAsync('a', 'one', { qos: 1 });
    await client.publishAsync('b', 'two', { qos: 2, retain: true });
    await waitFor(() => broker.messages.length === 2);
    expect(broker.connects).toMatchObject([{ clientId: 'gw-1', keepalive: 30, protocolVersion: 4 }]);
    expect(broker.messages).toEqual([
      { topic: 'a', payload: 'one', qos: 1, retain: false, clientId: 'gw-1' },
      { topic: 'b', payload: 'two', qos: 2, retain: true, clientId: 'gw-1' },
    ]);
  });

  it('shows wills', async () => {
    const broker = await start();
    const will = { topic: 'status', payload: Buffer.from('offline'), qos: 1, retain: true } as const;
    await RawMqttClient.connect(broker.port, { clientId: 'gw-1', protocolVersion: 4, will });
    broker.dropConnections();
    await waitFor(() => broker.messages.some(({ topic, payload }) => topic === 'status' && payload === 'offline'));
  });

  it('refuses whom it is told to, with the return code', async () => {
    const broker = await start({
      authenticate: ({ clientId, username, password }) => {
        if (clientId === 'banned') return 'not authorized';
        return (username === 'gw' && password === 'secret') || 'bad user name or password';
      },
    });
    await connectClient(broker.url, { username: 'gw', password: 'secret' });
    expect((await connectError(broker.url, { username: 'gw', password: 'wrong' })).code).toBe(4);
    expect((await connectError(broker.url, { clientId: 'banned' })).code).toBe(5);
  });

  it('takes a fixed port', async () => {
    const first = await start();
    await first.stop();
    const second = await start({ port: first.port });
    expect(second.port).toBe(first.port);
  });

  it('stops in time, with clients connected and in mid-connect', async () => {
    const broker = await start();
    const { client } = await connectClient(broker.url);
    const silent = await RawMqttClient.open(broker.port, 4);
    createClient(broker.url);
    const begin = performance.now();
    await broker.stop();
    expect(performance.now() - begin).toBeLessThan(1_000);
    await silent.waitForClose();
    await waitFor(() => !client.connected);
    await broker.stop();
  });
});
