import { FaultableBroker } from '@gatecast/shared/testing';
import { expect, test } from 'vitest';
import { PublisherFixture } from './support/publisher-fixture.ts';

test('CONNECT says whose session it is, where that is switched on and the protocol is MQTT 5', async () => {
  await using broker = await FaultableBroker.start();
  const fixture = await PublisherFixture.start({ env: { GATECAST_IDENTIFY_SESSIONS: 'true' } });
  const target = { host: broker.host, port: broker.port };
  await fixture.configure('five', { ...target, protocolVersion: '5' });
  await fixture.configure('three', target);
  const five = await broker.waitForConnect(({ clientId }) => clientId === 'five');
  const three = await broker.waitForConnect(({ clientId }) => clientId === 'three');
  expect(five.packet.properties?.userProperties).toEqual({
    'gatecast-instance': 'publisher-1',
    'gatecast-moves': '0',
    'gatecast-epoch': expect.stringMatching(/^\d+$/),
  });
  expect(three.packet.properties).toBeUndefined();
  await fixture.stop();
});
