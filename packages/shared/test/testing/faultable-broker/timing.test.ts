import { describe, it } from 'vitest';
import { RawMqttClient } from '../raw-mqtt-client.ts';
import { startBroker } from './start-broker.ts';

/** What MQTT counts in whole seconds. These tests wait for the real thing, side by side. */
describe.concurrent('a silent client', () => {
  it.for([4, 5] as const)(
    'is cut after one and a half times its keep-alive, protocol level %i',
    async (protocolVersion, { expect, onTestFinished }) => {
      const broker = await startBroker({}, onTestFinished);
      const packet = { clientId: 'silent', protocolVersion, keepalive: 1 };
      const { client } = await RawMqttClient.connect(broker.port, packet);
      const start = performance.now();
      await client.waitForClose();
      expect(performance.now() - start).toBeGreaterThan(1_300);
      expect(broker.connections[0]?.closeReason).toBe('keep-alive timeout');
      if (protocolVersion === 5) expect((await client.next('disconnect')).reasonCode).toBe(0x8d);
    },
  );

  it('is held to the keep-alive that the broker tells in MQTT 5', async ({ expect, onTestFinished }) => {
    const broker = await startBroker({ capabilities: { serverKeepAlive: 1 } }, onTestFinished);
    const packet = { clientId: 'silent', protocolVersion: 5, keepalive: 600 } as const;
    const { client, connack } = await RawMqttClient.connect(broker.port, packet);
    expect(connack.properties?.serverKeepAlive).toBe(1);
    await client.waitForClose();
  });

  it('can be left alone', async ({ expect, onTestFinished }) => {
    const [lenient, strict] = [await startBroker({}, onTestFinished), await startBroker({}, onTestFinished)];
    lenient.faults.ignoreKeepAlive = true;
    const packet = { clientId: 'silent', protocolVersion: 4, keepalive: 1 } as const;
    const alone = await RawMqttClient.connect(lenient.port, packet);
    const cut = await RawMqttClient.connect(strict.port, packet);
    await cut.client.waitForClose();
    expect(alone.client.isClosed).toBe(false);
  });
});

describe.concurrent('an MQTT 5 will', () => {
  it('waits for its delay', async ({ expect, onTestFinished }) => {
    const broker = await startBroker({}, onTestFinished);
    const { client } = await RawMqttClient.connect(broker.port, {
      clientId: 'gw',
      protocolVersion: 5,
      clean: false,
      properties: { sessionExpiryInterval: 600 },
      will: { topic: 'status', payload: 'offline', properties: { willDelayInterval: 1 } },
    });
    const start = performance.now();
    client.drop();
    await broker.waitForMessages(1);
    expect(performance.now() - start).toBeGreaterThan(900);
  });
});
