import type { IntegrationSettings } from '@gatecast/shared/model';
import { FaultableBroker, type FaultableBrokerOptions, fromClient, waitFor } from '@gatecast/shared/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { deliveredCounters, upTo } from './support/delivered.ts';
import { PublisherFixture } from './support/publisher-fixture.ts';
import { deadLetters, statusHistory } from './support/stored.ts';

let fixture: PublisherFixture;

beforeAll(async () => {
  fixture = await PublisherFixture.start();
});

afterAll(() => fixture.stop());

const limited = (capabilities: NonNullable<FaultableBrokerOptions['capabilities']>) =>
  FaultableBroker.start({ capabilities });

async function deliver(broker: FaultableBroker, gateway: string, mqtt: IntegrationSettings, retain = false) {
  await fixture.configure(gateway, { host: broker.host, port: broker.port, protocolVersion: '5', ...mqtt });
  await fixture.emit(gateway, 20, { retain });
  await waitFor(() => deliveredCounters(broker, gateway).length >= 20, { timeoutMs: 15_000 });
  expect(deliveredCounters(broker, gateway)).toEqual(upTo(20));
  expect(broker.violations).toEqual([]);
  return fixture.waitForStatus(gateway, 'MQTT_INFO_NO_ERR');
}

test.each([0, 1] as const)('Maximum QoS %i: messages, birth and will go at it', async (maximumQoS) => {
  await using broker = await limited({ maximumQoS });
  const gateway = `qos-${maximumQoS}`;
  const status = await deliver(broker, gateway, { qos: 2, will: { qos: 2 } });
  const packets = broker.publishes(fromClient(gateway)).map(({ packet }) => packet.qos);
  expect(new Set(packets)).toEqual(new Set([maximumQoS]));
  expect(status.brokerLimits).toEqual({ qos: maximumQoS, willQos: maximumQoS });
});

test('no Retain Available: everything goes, nothing is retained, and it is said', async () => {
  await using broker = await limited({ retainAvailable: false });
  const status = await deliver(broker, 'retain', {}, true);
  expect(broker.publishes(fromClient('retain')).some(({ packet }) => packet.retain)).toBe(false);
  expect(status.brokerLimits).toEqual({ retain: false, willRetain: false });
});

test('Maximum Packet Size: what is larger is set aside, the rest flows, the session stays', async () => {
  const gateway = 'large';
  const fits = 'Aranet/large/sensors/S1/json/measurements'.length + 1 + 1 + 2 + 2 + 1 + 1;
  await using broker = await limited({ maximumPacketSize: fits });
  await fixture.configure(gateway, {
    host: broker.host,
    port: broker.port,
    protocolVersion: '5',
    will: { enabled: false },
  });
  await fixture.emit(gateway, 10);
  await waitFor(async () => (await fixture.checkpoint(gateway))?.s === 10, { timeoutMs: 15_000 });
  expect(deliveredCounters(broker, gateway)).toEqual(upTo(9));
  expect(await deadLetters(fixture.connection, gateway)).toEqual([
    { counter: 10, payload: '10', reason: 'packet_too_large' },
  ]);
  expect(broker.violations).toEqual([]);
  expect(broker.connections.filter(({ clientId }) => clientId === gateway)).toHaveLength(1);
  // It lasts until the broker acknowledges something else.
  const said = await waitFor(async () => {
    const history = await statusHistory(fixture.connection, gateway);
    return history.find(({ reason }) => reason === 'packet_too_large');
  });
  expect(said).toMatchObject({ code: 'MQTT_ERROR_CONN_REFUSED', class: 'user' });
});
