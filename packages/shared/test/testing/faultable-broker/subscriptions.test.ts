import { describe, expect, it } from 'vitest';
import { MqttCollector } from '../../../src/testing/mqtt-collector.ts';
import { connectClient } from '../mqtt-js.ts';
import { startBroker } from './start-broker.ts';

describe('subscription options of MQTT 5', () => {
  it('keep out what the subscriber published itself', async () => {
    const broker = await startBroker();
    const one = await connectClient(broker.url, { protocolVersion: 5, clientId: 'one' });
    const two = await connectClient(broker.url, { protocolVersion: 5, clientId: 'two' });
    const topics: string[] = [];
    one.client.on('message', (topic) => topics.push(topic));
    await one.client.subscribeAsync('#', { qos: 0, nl: true });
    await one.client.publishAsync('own', 'x', { qos: 1 });
    const delivered = new Promise((resolve) => one.client.once('message', resolve));
    await two.client.publishAsync('other', 'x', { qos: 1 });
    await delivered;
    expect(topics).toEqual(['other']);
  });

  it('keep the retain flag as published', async () => {
    const broker = await startBroker();
    const { client } = await connectClient(broker.url, { protocolVersion: 5 });
    const flags: boolean[] = [];
    const two = new Promise<void>((resolve) => {
      client.on('message', (_topic, _payload, packet) => {
        if (flags.push(packet.retain) === 2) resolve();
      });
    });
    await client.subscribeAsync('#', { qos: 0, rap: true });
    await client.publishAsync('a', 'x', { qos: 1, retain: true });
    await client.publishAsync('a', 'x', { qos: 1 });
    await two;
    expect(flags).toEqual([true, false]);
  });

  it.each([
    [0, ['a', 'a', 'end']],
    [1, ['a', 'end']],
    [2, ['end']],
  ])('decide whether retained messages come: retain handling %i', async (rh, expected) => {
    const broker = await startBroker();
    const { client } = await connectClient(broker.url, { protocolVersion: 5 });
    await client.publishAsync('a', 'x', { qos: 1, retain: true });
    const topics: string[] = [];
    const ended = new Promise<void>((resolve) => {
      client.on('message', (topic) => {
        topics.push(topic);
        if (topic === 'end') resolve();
      });
    });
    await client.subscribeAsync('#', { qos: 0, rh });
    await client.subscribeAsync('#', { qos: 0, rh });
    await client.publishAsync('end', 'x', { qos: 1 });
    await ended;
    expect(topics).toEqual(expected);
  });
});

describe('a subscriber', () => {
  it('gets one copy, however many of its filters match', async () => {
    const broker = await startBroker();
    await using collector = await MqttCollector.start({ url: broker.url, filters: ['#', 'a/#', 'a/b'] });
    const { client } = await connectClient(broker.url);
    await client.publishAsync('a/b', 'x', { qos: 1 });
    await client.publishAsync('end', 'x', { qos: 1 });
    await collector.waitFor(({ topic }) => topic === 'end');
    expect([...collector.byTopic().keys()]).toEqual(['a/b', 'end']);
    expect(collector.messages).toHaveLength(2);
  });

  it('gets the properties a message was published with', async () => {
    const broker = await startBroker();
    const { client } = await connectClient(broker.url, { protocolVersion: 5 });
    const properties = { contentType: 'text/plain', userProperties: { traceparent: '00-1-2-01' } };
    await client.publishAsync('a', 'x', { qos: 1, properties });
    expect(broker.messages[0]?.properties).toMatchObject(properties);
  });
});
