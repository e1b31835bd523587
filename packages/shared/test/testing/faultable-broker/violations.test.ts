import type { IPublishPacket } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import type { FaultableBroker, FaultableBrokerOptions } from '../../../src/testing/faultable-broker/broker.ts';
import type { ViolationRule } from '../../../src/testing/faultable-broker/records.ts';
import { waitFor } from '../../../src/testing/wait-for.ts';
import { closed, connectClient } from '../mqtt-js.ts';
import { RawMqttClient } from '../raw-mqtt-client.ts';
import { startBroker } from './start-broker.ts';

async function raw(broker: FaultableBroker, protocolVersion: 4 | 5): Promise<RawMqttClient> {
  return (await RawMqttClient.connect(broker.port, { clientId: 'gw', protocolVersion })).client;
}

function publish(packet: Partial<IPublishPacket>): IPublishPacket {
  return { cmd: 'publish', topic: 'a', payload: 'x', qos: 1, dup: false, retain: false, messageId: 1, ...packet };
}

function rules(broker: FaultableBroker): ViolationRule[] {
  return broker.violations.map(({ rule }) => rule);
}

describe('the limits that CONNACK tells MQTT 5 clients', () => {
  it('are told', async () => {
    const capabilities = { receiveMaximum: 2, maximumQoS: 1, retainAvailable: false, maximumPacketSize: 1_000 };
    const broker = await startBroker({ capabilities });
    const { connack } = await connectClient(broker.url, { protocolVersion: 5 });
    expect(connack.properties).toMatchObject(capabilities);
    broker.capabilities = { receiveMaximum: 7 };
    const next = await connectClient(broker.url, { protocolVersion: 5 });
    expect(next.connack.properties).toEqual({ receiveMaximum: 7 });
  });

  const breaches: [string, FaultableBrokerOptions['capabilities'], IPublishPacket, ViolationRule, number][] = [
    ['QoS', { maximumQoS: 1 }, publish({ qos: 2 }), 'maximum-qos-exceeded', 0x9b],
    ['retain', { retainAvailable: false }, publish({ retain: true }), 'retain-not-available', 0x9a],
    ['packet size', { maximumPacketSize: 50 }, publish({ payload: 'x'.repeat(43) }), 'packet-too-large', 0x95],
    ['topic alias', {}, publish({ properties: { topicAlias: 1 } }), 'topic-alias-invalid', 0x94],
  ];
  it.each(breaches)('are kept: %s', async (_name, capabilities, packet, rule, reasonCode) => {
    const broker = await startBroker({ capabilities: capabilities ?? {} });
    const client = await raw(broker, 5);
    client.send(packet);
    expect((await client.next('disconnect')).reasonCode).toBe(reasonCode);
    expect([rules(broker), broker.messages]).toEqual([[rule], []]);
    await client.waitForClose();
  });

  it('are kept: Receive Maximum', async () => {
    const broker = await startBroker({ capabilities: { receiveMaximum: 2 } });
    broker.faults.holdAcks = true;
    const client = await raw(broker, 5);
    for (const messageId of [1, 2]) client.send(publish({ messageId }));
    await waitFor(() => broker.pendingAcks === 2);
    expect(broker.releaseAcks(1)).toBe(1);
    await client.next('puback');
    client.send(publish({ messageId: 3 }));
    await broker.waitForMessages(3);
    expect(broker.violations).toEqual([]);
    client.send(publish({ messageId: 4 }));
    expect((await client.next('disconnect')).reasonCode).toBe(0x93);
    expect(rules(broker)).toEqual(['receive-maximum-exceeded']);
    expect(broker.connections[0]?.peakInFlight).toBe(3);
  });

  it('count a QoS 2 message until its PUBCOMP', async () => {
    const broker = await startBroker({ capabilities: { receiveMaximum: 1 } });
    const client = await raw(broker, 5);
    client.send(publish({ qos: 2 }));
    await client.next('pubrec');
    expect(broker.connections[0]?.inFlightCount).toBe(1);
    client.send({ cmd: 'pubrel', messageId: 1 });
    await client.next('pubcomp');
    client.send(publish({ qos: 2, messageId: 2 }));
    await client.next('pubrec');
    expect(broker.violations).toEqual([]);
    client.drop();
  });

  it('do not hold for MQTT 3.1.1', async () => {
    const broker = await startBroker({ capabilities: { receiveMaximum: 1, maximumQoS: 1, retainAvailable: false } });
    const { client } = await connectClient(broker.url, { protocolVersion: 4 });
    await Promise.all(['1', '2'].map((payload) => client.publishAsync('a', payload, { qos: 2, retain: true })));
    expect(broker.violations).toEqual([]);
  });

  it('may let topic aliases be used', async () => {
    const broker = await startBroker({ capabilities: { topicAliasMaximum: 2 } });
    const { client } = await connectClient(broker.url, { protocolVersion: 5, autoAssignTopicAlias: true });
    for (const topic of ['a', 'b', 'a', 'c', 'b']) await client.publishAsync(topic, 'x', { qos: 1 });
    expect(broker.messages.map(({ topic }) => topic)).toEqual(['a', 'b', 'a', 'c', 'b']);
  });
});

describe.each([4, 5] as const)('what a client must not do, protocol level %i', (protocolVersion) => {
  it('begin without CONNECT', async () => {
    const broker = await startBroker();
    const client = await RawMqttClient.open(broker.port, protocolVersion);
    client.send({ cmd: 'pingreq' });
    await client.waitForClose();
    expect(rules(broker)).toEqual(['connect-expected']);
  });

  it('connect twice', async () => {
    const broker = await startBroker();
    const client = await raw(broker, protocolVersion);
    client.send({ cmd: 'connect', clientId: 'gw', protocolVersion, protocolId: 'MQTT', clean: true, keepalive: 0 });
    await client.waitForClose();
    expect(rules(broker)).toEqual(['second-connect']);
  });

  it('send what is no MQTT', async () => {
    const broker = await startBroker();
    const client = await RawMqttClient.open(broker.port, protocolVersion);
    client.sendBytes(Buffer.from('GET / HTTP/1.1\r\nHost: broker\r\n\r\n'));
    await client.waitForClose();
    expect(rules(broker)).toEqual(['malformed-packet']);
  });

  it('send what only a broker sends', async () => {
    const broker = await startBroker();
    const client = await raw(broker, protocolVersion);
    client.send({ cmd: 'pingresp' });
    await client.waitForClose();
    expect(rules(broker)).toEqual(['unexpected-packet']);
  });

  it('publish to a filter', async () => {
    const broker = await startBroker();
    const client = await raw(broker, protocolVersion);
    client.send(publish({ topic: 'a/+' }));
    await client.waitForClose();
    expect([rules(broker), broker.messages]).toEqual([['topic-name-invalid'], []]);
  });

  it('use a packet identifier that is in use', async () => {
    const broker = await startBroker();
    broker.faults.withholdPuback = true;
    const client = await raw(broker, protocolVersion);
    client.send(publish({ payload: 'one' }));
    client.send(publish({ payload: 'two' }));
    await broker.waitForMessages(2);
    expect(rules(broker)).toEqual(['packet-identifier-in-use']);
    client.drop();
  });

  it('use a packet identifier for another message before it is released: that one is lost', async () => {
    const broker = await startBroker();
    const client = await raw(broker, protocolVersion);
    client.send(publish({ qos: 2, payload: 'one' }));
    await client.next('pubrec');
    client.send(publish({ qos: 2, payload: 'two', dup: true }));
    await client.next('pubrec');
    client.send({ cmd: 'pubrel', messageId: 1 });
    await client.next('pubcomp');
    expect(rules(broker)).toEqual(['packet-identifier-reused']);
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['one']);
    client.drop();
  });
});

describe('PUBCOMP of MQTT 5', () => {
  it('says that the packet identifier is not known', async () => {
    const broker = await startBroker();
    const client = await raw(broker, 5);
    client.send({ cmd: 'pubrel', messageId: 9 });
    expect((await client.next('pubcomp')).reasonCode).toBe(0x92);
    client.drop();
  });
});

describe('a well-behaved client', () => {
  it('violates nothing, and is not closed', async () => {
    const broker = await startBroker({ capabilities: { receiveMaximum: 10 } });
    const { client } = await connectClient(broker.url, { protocolVersion: 5 });
    for (const qos of [0, 1, 2] as const) await client.publishAsync('a', 'x', { qos, retain: true });
    await client.subscribeAsync('#');
    await client.unsubscribeAsync('#');
    const end = closed(client);
    await client.endAsync();
    await end;
    expect(broker.violations).toEqual([]);
    expect(broker.connections[0]?.closeReason).toBe('DISCONNECT');
  });
});
