import { describe, expect, it } from 'vitest';
import { waitFor } from '../../../src/testing/wait-for.ts';
import { closed, connectClient, createClient } from '../mqtt-js.ts';
import { startBroker } from './start-broker.ts';

describe.each([4, 5] as const)('cut connections, protocol level %i', (protocolVersion) => {
  it('after so many packets', async () => {
    const broker = await startBroker();
    broker.faults.cutAfterPackets = 3;
    const { client } = await connectClient(broker.url, { protocolVersion });
    const end = closed(client);
    await client.publishAsync('a', '1', { qos: 1 });
    await client.publishAsync('a', '2', { qos: 1 });
    await end;
    expect(broker.connections[0]).toMatchObject({ packetCount: 3, closeReason: 'cut after 3 packets' });
    expect(broker.messageCount).toBe(2);
  });

  it('after CONNECT, its CONNACK included', async () => {
    const broker = await startBroker();
    broker.faults.cutAfterPackets = 1;
    const client = createClient(broker.url, { protocolVersion });
    let isConnected = false;
    client.once('connect', () => {
      isConnected = true;
    });
    await closed(client);
    expect(isConnected).toBe(true);
  });

  it('after so many PUBLISH packets', async () => {
    const broker = await startBroker();
    broker.faults.cutAfterPublishes = 2;
    const { client } = await connectClient(broker.url, { protocolVersion });
    const end = closed(client);
    for (const payload of ['1', '2', '3', '4']) client.publish('a', payload, { qos: 1 });
    await end;
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['1', '2']);
    expect(broker.connections[0]?.closeReason).toBe('cut after 2 PUBLISH packets');
  });

  it('instead of handling a message: poison', async () => {
    const broker = await startBroker();
    broker.faults.cutOnPublish = ({ packet }) => packet.payload.toString() === 'poison';
    const { client } = await connectClient(broker.url, { protocolVersion });
    const end = closed(client);
    await client.publishAsync('a', 'fine', { qos: 1 });
    client.publish('a', 'poison', { qos: 1 });
    await end;
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['fine']);
    expect(broker.publishes()).toHaveLength(2);
  });

  it('between CONNECT and CONNACK, and the session is there', async () => {
    const broker = await startBroker();
    broker.faults.cutBeforeConnack = true;
    const session = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};
    const options = { clientId: 'gw', protocolVersion, clean: false, reconnectPeriod: 10, ...session };
    const connecting = connectClient(broker.url, options);
    await broker.waitForConnect();
    broker.faults.clear();
    const { connack } = await connecting;
    expect(connack.sessionPresent).toBe(true);
  });

  it('between a message and its PUBACK, so that it comes again', async () => {
    const broker = await startBroker();
    broker.faults.cutBeforeAck = true;
    const { client } = await connectClient(broker.url, { clientId: 'gw', protocolVersion, reconnectPeriod: 10 });
    const published = client.publishAsync('a', 'x', { qos: 1 });
    await broker.waitForMessages(1);
    broker.faults.clear();
    await published;
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['x', 'x']);
  });

  it('between a QoS 2 message and its PUBREC, and it is still taken over once', async () => {
    const broker = await startBroker();
    broker.faults.cutBeforeAck = true;
    const session = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};
    const options = { clientId: 'gw', protocolVersion, clean: false, reconnectPeriod: 10, ...session };
    const { client } = await connectClient(broker.url, options);
    const published = client.publishAsync('a', 'x', { qos: 2 });
    await broker.waitForPublish();
    broker.faults.clear();
    await published;
    expect(broker.publishes()).toHaveLength(2);
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['x']);
    expect(broker.violations).toEqual([]);
  });

  it('between PUBREL and PUBCOMP, and the message is not taken over again', async () => {
    const broker = await startBroker();
    broker.faults.withholdPubcomp = true;
    const session = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {};
    const options = { clientId: 'gw', protocolVersion, clean: false, reconnectPeriod: 10, ...session };
    const { client } = await connectClient(broker.url, options);
    client.publish('a', 'x', { qos: 2 });
    await broker.waitForPacket('pubrel');
    broker.faults.clear();
    broker.dropConnections();
    await waitFor(() => broker.packets('pubrel').length === 2);
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['x']);
  });
});
