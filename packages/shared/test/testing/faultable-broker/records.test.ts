import { describe, expect, it } from 'vitest';
import { fromClient, onTopic } from '../../../src/testing/faultable-broker/faults.ts';
import { connectClient } from '../mqtt-js.ts';
import { startBroker } from './start-broker.ts';

describe.each([4, 5] as const)('what the faultable broker shows, protocol level %i', (protocolVersion) => {
  it('shows every packet with its time, connection and client', async () => {
    const broker = await startBroker();
    const before = Date.now();
    const one = await connectClient(broker.url, { clientId: 'one', protocolVersion, keepalive: 17, username: 'gw' });
    const two = await connectClient(broker.url, { clientId: 'two', protocolVersion });
    await two.client.publishAsync('b', 'second', { qos: 2 });
    await one.client.publishAsync('a', 'first', { qos: 1, retain: true });
    await one.client.endAsync();
    await broker.waitForPacket('disconnect', fromClient('one'));
    expect(broker.connects.map(({ clientId, connection }) => [clientId, connection])).toEqual([
      ['one', 1],
      ['two', 2],
    ]);
    expect(broker.connects[0]?.packet).toMatchObject({ protocolVersion, keepalive: 17, username: 'gw', clean: true });
    expect(
      broker
        .packets()
        .filter(fromClient('two'))
        .map(({ packet }) => packet.cmd),
    ).toEqual(['connect', 'publish', 'pubrel']);
    const [publish] = broker.publishes(onTopic('a'));
    expect(publish).toMatchObject({ clientId: 'one', connection: 1, packet: { qos: 1, retain: true, dup: false } });
    expect(publish?.time).toBeGreaterThanOrEqual(before - 5);
    expect(broker.publishes(fromClient('two'))).toHaveLength(1);
    expect(broker.violations).toEqual([]);
  });

  it('lists messages in the order they were taken over', async () => {
    const broker = await startBroker();
    const { client } = await connectClient(broker.url, { clientId: 'gw', protocolVersion });
    await client.publishAsync('a', 'zero');
    await client.publishAsync('a', 'one', { qos: 1 });
    await client.publishAsync('a', 'two', { qos: 2 });
    const messages = await broker.waitForMessages(3);
    expect(messages.map(({ payload, qos, clientId }) => [payload, qos, clientId])).toEqual([
      ['zero', 0, 'gw'],
      ['one', 1, 'gw'],
      ['two', 2, 'gw'],
    ]);
    expect(broker.messageCount).toBe(3);
  });

  it('shows connections: open, closed, and the most in flight on each', async () => {
    const broker = await startBroker();
    broker.faults.withholdPuback = true;
    const { client } = await connectClient(broker.url, { clientId: 'gw', protocolVersion });
    for (const payload of ['1', '2', '3']) client.publish('a', payload, { qos: 1 });
    await broker.waitForMessages(3);
    expect(broker.connectedClients).toEqual(['gw']);
    expect(broker.connections[0]).toMatchObject({ number: 1, inFlightCount: 3, peakInFlight: 3, publishCount: 3 });
    broker.dropConnections();
    expect(broker.connections[0]?.closeReason).toBe('dropped');
    expect(broker.connectedClients).toEqual([]);
  });
});

describe('what the faultable broker keeps', () => {
  it('can be less, for long runs', async () => {
    const counted: string[] = [];
    const broker = await startBroker({ recording: 'connects', onMessage: ({ payload }) => counted.push(payload) });
    const { client } = await connectClient(broker.url);
    await client.publishAsync('a', 'x', { qos: 1 });
    expect([broker.packets(), broker.messages, broker.messageCount, counted]).toEqual([[], [], 1, ['x']]);
    expect(broker.connects).toHaveLength(1);
  });

  it('can be forgotten on the way', async () => {
    const broker = await startBroker();
    const { client } = await connectClient(broker.url);
    await client.publishAsync('a', 'before', { qos: 1, retain: true });
    broker.clearRecords();
    await client.publishAsync('a', 'after', { qos: 1 });
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['after']);
    expect(broker.connects).toEqual([]);
    expect([...broker.retained.keys()]).toEqual(['a']);
  });
});
