import type { IConnectPacket } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import type { FaultableBroker } from '../../../src/testing/faultable-broker/broker.ts';
import { RawMqttClient } from '../raw-mqtt-client.ts';
import { startBroker } from './start-broker.ts';

const will = { topic: 'gw/status', payload: Buffer.from('offline'), qos: 1, retain: true } as const;

type Connect = Partial<Omit<IConnectPacket, 'protocolVersion'>> & { protocolVersion?: 4 | 5 };

async function gateway(broker: FaultableBroker, packet: Connect = {}): Promise<RawMqttClient> {
  const { client } = await RawMqttClient.connect(broker.port, { clientId: 'gw', protocolVersion: 5, will, ...packet });
  return client;
}

/** With Will Delay, in a session that outlives it. */
function delayed(seconds: number): Connect {
  return {
    clean: false,
    properties: { sessionExpiryInterval: 600 },
    will: { ...will, properties: { willDelayInterval: seconds } },
  };
}

describe.each([4, 5] as const)('a will, protocol level %i', (protocolVersion) => {
  it.each([
    ['that the client cut', (client: RawMqttClient) => client.drop()],
    ['that the broker cut', (_client: RawMqttClient, broker: FaultableBroker) => broker.dropConnections()],
  ])('is published at the end of a connection %s', async (_end, cut) => {
    const broker = await startBroker();
    const client = await gateway(broker, { protocolVersion });
    cut(client, broker);
    const [message] = await broker.waitForMessages(1);
    expect(message).toMatchObject({ topic: 'gw/status', payload: 'offline', qos: 1, retain: true, isWill: true });
    expect(broker.retained.get('gw/status')?.payload).toBe('offline');
  });

  it('goes before the new session at a takeover', async () => {
    const broker = await startBroker();
    const former = await gateway(broker, { protocolVersion });
    await gateway(broker, { protocolVersion });
    expect(broker.messages.map(({ connection, isWill }) => [connection, isWill])).toEqual([[1, true]]);
    await former.waitForClose();
  });

  it('is not published after DISCONNECT', async () => {
    const broker = await startBroker();
    const client = await gateway(broker, { protocolVersion });
    client.send({ cmd: 'disconnect' });
    await client.waitForClose();
    expect(broker.messages).toEqual([]);
  });
});

describe('an MQTT 5 will', () => {
  it('is published after DISCONNECT with reason 0x04', async () => {
    const broker = await startBroker();
    const client = await gateway(broker);
    client.send({ cmd: 'disconnect', reasonCode: 0x04 });
    await broker.waitForMessages(1);
  });

  it('is not published when the client is back before its delay is over', async () => {
    const broker = await startBroker();
    const first = await gateway(broker, delayed(3_600));
    await gateway(broker, delayed(3_600)); // a takeover
    await first.waitForClose();
    broker.dropConnections();
    await gateway(broker, { clean: false });
    expect(broker.messages).toEqual([]);
  });

  it('does not wait longer than the session lasts', async () => {
    const broker = await startBroker();
    const ending = await gateway(broker, { ...delayed(3_600), properties: { sessionExpiryInterval: 0 } });
    ending.drop();
    await broker.waitForMessages(1);
    const kept = await gateway(broker, delayed(3_600));
    kept.drop();
    await gateway(broker, { clean: true }); // ends the kept session
    await broker.waitForMessages(2);
  });
});
