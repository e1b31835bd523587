import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FaultableBroker } from '../../src/testing/faultable-broker/broker.ts';
import { listen } from '../../src/testing/listen.ts';
import { MqttCollector, type MqttCollectorOptions } from '../../src/testing/mqtt-collector.ts';
import { waitFor } from '../../src/testing/wait-for.ts';
import { connectClient } from './mqtt-js.ts';

async function startBroker(): Promise<FaultableBroker> {
  const broker = await FaultableBroker.start();
  onTestFinished(() => broker.stop());
  return broker;
}

async function collect(broker: FaultableBroker, options: Partial<MqttCollectorOptions> = {}): Promise<MqttCollector> {
  const collector = await MqttCollector.start({ url: broker.url, ...options });
  onTestFinished(() => collector.stop());
  return collector;
}

describe.each([4, 5] as const)('MqttCollector, protocol level %i', (protocolVersion) => {
  it('collects what is published after it has started', async () => {
    const broker = await startBroker();
    const collector = await collect(broker, { filters: ['a/#', 'b'], protocolVersion });
    const { client } = await connectClient(broker.url);
    for (const [topic, payload] of [
      ['a/1', 'one'],
      ['b', 'two'],
      ['c', 'not asked for'],
      ['a/1', 'three'],
    ] as const) {
      await client.publishAsync(topic, payload, { qos: 1 });
    }
    const messages = await collector.waitForCount(3);
    expect(messages[0]).toMatchObject({ topic: 'a/1', payload: 'one', retain: false, dup: false });
    expect(Math.abs((messages[0]?.time ?? 0) - Date.now())).toBeLessThan(5_000);
    expect(collector.byTopic()).toEqual(
      new Map([
        ['a/1', ['one', 'three']],
        ['b', ['two']],
      ]),
    );
    expect(collector.matching('a/+').map(({ payload }) => payload)).toEqual(['one', 'three']);
    expect((await collector.waitFor(({ topic }) => topic === 'b')).payload).toBe('two');
    collector.clear();
    expect(collector.messages).toEqual([]);
  });

  it('is back after the broker was away', async () => {
    const broker = await startBroker();
    const collector = await collect(broker, { protocolVersion });
    await broker.restart({ keepSessions: false });
    await waitFor(() => broker.packets('subscribe').length === 2, { describe: 'the collector to subscribe again' });
    const { client } = await connectClient(broker.url);
    await client.publishAsync('a', 'x', { qos: 1 });
    await collector.waitForCount(1);
  });
});

describe('MqttCollector', () => {
  it('says how many messages there were when more are awaited', async () => {
    const collector = await collect(await startBroker());
    const waiting = collector.waitForCount(2, { timeoutMs: 20 });
    await expect(waiting).rejects.toThrow(/2 messages; there were 0/);
  });

  it('asks for a session that is kept', async () => {
    const broker = await startBroker();
    await collect(broker, { persistent: true, clientId: 'kept', protocolVersion: 5 });
    expect(broker.connects[0]?.packet).toMatchObject({
      clientId: 'kept',
      clean: false,
      properties: { sessionExpiryInterval: 3_600 },
    });
  });

  it('stops in time while the broker hangs', async () => {
    const broker = await startBroker();
    const collector = await collect(broker);
    broker.faults.withholdConnack = true;
    broker.dropConnections();
    await broker.waitForConnect((connect) => connect.connection === 2);
    const begin = performance.now();
    await collector.stop();
    expect(performance.now() - begin).toBeLessThan(1_000);
    await collector.stop();
  });

  it('passes the credentials on', async () => {
    const broker = await startBroker();
    await collect(broker, { client: { username: 'reader', password: 'secret' } });
    expect(broker.connects[0]?.packet).toMatchObject({ username: 'reader', password: Buffer.from('secret') });
  });

  it('does not start without a broker', async () => {
    const server = createServer();
    const port = await listen(server);
    server.close();
    const starting = MqttCollector.start({ url: `mqtt://127.0.0.1:${port}`, connectWithinMs: 200 });
    await expect(starting).rejects.toThrow(/ECONNREFUSED/);
  });
});
