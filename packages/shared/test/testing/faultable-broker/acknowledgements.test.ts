import type { MqttClient } from 'mqtt';
import { describe, expect, it } from 'vitest';
import type { FaultableBroker } from '../../../src/testing/faultable-broker/broker.ts';
import { fromClient, onTopic } from '../../../src/testing/faultable-broker/faults.ts';
import { waitFor } from '../../../src/testing/wait-for.ts';
import { connectClient } from '../mqtt-js.ts';
import { RawMqttClient } from '../raw-mqtt-client.ts';
import { startBroker } from './start-broker.ts';

/** Payloads in the order their acknowledgements came. */
function publishAll(client: MqttClient, qos: 1 | 2, payloads: readonly string[], topic = 'a'): string[] {
  const acknowledged: string[] = [];
  for (const payload of payloads) {
    client.publish(topic, payload, { qos }, (error) => {
      if (!error) acknowledged.push(payload);
    });
  }
  return acknowledged;
}

/** When the broker has answered a PINGREQ, it has handled all that was sent before. */
async function settle(broker: FaultableBroker, client: MqttClient): Promise<void> {
  const pings = broker.packets('pingreq').length;
  client.sendPing();
  await waitFor(() => broker.packets('pingreq').length > pings);
}

describe.each([4, 5] as const)('acknowledgements, protocol level %i', (protocolVersion) => {
  it('can be withheld: PUBACK', async () => {
    const broker = await startBroker();
    broker.faults.withholdPuback = onTopic('hung/#');
    const { client } = await connectClient(broker.url, { protocolVersion });
    const hung = publishAll(client, 1, ['1'], 'hung/a');
    const fine = publishAll(client, 1, ['2'], 'fine/a');
    await waitFor(() => fine.length === 1);
    expect(hung).toEqual([]);
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['1', '2']);
  });

  it('can be withheld from one client only', async () => {
    const broker = await startBroker();
    broker.faults.withholdPuback = fromClient('hung');
    const hung = await connectClient(broker.url, { protocolVersion, clientId: 'hung' });
    const fine = await connectClient(broker.url, { protocolVersion, clientId: 'fine' });
    const none = publishAll(hung.client, 1, ['1']);
    await broker.waitForMessages(1);
    await fine.client.publishAsync('a', '2', { qos: 1 });
    expect(none).toEqual([]);
  });

  it('can be withheld: PUBREC', async () => {
    const broker = await startBroker();
    broker.faults.withholdPubrec = true;
    const { client } = await connectClient(broker.url, { protocolVersion });
    publishAll(client, 2, ['1']);
    await broker.waitForPublish();
    await settle(broker, client);
    expect([broker.packets('pubrel'), broker.messages]).toEqual([[], []]);
  });

  it('can be withheld: PUBCOMP', async () => {
    const broker = await startBroker();
    broker.faults.withholdPubcomp = true;
    const { client } = await connectClient(broker.url, { protocolVersion });
    const acknowledged = publishAll(client, 2, ['1']);
    await broker.waitForPacket('pubrel');
    await settle(broker, client);
    expect(acknowledged).toEqual([]);
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['1']);
    expect(broker.connections[0]?.inFlightCount).toBe(1);
  });

  it('can be withheld: PINGRESP', async () => {
    const broker = await startBroker();
    broker.faults.withholdPingresp = true;
    const { client } = await RawMqttClient.connect(broker.port, { clientId: 'gw', protocolVersion });
    client.send({ cmd: 'pingreq' });
    await broker.waitForPacket('pingreq');
    broker.faults.clear();
    client.send({ cmd: 'pingreq' });
    await client.next('pingresp');
    expect([broker.packets('pingreq').length, client.received]).toEqual([2, []]);
    client.drop();
  });

  it('come again once the fault is over', async () => {
    const broker = await startBroker();
    broker.faults.withholdPuback = true;
    const { client } = await connectClient(broker.url, { protocolVersion });
    const acknowledged = publishAll(client, 1, ['withheld']);
    await broker.waitForMessages(1);
    broker.faults.clear();
    await client.publishAsync('a', 'answered', { qos: 1 });
    expect(acknowledged).toEqual([]);
  });

  it.each([1, 2] as const)('can be late: QoS %i', async (qos) => {
    const broker = await startBroker();
    broker.faults.ackDelayMs = 60;
    const { client } = await connectClient(broker.url, { protocolVersion });
    const start = performance.now();
    const acknowledged = publishAll(client, qos, ['1', '2', '3']);
    await waitFor(() => acknowledged.length === 3);
    expect(performance.now() - start).toBeGreaterThanOrEqual(59 * qos);
    expect(acknowledged).toEqual(['1', '2', '3']);
  });

  it('can be released by hand, in order', async () => {
    const broker = await startBroker();
    broker.faults.holdAcks = true;
    const { client } = await connectClient(broker.url, { protocolVersion });
    const acknowledged = publishAll(client, 1, ['1', '2', '3', '4']);
    await waitFor(() => broker.pendingAcks === 4);
    expect(broker.releaseAcks(2)).toBe(2);
    await waitFor(() => acknowledged.length === 2);
    expect([acknowledged, broker.pendingAcks]).toEqual([['1', '2'], 2]);
    broker.faults.clear();
    const later = publishAll(client, 1, ['5']);
    await waitFor(() => broker.pendingAcks === 3, { describe: 'the fifth to wait behind the held ones' });
    expect(broker.releaseAcks()).toBe(2);
    await waitFor(() => later.length === 1);
    expect(acknowledged).toEqual(['1', '2', '3', '4']);
  });

  it('can be so many a second', async () => {
    const broker = await startBroker();
    broker.faults.acksPerSecond = 50;
    const { client } = await connectClient(broker.url, { protocolVersion });
    const start = performance.now();
    const acknowledged = publishAll(client, 1, ['1', '2', '3', '4', '5', '6']);
    await waitFor(() => acknowledged.length === 6);
    expect(performance.now() - start).toBeGreaterThanOrEqual(99);
    expect(acknowledged).toEqual(['1', '2', '3', '4', '5', '6']);
  });

  it('do not come on a connection that is gone', async () => {
    const broker = await startBroker();
    broker.faults.holdAcks = true;
    const { client } = await connectClient(broker.url, { protocolVersion });
    publishAll(client, 1, ['1', '2']);
    await waitFor(() => broker.pendingAcks === 2);
    broker.dropConnections();
    expect([broker.pendingAcks, broker.releaseAcks()]).toEqual([0, 0]);
  });

  it('are not the fate of a message that is discarded', async () => {
    const broker = await startBroker();
    broker.faults.discardPublish = onTopic('lost');
    const { client } = await connectClient(broker.url, { protocolVersion });
    const lost = publishAll(client, 1, ['1'], 'lost');
    await client.publishAsync('kept', '2', { qos: 1 });
    expect(lost).toEqual([]);
    expect(broker.messages.map(({ payload }) => payload)).toEqual(['2']);
    expect(broker.publishes()).toHaveLength(2);
  });
});

describe('reason codes of MQTT 5', () => {
  it.each([1, 2] as const)('refuse single messages of QoS %i', async (qos) => {
    const broker = await startBroker();
    const refusal = ({ packet }: { packet: { topic: string } }) => (packet.topic === 'bad' ? 0x99 : undefined);
    broker.faults.pubackCode = refusal;
    broker.faults.pubrecCode = refusal;
    const { client } = await connectClient(broker.url, { protocolVersion: 5 });
    await expect(client.publishAsync('bad', 'x', { qos })).rejects.toMatchObject({ code: 0x99 });
    await client.publishAsync('good', 'x', { qos });
    expect(broker.messages.map(({ topic }) => topic)).toEqual(['good']);
    expect(broker.connections[0]?.inFlightCount).toBe(0);
  });

  it('below 0x80 take the message over', async () => {
    const broker = await startBroker();
    broker.faults.pubackCode = 0x10; // no matching subscribers
    const { client } = await connectClient(broker.url, { protocolVersion: 5 });
    await client.publishAsync('a', 'x', { qos: 1 });
    expect(broker.messageCount).toBe(1);
  });

  it('cannot be told to an MQTT 3.1.1 client', async () => {
    const broker = await startBroker();
    broker.faults.pubackCode = 0x99;
    const { client } = await connectClient(broker.url, { protocolVersion: 4 });
    await client.publishAsync('a', 'x', { qos: 1 });
    expect(broker.messageCount).toBe(1);
  });
});
